"""Which columns hold another value in every row: judged on a bounded sample of their distinct values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.kernels import statistics as kernel
from stoker.kernels.gather import gather_columns, storage_of
from stoker.stored import require
from stoker.transforms.base import from_plain
from stoker.types import IntArray, Matrix, Rows

__all__ = ["DistinctSample", "LeafValues"]

_GREATEST = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_CAPACITY = 256
_FIRST = 64


class DistinctSample:
    """A sample of up to 256 distinct values of each column that may still be unique a row.

    Every row is looked at. The sample is of the values with the least hashes, and a sampled value that comes
    back is always noticed, so that "not unique" is certain; "unique" is wrong with a probability of at most
    ``(1 - p) ** 256`` where a share p of the distinct values is repeated. Two kilobytes a column, for the
    columns that are left; values are told apart as float64.

    Parameters
    ----------
    num_columns
        k; all are candidates at first.
    """

    def __init__(self, num_columns: int) -> None:
        self.columns: IntArray = np.arange(num_columns, dtype=np.int64)
        self._hashes = np.zeros((num_columns, _FIRST), np.uint64)
        self._sizes = np.zeros(num_columns, np.int64)
        self._repeated = np.zeros(num_columns, np.int64)

    def add(self, matrix: Matrix, values: npt.NDArray[Any], places: IntArray) -> None:
        """Look at the candidate columns of some rows; at most 64 before the first `drop`."""
        if self.columns.size:
            kernel.sample_hashes(
                values,
                matrix.starts,
                matrix.rows_per_piece,
                matrix.num_columns,
                places,
                self.columns,
                self._hashes,
                self._sizes,
                self._repeated,
            )

    def unique(self, possible: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Columns without a repeated value, bool of shape (k,), among those `possible`."""
        answer = np.zeros(possible.shape, np.bool_)
        answer[self.columns[self._repeated == 0]] = True
        return answer & possible

    def drop(self, possible: npt.NDArray[np.bool_]) -> None:
        """Give up columns whose `possible`, of shape (k,), is False, and make room for the rest."""
        self._keep(possible[self.columns] & (self._repeated == 0))
        wider = np.zeros((self.columns.size, _CAPACITY), np.uint64)
        wider[:, : self._hashes.shape[1]] = self._hashes
        self._hashes = wider

    @property
    def limits(self) -> npt.NDArray[np.uint64]:
        """The greatest hash that may still be kept of each candidate column, uint64."""
        full = self._sizes == self._hashes.shape[1]
        return np.where(full, self._hashes[:, -1], _GREATEST)

    def follow(self, columns: IntArray, values: Sequence[npt.NDArray[np.float64]]) -> None:
        """Look at further values, of each of some columns as `LeafValues` has them."""
        for column, further in zip(columns.tolist(), values, strict=True):
            (place,) = np.nonzero(self.columns == column)
            if place.size and further.size:
                at, where = int(place[0]), np.arange(further.size, dtype=np.int64)
                some = slice(at, at + 1)
                matrix = Matrix.of(further.reshape(-1, 1))
                kernel.sample_hashes(
                    np.asarray(matrix.values), matrix.starts, matrix.rows_per_piece, 1, where,
                    np.zeros(1, np.int64), self._hashes[some], self._sizes[some], self._repeated[some],
                )  # fmt: skip

    def merge(self, other: DistinctSample) -> None:
        """Take in the sample of further rows; a candidate must be one in both."""
        self._keep(np.isin(self.columns, other.columns))
        theirs = np.searchsorted(other.columns, self.columns)
        wider = np.zeros((self.columns.size, _CAPACITY), np.uint64)
        for c, their in enumerate(theirs):
            mine = self._hashes[c, : self._sizes[c]]
            both = np.union1d(mine, other._hashes[their, : other._sizes[their]])
            self._repeated[c] |= other._repeated[their] | int(
                both.size < self._sizes[c] + other._sizes[their]
            )
            self._sizes[c] = min(_CAPACITY, both.size)
            wider[c, : self._sizes[c]] = both[:_CAPACITY]
        self._hashes = wider

    def state(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "columns": self.columns.tolist(),
            "repeated": self._repeated.tolist(),
            "hashes": [row[:size].tolist() for row, size in zip(self._hashes, self._sizes, strict=True)],
            "capacity": self._hashes.shape[1],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], num_columns: int) -> Self:
        """The sample that `state` describes, of so many columns.

        Raises
        ------
        ValueError, TypeError, KeyError, OverflowError
            If it describes none.
        """
        sample, capacity = cls(0), int(state["capacity"])
        columns, rows = from_plain(state["columns"], np.int64), list(state["hashes"])
        sizes = np.array([len(row) for row in rows], np.int64)
        repeated = from_plain(state["repeated"], np.int64)
        require(
            columns.ndim == 1 and columns.shape == sizes.shape == repeated.shape, "columns without values"
        )
        known = np.all((columns >= 0) & (columns < num_columns)) and np.all(columns[1:] > columns[:-1])
        require(known, "values of columns that are not there")
        require(capacity in (_FIRST, _CAPACITY) and np.all(sizes <= capacity), "more values than are kept")
        hashes = np.zeros((columns.size, capacity), np.uint64)
        for place, row in enumerate(rows):
            hashes[place, : len(row)] = np.array(row, np.uint64)
        sample.columns, sample._hashes, sample._sizes, sample._repeated = columns, hashes, sizes, repeated
        return sample

    def _keep(self, kept: npt.NDArray[np.bool_]) -> None:
        self.columns, self._hashes = self.columns[kept], self._hashes[kept]
        self._sizes, self._repeated = self._sizes[kept], self._repeated[kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafValues:
    """What a leaf holds of columns that may still be unique.

    Attributes
    ----------
    num_rows
        Its rows.
    low, high, fractions, blanks
        Of each of the columns; the third is true where a value is no integer.
    values
        Those that the sample of the rows before may take in, float64, in the order of the rows.
    """

    num_rows: int
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    fractions: npt.NDArray[np.bool_]
    blanks: IntArray
    values: tuple[npt.NDArray[np.float64], ...]

    @classmethod
    def of(cls, pieces: Sequence[Rows], columns: IntArray, limits: npt.NDArray[np.uint64]) -> Self:
        """Those of consecutive rows that are a leaf."""
        num_rows = sum(rows.num_rows for rows in pieces)
        held = np.empty((num_rows, len(columns)))
        first = 0
        for rows in pieces:
            assert rows.matrix is not None
            places = rows.places(np.arange(rows.num_rows, dtype=np.int64))
            out = held[first : first + rows.num_rows]
            gather_columns(*storage_of(rows.matrix), places, columns, out)
            first += rows.num_rows
        there = ~np.isnan(held)
        return cls(
            num_rows=num_rows,
            low=np.where(there, held, np.inf).min(axis=0, initial=np.inf),
            high=np.where(there, held, -np.inf).max(axis=0, initial=-np.inf),
            fractions=((held != np.floor(held)) & there).any(axis=0),
            blanks=num_rows - there.sum(axis=0),
            values=tuple(
                chosen_values(np.ascontiguousarray(held[:, at]), limit) for at, limit in enumerate(limits)
            ),
        )


def chosen_values(values: npt.NDArray[np.float64], limit: np.uint64) -> npt.NDArray[np.float64]:
    """Those of values that a sample up to a limit may take in, in their order."""
    room = np.empty(values.size)
    return room[: int(kernel.chosen_values(values, limit, room))].copy()
