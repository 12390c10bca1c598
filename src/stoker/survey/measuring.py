"""Statistics of a view's rows, which others read by their places: leaf by leaf, to the bits of one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.crew import Crew
from stoker.sources import BoundView, Source
from stoker.sources.index import RowIndex
from stoker.survey.marks import Marks
from stoker.transforms.statistics import LEAF_ROWS, ColumnStatistics
from stoker.transforms.uniqueness import LeafValues
from stoker.types import IntArray, Rows

__all__ = ["measured"]

_PART_BYTES = 64 << 20
_READ_BYTES = 4 << 20
_PARTS_A_TASK = 4
_COUNTED = 1 << 20
"""Rows without a number that are counted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measuring:
    """Which rows are read, and what is looked for in them besides."""

    source: Source
    view: BoundView
    index: RowIndex
    excluded: IntArray
    dtype: np.dtype[Any]
    integers: frozenset[str]
    columns: IntArray
    limits: npt.NDArray[np.uint64]

    def rows(self, start: int, stop: int) -> Iterator[list[tuple[IntArray, Rows]]]:
        """The rows at some positions, those of each leaf in pieces, and their ids."""
        reader = self.source.reader(self.index, self.excluded, self.dtype)
        width = max(1, len(self.source.numeric_features)) * self.dtype.itemsize
        step = max(1, min(LEAF_ROWS, _READ_BYTES // width))
        try:
            for leaf in range(start, stop, LEAF_ROWS):
                end = min(leaf + LEAF_ROWS, stop)
                places = (self.view.ids(first, min(first + step, end)) for first in range(leaf, end, step))
                yield [(ids, reader.read(ids)) for ids in places]
        finally:
            reader.close()


def measured(
    crew: Crew,
    source: Source,
    view: BoundView,
    index: RowIndex,
    excluded: IntArray,
    dtype: np.dtype[Any],
    marks: Marks,
) -> ColumnStatistics:
    """Statistics of the numeric features over a view, less excluded rows; their marks go into `marks`.

    Raises
    ------
    BadRowError
        If a row is bad and is not among the excluded ones.
    """
    seen, nowhere = ColumnStatistics(), np.empty(0, np.int64)
    if not source.numeric_features:
        for first in range(0, view.num_rows, _COUNTED):
            count = min(_COUNTED, view.num_rows - first)
            seen.update(Rows(num_rows=count, features=(), matrix=None))
        return seen
    task = _Measuring(
        source=source, view=view, index=index, excluded=excluded, dtype=dtype,
        columns=nowhere, limits=np.empty(0, np.uint64), integers=frozenset(marks.integers),
    )  # fmt: skip
    first = min(LEAF_ROWS, view.num_rows)
    seen.update(source.reader(index, excluded, dtype).read(nowhere))
    for pieces in task.rows(0, first):
        for ids, rows in pieces:
            _take_in(seen, marks, ids, rows)
    columns, limits = seen.candidates if first == LEAF_ROWS else (nowhere, task.limits)
    parts = _parts(view.num_rows, first, len(source.numeric_features) * dtype.itemsize, crew)
    common = _Measuring(
        source=source, view=view, index=index, excluded=excluded, dtype=dtype,
        columns=columns.copy(), limits=limits.copy(), integers=task.integers,
    )  # fmt: skip
    for state, leaves, further in crew.each(_measure, parts, common):
        seen.follow(ColumnStatistics.from_state(state), common.columns, leaves)
        marks.merge(further)
    return seen


def _parts(num_rows: int, first: int, row_bytes: int, crew: Crew) -> list[tuple[int, int]]:
    leaves = -(-(num_rows - first) // LEAF_ROWS)
    most = max(1, _PART_BYTES // (max(1, row_bytes) * LEAF_ROWS))
    step = min(most, max(1, leaves // (_PARTS_A_TASK * crew.size))) * LEAF_ROWS
    return [(start, min(start + step, num_rows)) for start in range(first, num_rows, step)]


def _measure(common: _Measuring, bounds: tuple[int, int]) -> tuple[dict[str, Any], list[LeafValues], Marks]:
    seen, leaves = ColumnStatistics(distinct=False, apart=True), []
    marks = Marks(integers=common.integers)
    for pieces in common.rows(*bounds):
        for ids, rows in pieces:
            _take_in(seen, marks, ids, rows)
        if len(common.columns):
            leaves.append(LeafValues.of([rows for _, rows in pieces], common.columns, common.limits))
    return seen.state(), leaves, marks


def _take_in(seen: ColumnStatistics, marks: Marks, ids: IntArray, rows: Rows) -> None:
    seen.update(rows)
    marks.take_in(rows, None, lambda number: int(ids[number]), seen)
