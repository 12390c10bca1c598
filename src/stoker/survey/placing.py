"""Files and lines of the rows that problems name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    near: dict[int, set[int]] = {}
    for file_index, offset in places if source.has_lines else ():
        if offset < _COUNTED_BYTES:
            near.setdefault(file_index, set()).add(offset)
    lines: dict[tuple[int, int], int] = {}
    paths = source.paths if near else ()
    for file_index, offsets in near.items():
        ascending = sorted(offsets)
        found = zip(ascending, lines_at(paths[file_index], ascending), strict=True)
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
    lines: dict[int, int] = {}
    if source.has_lines and not hasattr(source.table, "file_of"):
        with suppress(DataError):  # a file that cannot be read again is told by those who need it
            places = {row: (number, offset_of(source.table, index, row)) for row, number in numbers.items()}
            found = found_lines(source, list(places.values()))
            lines = {row: found[place] for row, place in places.items() if place in found}
    # Once a row: many columns begin in the same one, and of many files the paths are looked through.
    told = {row: (source.file_of(number, row), lines.get(row)) for row, number in numbers.items()}
    return [_with_place(each, told) for each in problems]


def _with_place(problem: ColumnProblem, told: Mapping[int, tuple[str, int | None]]) -> ColumnProblem:
    if problem.row is None or problem.file is not None:
        return problem
    file, line = told[problem.row]
    return replace(problem, file=file, line=line)
