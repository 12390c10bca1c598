"""Bad rows written to a file of their own, each with its place and what is wrong with it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from stoker.errors import OptionError, RunError
from stoker.folders import staged_file
from stoker.group import current
from stoker.ledger import Ledger
from stoker.outputs import require_here
from stoker.sources import Source
from stoker.survey.finding import FoundRow, find_rows
from stoker.survey.result import Survey
from stoker.types import IntArray, Progress

__all__ = ["FIELDS", "Quarantine", "check_quarantine", "write_quarantine"]

FIELDS = ("file", "line", "row", "column", "reason", "text")
"""What a quarantined row is told by; `column` is the first that is wrong, empty where the whole row is."""

_MOST_REASONS = 8
_HEADER = (",".join(FIELDS) + "\n").encode()
Wanted = Callable[[str | None, bool], bool]
"""Whether a problem, by its column and whether it makes a row a bad one, is a reason to leave a row out."""


class Quarantine:
    """The file that a run's bad rows go to; rows found before it has a place wait for it.

    Parameters
    ----------
    path
        Ends in ``.csv`` or ``.jsonl``; None where `place` will say it.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path: Path | None = None
        self._found: list[Survey] = []
        self._ledger: Ledger | None = None
        self._written = 0
        if path is not None:
            self.place(path)

    def place(self, path: str | os.PathLike[str]) -> None:
        """Say where the file is to be, unless that was said; what waits is written.

        Raises
        ------
        OptionError
            For another suffix, or where there is a file that is none of quarantined rows.
        """
        if self.path is None:
            check_quarantine(path)
            self.path = Path(path)
            self._write()

    def add(self, survey: Survey, progress: Progress | None = None, *, ledger: Ledger | None = None) -> None:
        """Take in the bad rows of a survey, behind those of the surveys before; the ledger pays for reading.

        Raises
        ------
        DataError
            If a file changed since it was surveyed.
        RunError
            If the file cannot be written.
        """
        self._ledger = ledger or self._ledger
        if all(known.paths != survey.paths for known in self._found):
            self._found.append(survey)
            self._write(progress)

    def require_place(self) -> None:
        """Refuse to go on without a file.

        Raises
        ------
        OptionError
            If nobody said where it is to be.
        """
        if self.path is None:
            raise OptionError(
                "on_bad_row='quarantine' needs a file for the bad rows: say quarantine='bad.csv' (or "
                "'bad.jsonl'), or train with run=, whose folder then holds quarantine.csv"
            )

    def _write(self, progress: Progress | None = None) -> None:
        if self.path is None or not current().is_first:
            return  # processes that train together all find the same rows, and one of them writes
        for survey in self._found[self._written :]:
            rows = _bad_rows(survey.source, survey.excluded, progress, self._ledger)
            _put(self.path, rows, behind=self._written > 0)
            self._written += 1


def write_quarantine(
    path: str | os.PathLike[str],
    source: Source,
    ids: IntArray,
    is_wanted: Wanted,
    progress: Progress | None = None,
) -> None:
    """Write the rows of the given ids, ascending, to a new file, which appears whole or not at all.

    Raises
    ------
    OptionError
        As `check_quarantine`.
    """
    check_quarantine(path)
    _put(
        Path(path), _told(find_rows(source.whole, ids, progress, with_values=False), is_wanted), behind=False
    )


def check_quarantine(path: str | os.PathLike[str]) -> None:
    """Refuse a path that quarantined rows must not be written to.

    Raises
    ------
    OptionError
        For another suffix than ``.csv`` and ``.jsonl``, a folder, or a file that holds something else: only
        rows quarantined before are replaced.
    """
    require_here(path, "quarantined rows")
    final = Path(path)
    if final.suffix.lower() not in _ENCODERS:
        raise OptionError(f"quarantine= takes a name that ends in .csv or .jsonl, got {final.name!r}")
    if final.is_dir():
        raise OptionError(f"quarantine={os.fspath(path)!r} is a folder: name a file")
    if final.exists() and not _is_own(final):
        raise OptionError(
            f"{final} is there already and holds no rows that were quarantined: name another quarantine="
        )


def _is_own(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(1 << 16)
    if path.suffix.lower() == ".csv":
        return first in (b"", _HEADER)
    try:
        return not first or tuple(msgspec.json.decode(first, type=dict[str, Any])) == FIELDS
    except msgspec.DecodeError:
        return len(first) == 1 << 16 and first.startswith(b'{"file":')


def _bad_rows(
    source: Source, excluded: IntArray, progress: Progress | None, ledger: Ledger | None
) -> Iterator[tuple[Any, ...]]:
    """Of the rows left out those that are bad: a blank label is, a blank that ``na=`` drops is not."""
    yield from _told(
        find_rows(source.whole, excluded, progress, with_values=False, ledger=ledger),
        lambda column, is_bad: is_bad or column in source.answers,
    )


def _told(rows: Iterable[FoundRow], is_wanted: Wanted) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        reasons = [(column, said) for column, is_bad, said in row.problems if is_wanted(column, is_bad)]
        if not reasons:
            continue
        said = "; ".join(reason for _, reason in reasons[:_MOST_REASONS])
        more = len(reasons) - _MOST_REASONS
        said += f"; and {more:,} more" if more > 0 else ""
        yield row.file, row.line, row.row, reasons[0][0] or "", said, row.text


def _put(path: Path, rows: Iterable[tuple[Any, ...]], *, behind: bool) -> None:
    """Write rows; `behind` those that the file holds already."""
    try:
        _put_whole(path, rows, behind)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written ({error.strerror or error}): name another quarantine=, or make room"
        ) from error


def _put_whole(path: Path, rows: Iterable[tuple[Any, ...]], behind: bool) -> None:
    encode = _ENCODERS[path.suffix.lower()]
    with staged_file(path) as file:
        if behind:
            with path.open("rb") as before:
                while piece := before.read(1 << 20):
                    file.write(piece)
        elif encode is _csv_line:
            file.write(_HEADER)
        for row in rows:
            file.write(encode(row))


def _csv_line(row: tuple[Any, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue().encode("utf-8", "backslashreplace")


def _json_line(row: tuple[Any, ...]) -> bytes:
    plain = (
        each.encode("utf-8", "backslashreplace").decode() if isinstance(each, str) else each for each in row
    )
    return msgspec.json.encode(dict(zip(FIELDS, plain, strict=True))) + b"\n"


_ENCODERS: dict[str, Callable[[tuple[Any, ...]], bytes]] = {".csv": _csv_line, ".jsonl": _json_line}
