"""Which columns hold another value in every row: judged on a bounded sample of their distinct values."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.kernels import statistics as kernel
from stoker.stored import require
from stoker.transforms.base import from_plain
from stoker.types import IntArray, Matrix

__all__ = ["DistinctSample"]

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
