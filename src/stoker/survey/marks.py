"""Where columns begin, and which of their values go too far: how many, the first of them, and its row."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.kernels.gather import gather_columns, storage_of
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import IntArray, Rows

__all__ = ["LARGEST_EXACT", "LARGEST_SQUARED", "Mark", "Marks"]

LARGEST_EXACT = float(1 << 53)
"""Up to here every integer is a float64."""
LARGEST_SQUARED = math.sqrt(float(np.finfo(np.float32).max))
"""From here on, 1.8e19, a square is no float32: a loss of squares is infinite, and so is a variance."""

_HELD = 1 << 14
"""Values that are looked at together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Values of one column beyond a limit.

    Attributes
    ----------
    count
        How many there are.
    row
        Id of the first one's row.
    value
        The first one.
    """

    count: int
    row: int
    value: float

    def merge(self, other: Mark) -> Mark:
        """The mark of both's rows, those of `other` being the later ones."""
        return replace(self, count=self.count + other.count)


@dataclass(slots=True, kw_only=True)
class Marks:
    """What statistics do not keep of columns; rows come in order, and parts of them are merged in order.

    Nothing is looked at again unless it must be: a column's first row until it has one, its values once its
    statistics say that some go too far. So this costs nothing where all is well, and depends on no chunks.

    Attributes
    ----------
    integers
        Names of the features of integers, which are rounded beyond 2**53.
    begins
        int64 of shape (k,): of each feature the id of its first row with a value, -1 where there is none.
    rounded
        By feature of integers those beyond 2**53, as float64 holds them.
    squared
        By feature, or label, values whose squares overflow float32.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> rows = Rows(num_rows=3, features=("x",), matrix=Matrix.of(np.array([[np.nan], [1e30], [-1e30]])))
    >>> marks, seen = Marks(), ColumnStatistics().update(rows)
    >>> marks.take_in(rows, None, lambda place: 10 + place, seen)
    >>> marks.begins.tolist(), marks.squared
    ([11], {'x': Mark(count=2, row=11, value=1e+30)})
    """

    integers: Collection[str] = ()
    begins: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    rounded: dict[str, Mark] = field(default_factory=dict)
    squared: dict[str, Mark] = field(default_factory=dict)

    def take_in(
        self,
        rows: Rows,
        take: IntArray | None,
        row_id: Callable[[int], int],
        seen: ColumnStatistics,
    ) -> None:
        """Look at features.

        Parameters
        ----------
        rows, take
            As `ColumnStatistics.update` takes them.
        row_id
            The id of the row that is taken in the place of a number from 0 on.
        seen
            Statistics of these rows, and perhaps of some before.
        """
        if rows.matrix is None or not rows.features or (rows.num_rows if take is None else len(take)) == 0:
            return
        if not len(self.begins):
            self.begins = np.full(len(rows.features), -1)
        dtype = np.asarray(rows.matrix.values).dtype
        has_all, has_near = bool((self.begins >= 0).all()), dtype.kind != "f" and dtype.itemsize < 8
        if has_all and has_near:
            return
        places = rows.places(np.arange(rows.num_rows, dtype=np.int64) if take is None else take)
        if not has_all:
            self._find_begins(rows, places, row_id)
        if not has_near:
            self._find_far(rows, places, row_id, seen)

    def take_in_label(self, name: str, labels: Any, row_id: Callable[[int], int]) -> None:
        """Look at labels; of integers, and texts, none goes too far."""
        if isinstance(labels, np.ndarray) and labels.dtype.kind == "f":
            far = np.flatnonzero(np.abs(labels) > LARGEST_SQUARED)
            if len(far):
                mark = Mark(count=len(far), row=row_id(int(far[0])), value=float(labels[far[0]]))
                _add(self.squared, name, mark)

    def merge(self, other: Marks) -> Self:
        """Take in the marks of rows that follow."""
        if not len(self.begins):
            self.begins = other.begins
        elif len(other.begins):
            self.begins = np.where(self.begins >= 0, self.begins, other.begins)
        for mine, theirs in ((self.rounded, other.rounded), (self.squared, other.squared)):
            for name, mark in theirs.items():
                _add(mine, name, mark)
        return self

    def _find_begins(self, rows: Rows, places: IntArray, row_id: Callable[[int], int]) -> None:
        first = 1
        there = _present(rows, int(places[0]))
        self.begins[there & (self.begins < 0)] = row_id(0)
        columns = np.flatnonzero(self.begins < 0)
        step = max(1, _HELD // max(1, len(columns)))
        while first < len(places) and len(columns):
            held = _gathered(rows, places[first : first + step], columns)
            there = held == held
            found = there.any(axis=0)
            numbers = there.argmax(axis=0)
            for number in np.unique(numbers[found]).tolist():
                self.begins[columns[found & (numbers == number)]] = row_id(first + number)
            columns, first = columns[~found], first + step
            step = max(1, _HELD // max(1, len(columns)))

    def _find_far(
        self, rows: Rows, places: IntArray, row_id: Callable[[int], int], seen: ColumnStatistics
    ) -> None:
        furthest = np.maximum(np.abs(seen.minimum), np.abs(seen.maximum))
        for limit, marked in ((LARGEST_EXACT, self.rounded), (LARGEST_SQUARED, self.squared)):
            columns = np.flatnonzero(furthest > limit)
            if marked is self.rounded:
                columns = np.array([at for at in columns if rows.features[at] in self.integers], np.int64)
            counts, firsts, values = _beyond(rows, places, columns, limit)
            for at in np.flatnonzero(counts).tolist():
                mark = Mark(count=int(counts[at]), row=row_id(int(firsts[at])), value=float(values[at]))
                _add(marked, rows.features[int(columns[at])], mark)


def _add(marked: dict[str, Mark], name: str, mark: Mark) -> None:
    marked[name] = marked[name].merge(mark) if name in marked else mark


def _beyond(
    rows: Rows, places: IntArray, columns: IntArray, limit: float
) -> tuple[IntArray, IntArray, npt.NDArray[np.float64]]:
    """Of some columns how many values at some places are beyond a limit, the number of the first, and it."""
    counts, firsts = np.zeros(len(columns), np.int64), np.zeros(len(columns), np.int64)
    values = np.zeros(len(columns))
    step = max(1, _HELD // max(1, len(columns)))
    for first in range(0, len(places) if len(columns) else 0, step):
        held = _gathered(rows, places[first : first + step], columns)
        far = np.abs(held) > limit
        found = np.count_nonzero(far, axis=0)
        for at in np.flatnonzero((found > 0) & (counts == 0)).tolist():
            place = int(far[:, at].argmax())
            firsts[at], values[at] = first + place, held[place, at]
        counts += found
    return counts, firsts, values


def _present(rows: Rows, place: int) -> npt.NDArray[np.bool_]:
    """Which columns of one row have a value; without a kernel, whose machine code takes 10 ms to load."""
    matrix = rows.matrix
    assert matrix is not None
    piece, number = divmod(place, matrix.rows_per_piece)
    begin = int(matrix.starts[piece]) + number * matrix.num_columns
    values = np.asarray(matrix.values[begin : begin + matrix.num_columns])
    return np.asarray(values == values)


def _gathered(rows: Rows, places: IntArray, columns: IntArray) -> npt.NDArray[np.float64]:
    """Values of some columns at some places, of shape (places, columns)."""
    matrix = rows.matrix
    assert matrix is not None
    out = np.empty((len(places), len(columns)))
    gather_columns(*storage_of(matrix), np.ascontiguousarray(places, np.int64), columns, out)
    return out
