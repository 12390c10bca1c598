"""``@NAME`` in the place of files: a data set that was fetched, with its own words for how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from stoker.cli.options import ReadOptions
from stoker.cli.words import listed
from stoker.errors import OptionError

__all__ = ["is_known", "require_no_password", "resolved", "test_files"]

Options = TypeVar("Options", bound=ReadOptions)


def is_known(files: Sequence[str]) -> bool:
    """Whether a data set is named.

    Raises
    ------
    OptionError
        If files are named beside it.
    """
    if not any(file.startswith("@") for file in files):
        return False
    if len(files) > 1:
        raise OptionError(f"{' '.join(files)}: a data set stands alone, without further files")
    return True


def require_no_password(files: Sequence[str]) -> None:
    """Refuse a password in an address on the command line.

    Raises
    ------
    OptionError
        There is one; the message leaves it out.
    """
    from stoker.sources.database.address import Address, is_database

    for file in files:
        if is_database(file) and Address(file).has_secrets:
            raise OptionError(
                f"{Address(file).shown}: a command line is written down, and everybody on the machine sees "
                "it: leave the password out of it, and give it in PGPASSWORD or ~/.pgpass"
            )


def resolved(data: Options) -> Options:
    """The flags with the training files of the data set that they name, and how these are read.

    Raises
    ------
    OptionError
        If a flag has no effect on a known data set, or there is none of this name.
    FetchError
        If it was not fetched yet.
    """
    if not is_known(data.files):
        return data
    from stoker import datasets

    name = data.files[0]
    if data.format is not None:
        raise OptionError(f"--format has no effect on {name}, whose format is known")
    found = datasets.locate(name)
    chosen = data.text
    if chosen is None and found.text and data.columns is None and data.drop is None:
        chosen = [listed([column]) for column in found.text]
    return replace(
        data,
        files=[str(path) for path in found.train],
        label=data.label or (None if found.label is None else [listed([found.label])]),
        text=chosen,
        format=None if found.format == "csv" else found.format,
    )


def test_files(files: Sequence[str]) -> list[str]:
    """Files to test on; of ``@NAME`` those of its test split, and none where it has no such split.

    Raises
    ------
    OptionError
        If files are named beside it.
    FetchError
        If it was not fetched yet.
    """
    if not is_known(files):
        return list(files)
    from stoker import datasets

    return [str(path) for path in datasets.locate(files[0]).test]
