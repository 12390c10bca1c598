"""A sample of rows for quantiles: in bounded memory, mergeable, the same for any cutting of the rows."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.kernels.gather import gather_columns, storage_of
from stoker.kernels.sampling import choose, draw_again
from stoker.stored import MOST, require
from stoker.transforms.base import checked_places, same_features
from stoker.transforms.packing import from_packed, to_packed
from stoker.types import IntArray, Matrix, Rows, Uint64Array

__all__ = ["RowSample"]

FloatArray = npt.NDArray[np.float64]

_MOST_ROWS, _LEAST_ROWS = 1 << 16, 1 << 13
_MOST_VALUES = 1 << 23
_FIRST_ROOM = 1 << 10
_EVERY = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


class RowSample:
    """The numbers of a matrix's columns in the rows whose ordinals have the least of a fixed hash.

    That is a bottom-k sketch (Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007), and
    drawn without replacement it is a uniform sample of k rows: 65,536, or so many fewer that all columns
    together hold 2**23 numbers, but 8,192 at least: half a MiB a column up to 128 of them, and 64 MiB up to a
    thousand. While it learns it takes up to two and a half times that.

    Of at most k rows every one is there, and quantiles are exact. Of more, by Hoeffding's inequality, which
    holds for samples without replacement, the rank of an estimated quantile is off by more than a share e of
    all rows with a probability of at most 2·exp(-2·k·e²): for k = 65,536 by more than 1.1 % once in a million
    times, and by 0.2 % as a rule. Blanks are rows without a number: k counts the others then.

    Parameters
    ----------
    first
        The ordinal of the first row; above 0 for a part of the rows, which is to be merged into the sample
        of those before it: with the bits of one pass over all of them.

    Attributes
    ----------
    features
        Names of the columns; None as long as nothing was seen.
    num_rows
        Rows seen.
    """

    _size: int
    _limit: np.uint64
    _keys: Uint64Array
    _values: FloatArray

    def __init__(self, first: int = 0) -> None:
        self.features: tuple[str, ...] | None = None
        self.first, self.num_rows = first, 0
        self._start(0)

    @property
    def most_rows(self) -> int:
        """Rows that the sample holds at most, k."""
        width = max(1, len(self.features or ()))
        return min(_MOST_ROWS, max(_LEAST_ROWS, _MOST_VALUES // width))

    @property
    def is_complete(self) -> bool:
        """Whether it holds every row."""
        return self.num_rows <= self.most_rows

    @property
    def num_bytes(self) -> int:
        """Memory that the sample takes."""
        return self._values.nbytes + self._keys.nbytes

    def update(self, rows: Rows) -> Self:
        """Take in the next rows. Not safe from two threads."""
        self._meet(rows.features)
        if rows.matrix is not None:
            self._take(rows.matrix, checked_places(rows, None))
        return self

    def merge(self, other: RowSample) -> Self:
        """Take in the sample of the rows that follow.

        Where `other` is complete, or knows that its rows follow, the result is that of one pass over all
        rows; else it is a sample of other rows, as good as that.
        """
        if other.features is None:
            return self
        if self.features is None and self.first == other.first:
            self.__dict__.update(other.copy().__dict__)
            return self
        self._meet(other.features)
        if other.first and other.first == self.first + self.num_rows:
            return self._follow(other)
        if other.is_complete:
            held = np.ascontiguousarray(other._values[: other._size])
            return self.update(Rows(num_rows=len(held), features=other.features, matrix=Matrix.of(held)))
        keys, values = other._least()
        # The same ordinals have the same keys, and two samples of rows numbered from 0 on would not be
        # independent; below the greatest key any others do as well.
        draw_again(keys[:-1], np.uint64(self.num_rows), keys[-1])
        end = self._size + keys.size
        self._make_room(end)
        self._keys[self._size : end], self._values[self._size : end] = keys, values
        self._size = end
        self.num_rows += other.num_rows
        self._keep_least()
        return self

    def _follow(self, other: RowSample) -> Self:
        """Take in the keys of further ordinals."""
        keys, values = other._least()
        end = self._size + keys.size
        self._make_room(end)
        self._keys[self._size : end], self._values[self._size : end] = keys, values
        self._size = end
        self.num_rows += other.num_rows
        if not self.is_complete:
            self._keep_least()
        return self

    def quantiles(self, levels: npt.ArrayLike) -> FloatArray:
        """Quantiles of each column at levels from 0 to 1, of shape (levels, columns), as NumPy interpolates.

        NaN where a column has no number.
        """
        wanted, values = np.asarray(levels, np.float64), self._least()[1]
        out = np.full((wanted.size, values.shape[1]), np.nan)
        for column in range(out.shape[1]):
            numbers = values[:, column]
            numbers = numbers[~np.isnan(numbers)]
            if numbers.size:
                with np.errstate(over="ignore", invalid="ignore"):
                    out[:, column] = np.quantile(numbers, wanted)
        return out

    def copy(self) -> RowSample:
        """An independent sample of the same rows."""
        made = copy(self)
        made._keys, made._values = self._keys.copy(), self._values.copy()
        return made

    def state(self) -> dict[str, Any]:
        """Plain data that JSON holds without a change of bits."""
        if self.features is None:
            return {"features": None}
        keys, values = self._least()
        return {
            "features": list(self.features),
            "num_rows": self.num_rows,
            **({"first": self.first} if self.first else {}),
            "keys": to_packed(keys),
            "values": to_packed(values.T.reshape(-1)),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The sample that `state` describes.

        Raises
        ------
        ValueError, TypeError, KeyError, OverflowError
            If it describes none.
        """
        made = cls(state.get("first", 0))
        require(type(made.first) is int and 0 <= made.first <= MOST, "a sample of odd rows")
        if state["features"] is None:
            return made
        names, num_rows = tuple(state["features"]), state["num_rows"]
        require(all(isinstance(name, str) for name in names), "a sample of columns without names")
        require(type(num_rows) is int and 0 <= num_rows <= MOST, "a sample of an odd number of rows")
        made._meet(names)
        made.num_rows, size = num_rows, min(num_rows, made.most_rows)
        keys = from_packed(state["keys"], np.uint64)
        values = from_packed(state["values"], np.float64)
        require(keys.size == size and values.size == size * len(names), "a sample of other rows")
        made._keys, made._size = keys.copy(), size
        made._values = np.ascontiguousarray(values.reshape(len(names), size).T)
        if not made.is_complete:
            require((keys[1:] >= keys[:-1]).all(), "an unsorted sample")
            made._limit = keys[-1]
        return made

    def _meet(self, features: tuple[str, ...]) -> None:
        if self.features is None:
            self.features = features
            self._start(len(features))
        same_features(self.features, features, "RowSample")

    def _start(self, width: int) -> None:
        self._size = 0
        self._limit = _EVERY
        self._keys = np.empty(0, np.uint64)
        self._values = np.empty((0, width))

    def _take(self, matrix: Matrix, places: IntArray) -> None:
        storage, most = storage_of(matrix), self.most_rows
        columns, step = np.arange(matrix.num_columns), max(1, most // 4)
        for at in range(0, places.size, step):
            piece = places[at : at + step]
            keys, chosen = np.empty(piece.size, np.uint64), np.empty(piece.size, np.int64)
            found = int(choose(self.first + self.num_rows, piece.size, self._limit, keys, chosen))
            end = self._size + found
            self._make_room(end)
            self._keys[self._size : end] = keys[:found]
            gather_columns(*storage, piece[chosen[:found]], columns, self._values[self._size : end])
            self._size = end
            self.num_rows += piece.size
            if end >= 2 * most:
                self._keep_least()

    def _make_room(self, size: int) -> None:
        if size > len(self._keys):
            room = max(_FIRST_ROOM, size, min(2 * len(self._keys), 2 * self.most_rows))
            keys, values = np.empty(room, np.uint64), np.empty((room, self._values.shape[1]))
            keys[: self._size], values[: self._size] = self._keys[: self._size], self._values[: self._size]
            self._keys, self._values = keys, values

    def _least(self) -> tuple[Uint64Array, FloatArray]:
        """Keys and values of the sample: all rows in their order, or those with the least keys by these."""
        keys, values = self._keys[: self._size], self._values[: self._size]
        if self.is_complete:
            return keys, values
        order = np.argsort(keys)[: self.most_rows]
        return keys[order], values[order]

    def _keep_least(self) -> None:
        keys, values = self._least()
        self._size, self._limit = keys.size, keys[-1]
        self._keys[: keys.size], self._values[: keys.size] = keys, values
