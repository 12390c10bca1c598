"""Files that are not those of the run that is to go on, and what can be done about it; without Keras."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from stoker.audit.contents import FileContents, read_contents
from stoker.audit.difference import Differs
from stoker.audit.reading import check_files, check_surveyed
from stoker.contrasts import Files
from stoker.errors import ChangedDataError
from stoker.ledger import Ledger
from stoker.rundir import RunDirectory
from stoker.runrecords import FileRecord, RunRecord
from stoker.sources import Source
from stoker.sources.alike import file_alone
from stoker.sources.nameless import asks_otherwise
from stoker.survey import Survey
from stoker.training.lines import counted
from stoker.types import Progress

__all__ = ["Compares", "compared_unseen", "look_into", "look_surveyed", "refuse_files", "refuse_tested"]

Compares: TypeAlias = Callable[[], AbstractContextManager[Progress]]
"""Shows, while the context lasts, how much of the files has been compared."""
Look: TypeAlias = Callable[[Sequence[FileRecord], Sequence[FileContents] | None], None]
"""Raises `Differs` at the first chunk that is not what is recorded of it."""


def _unseen(done: int, total: int) -> None:
    pass


def compared_unseen() -> AbstractContextManager[Progress]:
    """Show nothing while files are compared."""
    return nullcontext(_unseen)


def refuse_files(
    directory: Path,
    there: RunRecord,
    files: tuple[Files, Files],
    look: Look,
    *,
    by_size: bool,
) -> None:
    """Say what changed of the files that are trained on: their number, their order, or the first chunk.

    Parameters
    ----------
    directory, there
        The run and its record.
    files
        Those of the run and those of now, with what tells their contents apart.
    look
        Finds the first chunk that is another, in `look_surveyed` or `look_into`.
    by_size
        Whether contents are told by their size, as before the survey, and not by what they hold.

    Raises
    ------
    ChangedDataError
        In any case.
    """
    known, given = files
    if len(known) == len(given) and not _is_reordered(known, given):
        contents = read_contents(RunDirectory(directory).contents(), [file.digest for file in there.files])
        try:
            look(there.files, contents)
        except Differs as found:
            what = found.difference.text
            if asks_otherwise(known[0][0], given[0][0]):
                what = f"{what}, and query= is another than there"
            raise ChangedDataError(
                f"{what}; {directory} was trained on what it held, and cannot be resumed on anything else: "
                f"{_ways_out(directory)}"
            ) from None
    raise ChangedDataError(_told_files(directory, known, given, by_size))


def look_surveyed(found: Survey) -> Look:
    """Look for what changed in what a survey of the files tells; nothing is read for it."""
    return partial(check_surveyed, found)


def look_into(source: Source, memory_bytes: int, compares: Compares) -> Look:
    """Look for what changed in the first file that has another size, which alone is read for it.

    Parameters
    ----------
    source
        The files now.
    memory_bytes
        How much may be held of what is read.
    compares
        Shows how far that is.
    """

    def look(files: Sequence[FileRecord], contents: Sequence[FileContents] | None) -> None:
        sizes = zip(files, source.identity(), strict=True)
        at = next(place for place, (old, new) in enumerate(sizes) if old.num_bytes != new.size)
        alone = Source(table=file_alone(source.table, at))
        known = None if contents is None else contents[at : at + 1]
        with compares() as progress:
            check_files(alone, files[at : at + 1], known, progress, ledger=Ledger(memory_bytes))

    return look


def refuse_tested(
    directory: Path,
    there: RunRecord,
    files: tuple[Files, Files],
    *,
    by_size: bool,
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
    by_size
        As of `refuse_files`.
    validates
        Whether anything is validated on now.
    trained
        The files that are trained on now.

    Raises
    ------
    ChangedDataError
        In any case.
    """
    known, given = files
    if known and given:
        raise ChangedDataError(f"of validation=, {_told_files(directory, known, given, by_size)}")
    if known:
        rows = "rows of the files that are trained on" if validates else "nothing"
        names = ", ".join(path for path, _ in known)
        raise ChangedDataError(
            f"{directory} was validated on {names}, and here it is on {rows}: open that as it was, by itself"
        )
    held_out = bool(there.training.get("validated"))
    rows = "rows of what it was trained on" if held_out else "nothing"
    others = _told_opened_anew(given, trained, by_size) if held_out else None
    raise ChangedDataError(
        f"{directory} was validated on {rows}, and validation= is of {given[0][0]}, "
        f"{others or 'other files: give what it was validated on'}"
    )


def _told_opened_anew(given: Files, trained: Files, by_size: bool) -> str | None:
    """What to do about files that are trained on, too, or may be; None of others."""
    parts = "give parts of one source, train, valid = source.split(…)"
    if _contents(given) != _contents(trained):
        return None
    if by_size and [path for path, _ in given] != [path for path, _ in trained]:
        return (
            f"as large as what is trained on: if it is that in another stoker.open, {parts}; if not, what it "
            "was validated on"
        )
    return f"the same files in another stoker.open: {parts}"


def _told_files(directory: Path, known: Files, given: Files, by_size: bool) -> str:
    if len(known) != len(given):
        what = f"{counted(len(given), 'file')} instead of the {len(known)} that {directory} was begun with"
        what += _told_more(known, given)
    else:
        (old, _), (new, _) = next(pair for pair in zip(known, given, strict=True) if pair[0][1] != pair[1][1])
        if _is_reordered(known, given):
            same = "files of the same sizes" if by_size else "the same files"
            return (
                f"{same} in another order than when {directory} was begun: {new} stands where {old} did; "
                "give them in that order, or begin another run"
            )
        is_there = os.path.abspath(old) == os.path.abspath(new)
        what = f"{new} holds something else than " + (
            f"when {directory} was begun" if is_there else f"{old}, with which {directory} was begun"
        )
    return f"{what}: it can be resumed on the same data alone; {_ways_out(directory)}"


def _told_more(known: Files, given: Files) -> str:
    """The first file that is certain to be one too many, or too few."""
    there, here = _contents(known), _contents(given)
    more = next((path for path, content in given if content not in there), None)
    gone = next((path for path, content in known if content not in here), None)
    if len(given) > len(known):
        return "" if more is None else f" ({more} is none of them)"
    return "" if gone is None else f" ({gone} is not there)"


def _is_reordered(known: Files, given: Files) -> bool:
    there, here = _contents(known), _contents(given)
    return there != here and sorted(there) == sorted(here)


def _contents(files: Files) -> list[Any]:
    return [content for _, content in files]


def _ways_out(directory: Path) -> str:
    """What can be done where the data are others."""
    if (directory / "model.keras").exists():
        return f"restore them, or begin another run with its weights, by init={str(directory)!r}"
    return "restore them, or begin another run"
