"""From ``@ag_news`` to files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stoker.datasets.entries import Dataset, Format, Split
from stoker.datasets.places import data_directory, find, read_record
from stoker.errors import FetchError

__all__ = ["Located", "locate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a fetched data set is, in the words of `stoker.open`.

    Attributes
    ----------
    dataset
        The catalogue's entry.
    train, test
        The files or folders of the training split and of the test split; no test files where the data set
        has no such split.
    format, label, text
        For `stoker.open`; no text columns where the features are numbers.
    """

    dataset: Dataset
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    format: Format
    label: str
    text: tuple[str, ...]


def locate(name: str, *, directory: str | os.PathLike[str] | None = None) -> Located:
    """Find a data set that was fetched.

    Parameters
    ----------
    name
        Its name in the catalogue, with or without the ``@``.
    directory
        Where data sets are kept; by default as for `fetch`.

    Raises
    ------
    OptionError
        The catalogue has no such data set.
    FetchError
        It was not fetched yet; names the command that does it.

    Examples
    --------
    >>> locate("@ag_news", directory=getfixture("tmp_path"))
    Traceback (most recent call last):
        ...
    stoker.errors.FetchError: ag_news was not fetched yet; stoker fetch ag_news --directory ... fetches it
    """
    entry = find(name)
    folder = data_directory(directory) / entry.name
    if read_record(folder) is None:
        at = "" if directory is None else f" --directory {os.fspath(directory)}"
        raise FetchError(f"{entry.name} was not fetched yet; stoker fetch {entry.name}{at} fetches it")
    return Located(
        dataset=entry,
        train=_paths(folder, entry.train),
        test=_paths(folder, entry.test),
        format=entry.format,
        label=entry.label,
        text=entry.text,
    )


def _paths(folder: Path, split: Split | None) -> tuple[Path, ...]:
    paths = () if split is None else tuple(folder / path for path in split.paths)
    for path in paths:
        if not path.exists():
            raise FetchError(f"{path} is gone; stoker fetch {folder.name} --force fetches it anew")
    return paths
