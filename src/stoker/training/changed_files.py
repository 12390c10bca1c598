"""Files that are not those of the run that is to go on, and what can be done about it; without Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeAlias

from stoker.audit.contents import read_contents
from stoker.audit.difference import Differs
from stoker.audit.reading import check_files
from stoker.contrasts import Files
from stoker.errors import ChangedDataError
from stoker.ledger import Ledger
from stoker.rundir import RunDirectory
from stoker.runrecords import RunRecord
from stoker.sources import Source
from stoker.training.lines import counted
from stoker.types import Progress

__all__ = ["Compares", "compared_unseen", "refuse_files", "refuse_tested"]

Compares: TypeAlias = Callable[[], AbstractContextManager[Progress]]
"""Shows, while the context lasts, how much of the files has been compared."""


def _unseen(done: int, total: int) -> None:
    pass


def compared_unseen() -> AbstractContextManager[Progress]:
    """Show nothing while files are compared."""
    return nullcontext(_unseen)


def refuse_files(
    directory: Path,
    there: RunRecord,
    source: Source,
    files: tuple[Files, Files],
    *,
    ledger: Ledger | None = None,
    compares: Compares = compared_unseen,
) -> None:
    """Say what changed of the files that are trained on: the first chunk, where there are as many as before.

    Parameters
    ----------
    directory, there
        The run and its record.
    source
        The files now, which are read as far as they are those of before.
    files
        Those of the run and those of now, with what tells their contents apart.
    ledger
        Charged for what is read.
    compares
        Shows how far that is.

    Raises
    ------
    ChangedDataError
        In any case.
    """
    known, given = files
    if len(known) == len(given):
        contents = read_contents(RunDirectory(directory).contents(), [file.digest for file in there.files])
        try:
            with compares() as progress:
                check_files(source, there.files, contents, progress, ledger=ledger)
        except Differs as found:
            raise ChangedDataError(
                f"{found.difference.text}; {directory} was trained on what it held, and cannot be resumed on "
                f"anything else: {_ways_out(directory)}"
            ) from None
    raise ChangedDataError(_told_files(directory, known, given))


def refuse_tested(
    directory: Path,
    there: RunRecord,
    files: tuple[Files, Files],
    *,
    validates: bool,
    trained: Files,
) -> None:
    """Say in what the files that are validated on differ.

    Parameters
    ----------
    directory, there
        The run and its record.
    files
        As of `refuse_files`; of rows that are held out of what is trained on there are none.
    validates
        Whether anything is validated on now.
    trained
        The files that are trained on now.

    Raises
    ------
    ChangedDataError
        In any case.
    """
    raise ChangedDataError("".join(_told_tested(directory, there, files, validates, trained)))


def _told_tested(
    directory: Path, there: RunRecord, files: tuple[Files, Files], validates: bool, trained: Files
) -> Iterator[str]:
    known, given = files
    if known and given:
        yield f"of validation=, {_told_files(directory, known, given)}"
        return
    if known:
        rows = "rows of the files that are trained on" if validates else "nothing"
        names = ", ".join(path for path, _ in known)
        yield f"{directory} was validated on {names}, and here it is on {rows}: "
        yield "open that as it was, by itself"
        return
    was_validated = there.training.get("validated")
    rows = "rows of what it was trained on" if was_validated else "nothing"
    yield f"{directory} was validated on {rows}, and validation= is of {given[0][0]}, "
    if was_validated and _contents(given) == _contents(trained):
        yield "the same files in another stoker.open: give parts of one source, "
        yield "train, valid = source.split(…)"
    else:
        yield "other files: give what it was validated on"


def _told_files(directory: Path, known: Files, given: Files) -> str:
    same = _contents(known)
    other = next((path for path, content in given if content not in same), None)
    what = (
        f"{counted(len(given), 'file')} instead of {len(known)}"
        if other is None
        else f"{other} holds something else"
    )
    return (
        f"{what} than when {directory} was begun: it can be resumed on the same data alone; "
        f"{_ways_out(directory)}"
    )


def _contents(files: Files) -> list[Any]:
    return [content for _, content in files]


def _ways_out(directory: Path) -> str:
    """What can be done where the data are others."""
    if (directory / "model.keras").exists():
        return f"restore them, or begin another run with its weights, by init={str(directory)!r}"
    return "restore them, or begin another run"
