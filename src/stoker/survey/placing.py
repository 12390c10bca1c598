"""Files and lines of the rows that problems name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from stoker.errors import DataError
from stoker.sources import Source
from stoker.sources.index import RowIndex
from stoker.sources.locating import offset_of
from stoker.survey.lines import lines_at
from stoker.survey.problems import ColumnProblem

__all__ = ["found_lines", "placed"]

_COUNTED_BYTES = 16 << 30
"""How far into a file lines are counted, which takes some seconds."""


def found_lines(source: Source, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Lines, counted from 1, of bytes of files: by number of the file and offset, where the file has lines.

    Of places far behind in a large file none is told: these are left to their row ids.
    """
    lines: dict[tuple[int, int], int] = {}
    for file_index, path in enumerate(source.paths if source.has_lines else ()):
        offsets = {offset for number, offset in places if number == file_index}
        near = sorted(offset for offset in offsets if offset < _COUNTED_BYTES)
        if near:
            found = zip(near, lines_at(path, near), strict=True)
            lines.update({(file_index, offset): line for offset, line in found})
    return lines


def placed(problems: Sequence[ColumnProblem], source: Source, index: RowIndex) -> list[ColumnProblem]:
    """The problems, with file and line where they tell a row but no file.

    Parameters
    ----------
    problems
        As they were judged.
    source, index
        The files, which are read up to the last of these rows where they have lines, and where rows stand.
    """
    rows = sorted({each.row for each in problems if each.row is not None and each.file is None})
    numbers = {row: index.file_of(row) for row in rows}
    offsets: dict[int, int] = {}
    lines: dict[tuple[int, int], int] = {}
    if source.has_lines and not hasattr(source.table, "file_of"):
        with suppress(DataError):  # a file that cannot be read again is told by those who need it
            offsets = {row: offset_of(source.table, index, row) for row in rows}
            lines = found_lines(source, [(numbers[row], offset) for row, offset in offsets.items()])
    return [
        each
        if each.row is None or each.file is not None
        else replace(
            each,
            file=source.file_of(numbers[each.row], each.row),
            line=lines.get((numbers[each.row], offsets.get(each.row, -1))),
        )
        for each in problems
    ]
