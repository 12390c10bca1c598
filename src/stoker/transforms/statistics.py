"""Statistics of numeric columns, in one pass, mergeable, and the same for any cutting of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.kernels import statistics as kernel
from stoker.stored import MOST, require
from stoker.transforms.base import checked_places, from_plain, same_features, to_plain
from stoker.transforms.leaves import Leaf, packed_leaves, unpacked_leaves
from stoker.transforms.uniqueness import DistinctSample, LeafValues
from stoker.types import IntArray, Matrix, Rows

__all__ = ["LEAF_ROWS", "ColumnStatistics"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEAF_ROWS = 8192
"""Rows whose sums are taken together: parts that begin with such a leaf merge to the bits of one pass."""
_EARLY = (64, 512)
"""Rows at which columns of few distinct values leave the sample before the first leaf is full."""
_WHOLE = ("_closed", "_blanks", "_origin", "_mean", "_squares", "_low", "_high", "_fractions")
_LEAFWISE = ("_leaf_blanks", "_shift", "_first", "_second")
_COUNTS = ("_closed", "_blanks", "_leaf_blanks")
_INTEGERS = ("_closed", "_blanks", "_fractions", "_leaf_blanks")


class ColumnStatistics:
    """Count, blanks, extremes, mean and variance of the columns of a matrix; NaN is a blank.

    Rows are taken in leaves of 8,192 consecutive rows *seen*. In a leaf, sums of ``x - z`` and of its square
    are kept, z being the column's first value there; as z is a value of the column, the sum of squares is at
    most n + 1 times the variance's numerator, so little is lost. Full leaves are folded in order, about the
    column's very first value, by the formula of Chan, Golub and LeVeque ("Updating formulae and a pairwise
    algorithm for computing sample variances", 1979). All of it is float64 arithmetic in row order: neither
    chunks nor the matrix's dtype change a bit. Integers beyond 2**53 are rounded.

    Parameters
    ----------
    distinct
        Whether to judge `unique` as well, at about 8 ns a row for each column that may be.
    apart
        Whether full leaves are kept apart, for whoever has seen the rows before to fold in their order: these
        are statistics of a part of the rows, to be merged, and mean and variance are not to be asked for.

    Examples
    --------
    >>> matrix = Matrix.of(np.array([[1.0], [np.nan], [3.0]]))
    >>> seen = ColumnStatistics().update(Rows(num_rows=3, features=("x",), matrix=matrix))
    >>> seen.mean.tolist(), seen.std.tolist(), seen.blanks.tolist()
    ([2.0], [1.0], [1])
    """

    _leaf_rows: int
    _closed: IntArray
    _blanks: IntArray
    _fractions: IntArray
    _leaf_blanks: IntArray
    _origin: FloatArray
    _mean: FloatArray
    _squares: FloatArray
    _low: FloatArray
    _high: FloatArray
    _shift: FloatArray
    _first: FloatArray
    _second: FloatArray

    def __init__(self, *, distinct: bool = True, apart: bool = False) -> None:
        self.distinct = distinct
        self.apart = apart
        self.num_rows = 0
        self.features: tuple[str, ...] | None = None
        self._start(0)

    def update(self, rows: Rows, take: IntArray | None = None) -> Self:
        """Take in rows: all of them, or the row numbers `take` in that order. Not safe from two threads."""
        self._meet(rows.features)
        places = checked_places(rows, take)
        if rows.matrix is None:
            self.num_rows += places.size
            return self
        values, at = np.asarray(rows.matrix.values), 0
        while at < places.size:
            piece = places[at : at + self._room()]
            self._add(rows.matrix, values, piece)
            at += piece.size
        return self

    def merge(self, other: ColumnStatistics) -> Self:
        """Take in the statistics of the rows that follow.

        Counts, extremes and `integral` are exact. Mean and variance have the very bits of one pass over all
        rows where self ended with a leaf and `other` kept its full leaves apart, or has at most one; else
        they are those of another order of summation, equal to about 1e-12 of the spread. The leaf that
        `other` has begun is the one that goes on.
        """
        if self.distinct != other.distinct:
            raise OptionError("cannot merge column statistics of which only one tells distinct values")
        if other.features is None:
            return self
        if self.features is None and self.apart == other.apart:
            self.__dict__.update(other.copy().__dict__)
            return self
        self._meet(other.features)
        if self._leaf_rows:
            self._close()
        for leaf in other._leaves:
            self._fold(*leaf)
        if not other.apart:
            self._fold(other._closed, other._origin, other._mean, other._squares)
        self._blanks = self._blanks + other._blanks
        self._low, self._high = np.minimum(self._low, other._low), np.maximum(self._high, other._high)
        self._fractions = self._fractions | other._fractions
        for name in _LEAFWISE:
            setattr(self, name, getattr(other, name).copy())
        self._leaf_rows = other._leaf_rows
        self.num_rows += other.num_rows
        if self.distinct:
            self._sample.merge(other._sample)
        return self

    @property
    def candidates(self) -> tuple[IntArray, npt.NDArray[np.uint64]]:
        """Places of columns that may still be unique, and the limits of their samples; see `follow`."""
        return self._sample.columns, self._sample.limits

    def follow(self, other: ColumnStatistics, columns: IntArray, leaves: Sequence[LeafValues]) -> Self:
        """Take in statistics of the rows that follow, whose leaves are apart: with the bits of one pass.

        Parameters
        ----------
        other
            Made with ``distinct=False, apart=True``; self ends with a leaf.
        columns, leaves
            Places of the columns that may still be unique, or might before, and what each leaf has of them.
        """
        low, high = self._low.copy(), self._high.copy()
        fractions, count = self._fractions.copy(), self.count
        for leaf in leaves:
            self._sample.follow(columns, leaf.values)
            low[columns] = np.minimum(low[columns], leaf.low)
            high[columns] = np.maximum(high[columns], leaf.high)
            fractions[columns] |= leaf.fractions
            count[columns] += leaf.num_rows - leaf.blanks
            if leaf.num_rows == LEAF_ROWS:
                self._sample.drop(_room_for_all(low, high, fractions, count))
        self.distinct = False
        self.merge(other)
        self.distinct = True
        return self

    @property
    def blanks(self) -> IntArray:
        """Rows without a value, int64 of shape (k,)."""
        return self._blanks + self._leaf_blanks

    @property
    def count(self) -> IntArray:
        """Rows with a value, int64 of shape (k,)."""
        return self.num_rows - self.blanks

    @property
    def minimum(self) -> FloatArray:
        """Least value, (k,); NaN where there is none."""
        return np.where(self.count > 0, self._low, np.nan)

    @property
    def maximum(self) -> FloatArray:
        """Greatest value, (k,); NaN where there is none."""
        return np.where(self.count > 0, self._high, np.nan)

    @property
    def mean(self) -> FloatArray:
        """Mean of the values, (k,); NaN where there is none."""
        finished = self._finished()
        return np.where(self.count > 0, finished._origin + finished._mean, np.nan)

    @property
    def variance(self) -> FloatArray:
        """Mean square deviation (divided by the count, as scikit-learn's scaler does), (k,)."""
        count = self.count
        return np.where(count > 0, self._finished()._squares / np.maximum(count, 1), np.nan)

    @property
    def std(self) -> FloatArray:
        """Square root of the variance, (k,)."""
        return np.asarray(np.sqrt(self.variance), np.float64)

    @property
    def constant(self) -> BoolArray:
        """Columns of one value; blanks do not count, and a column of blanks is not constant."""
        return np.asarray((self.count > 0) & (self._low == self._high))

    @property
    def integral(self) -> BoolArray:
        """Columns whose values are all integers."""
        return np.asarray((self.count > 0) & (self._fractions == 0))

    @property
    def unique(self) -> BoolArray:
        """Columns of integers, without blanks, with another value in each of at least two rows.

        See `DistinctSample` for how sure that is. Columns with fractions are never called unique.
        """
        if not self.distinct:
            raise OptionError("unique is not known: these statistics were made with distinct=False")
        sure = self._may_be_unique() & (self.blanks == 0) & (self.count > 1)
        return self._sample.unique(sure)

    def copy(self) -> ColumnStatistics:
        """Independent statistics of the same rows."""
        made = copy(self)
        for name in _WHOLE + _LEAFWISE:
            setattr(made, name, getattr(self, name).copy())
        made._sample = deepcopy(self._sample)
        made._leaves = list(self._leaves)
        return made

    def select(self, names: Sequence[str]) -> ColumnStatistics:
        """Statistics of some of the columns, in this order, as if only these had been seen.

        Raises
        ------
        KeyError
            If there is no such column.
        """
        where = {name: place for place, name in enumerate(self.features or ())}
        places = [where[name] for name in names]
        made = ColumnStatistics(distinct=False)
        made.num_rows, made.features = self.num_rows, tuple(names)
        for name in _WHOLE + _LEAFWISE:
            setattr(made, name, getattr(self, name)[places])
        made._leaf_rows = self._leaf_rows
        return made

    def state(self) -> dict[str, Any]:
        """Plain data that JSON holds without a change of bits."""
        if self.features is None:
            return {"distinct": self.distinct, "features": None}
        arrays = {name.lstrip("_"): to_plain(getattr(self, name)) for name in _WHOLE + _LEAFWISE}
        return {
            "distinct": self.distinct,
            "features": list(self.features),
            "num_rows": self.num_rows,
            "leaf_rows": self._leaf_rows,
            **arrays,
            "sample": self._sample.state() if self.distinct else None,
            **({"leaves": packed_leaves(self._leaves)} if self.apart else {}),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The statistics that `state` describes.

        Raises
        ------
        ValueError, TypeError, KeyError, OverflowError
            If it describes none.
        """
        made = cls(distinct=bool(state["distinct"]), apart="leaves" in state)
        if state["features"] is None:
            return made
        names = tuple(state["features"])
        require(all(isinstance(name, str) for name in names), "statistics of columns without names")
        made._meet(names)
        made.num_rows, made._leaf_rows = int(state["num_rows"]), int(state["leaf_rows"])
        require(0 <= made._leaf_rows < LEAF_ROWS, f"a leaf of {made._leaf_rows} rows")
        require(made._leaf_rows <= made.num_rows <= MOST, f"statistics of {made.num_rows} rows")
        for name in _WHOLE + _LEAFWISE:
            dtype = np.int64 if name in _INTEGERS else np.float64
            array = from_plain(state[name.lstrip("_")], dtype)
            # Kernels write and read as many as there are columns.
            require(array.shape == (len(names),), f"{name.lstrip('_')} of other columns")
            if name in _COUNTS:
                require(((array >= 0) & (array <= made.num_rows)).all(), "more values than rows")
            setattr(made, name, array)
        require(not (made._squares < 0).any(), "negative squares")
        if made.distinct:
            made._sample = DistinctSample.from_state(state["sample"], len(names))
        if made.apart:
            made._leaves = unpacked_leaves(state["leaves"], len(names))
        return made

    def _meet(self, features: tuple[str, ...]) -> None:
        if self.features is None:
            self.features = features
            self._start(len(features))
        same_features(self.features, features, "ColumnStatistics")

    def _start(self, width: int) -> None:
        self._closed = np.zeros(width, np.int64)
        self._blanks = np.zeros(width, np.int64)
        self._fractions = np.zeros(width, np.int64)
        self._origin = np.full(width, np.nan)
        self._mean = np.zeros(width)
        self._squares = np.zeros(width)
        self._leaves: list[Leaf] = []
        self._low = np.full(width, np.inf)
        self._high = np.full(width, -np.inf)
        self._sample = DistinctSample(width if self.distinct else 0)
        self._open()

    def _open(self) -> None:
        width = self._closed.size
        self._leaf_rows = 0
        self._leaf_blanks = np.zeros(width, np.int64)
        self._shift = np.full(width, np.nan)
        self._first = np.zeros(width)
        self._second = np.zeros(width)

    def _room(self) -> int:
        """Rows up to the next place where something is folded or given up."""
        edges = (*_EARLY, LEAF_ROWS) if self.num_rows == self._leaf_rows else (LEAF_ROWS,)
        return min(edge for edge in edges if edge > self._leaf_rows) - self._leaf_rows

    def _add(self, matrix: Matrix, values: npt.NDArray[Any], places: IntArray) -> None:
        where = (values, matrix.starts, matrix.rows_per_piece, matrix.num_columns, places)
        kernel.first_values(*where, self._shift)
        sums = (self._shift, self._first, self._second, self._low, self._high)
        if values.dtype.kind == "f":
            kernel.add_floats(*where, *sums, self._leaf_blanks, self._fractions)
        else:
            kernel.add_integers(*where, *sums)
        if self.distinct:
            self._sample.add(matrix, values, places)
        room = self._room()
        self._leaf_rows += places.size
        self.num_rows += places.size
        if places.size == room and self.distinct:
            self._sample.drop(self._may_be_unique())
        if self._leaf_rows == LEAF_ROWS:
            self._close()

    def _may_be_unique(self) -> BoolArray:
        """Columns of integers whose range has room for as many as were seen."""
        return _room_for_all(self._low, self._high, self._fractions, self.count)

    def _close(self) -> None:
        count = self._leaf_rows - self._leaf_blanks
        some = np.maximum(count, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = self._first / some
            squares = np.maximum(self._second - self._first * (self._first / some), 0.0)
        self._fold(count, self._shift, mean, squares)
        self._blanks = self._blanks + self._leaf_blanks
        self._open()

    def _fold(self, count: IntArray, origin: FloatArray, mean: FloatArray, squares: FloatArray) -> None:
        """Take in the count, the mean less `origin` and the sum of square deviations of further rows."""
        if self.apart:
            self._leaves.append((count, origin, mean, squares))
            return
        self._origin = np.where(self._closed > 0, self._origin, origin)
        together = self._closed + count
        share = count / np.maximum(together, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.where(count > 0, mean + (origin - self._origin), 0.0)
            delta = mean - self._mean
            self._squares = self._squares + squares + delta * delta * (self._closed * share)
            self._mean = np.where(self._closed > 0, self._mean + delta * share, mean)
        self._closed = together

    def _finished(self) -> ColumnStatistics:
        """Self with the open leaf folded in."""
        if not self._leaf_rows:
            return self
        made = ColumnStatistics(distinct=False)
        for name in (*_WHOLE, *_LEAFWISE, "_leaf_rows"):
            setattr(made, name, getattr(self, name))
        made._close()
        return made


def _room_for_all(low: FloatArray, high: FloatArray, fractions: IntArray, count: IntArray) -> BoolArray:
    """Columns of integers whose range has room for as many as were seen."""
    with np.errstate(over="ignore"):  # room enough
        room = np.where(low <= high, high - low, 0.0) + 1
    return np.asarray((fractions == 0) & (count <= room))
