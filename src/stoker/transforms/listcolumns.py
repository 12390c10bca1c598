"""The columns of lists that rows have, as offsets and numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import ColumnError
from stoker.kernels.frozen import frozen
from stoker.kernels.sequences import outside
from stoker.transforms.base import checked_places, nearest
from stoker.types import ColumnKind, IntArray, Rows
from stoker.types.arrow import arrow_type

__all__ = ["Lists", "list_kinds", "lists_of"]


class Lists(NamedTuple):
    """Some lists: which of those that ``bounds[i]`` to ``bounds[i + 1]`` of `values` are.

    Attributes
    ----------
    bounds
        int64 of shape (lists + 1,), read-only.
    values
        int64 or float64, read-only.
    take
        int64 of shape (n,).
    """

    bounds: IntArray
    values: npt.NDArray[Any]
    take: IntArray

    @property
    def lengths(self) -> IntArray:
        """How many numbers each of them has."""
        return self.bounds[self.take + 1] - self.bounds[self.take]

    def numbers(self) -> npt.NDArray[Any]:
        """Their numbers, one list behind the other; no copy where these stand so."""
        take = self.take
        if not take.size or (np.diff(take) == 1).all():
            ends = self.bounds[[take[0], take[-1] + 1]].tolist() if take.size else (0, 0)
            return self.values[slice(*ends)]
        behind = np.cumsum(self.lengths)
        starts = self.bounds[take + 1] - behind
        places = np.repeat(starts, self.lengths) + np.arange(behind[-1])
        return np.asarray(self.values[places])

    def outside(self, least: int, greatest: int) -> tuple[IntArray, int]:
        """Which of them hold an integer below `least` or above `greatest`, ascending, and the first of these.

        No row, and 0, where there is none.
        """
        kind = self.values.dtype.type
        row, found = outside(*self, kind(least), kind(greatest))
        if row < 0:
            return np.zeros(0, np.int64), 0
        numbers = self.numbers()
        is_outside = (numbers < least) | (numbers > greatest)
        return np.unique(np.repeat(np.arange(len(self.take)), self.lengths)[is_outside]), int(found)


def list_kinds(rows: Rows) -> dict[str, ColumnKind]:
    """Names of the columns of lists that rows have, and what numbers they hold."""
    kinds: tuple[ColumnKind, ...] = ("ints", "floats")
    return {
        name: kind
        for name, values in rows.columns.items()
        for kind in kinds
        if getattr(values, "type", None) == arrow_type(kind)
    }


def lists_of(rows: Rows, name: str, take: IntArray | None) -> Lists:
    """The lists of a column for the row numbers `take` of `rows` (None: all of them).

    Raises
    ------
    ColumnError
        If the rows have no such column of lists.
    IndexError
        If a row number is outside.
    """
    column: Any = rows.columns.get(name)
    if name not in list_kinds(rows):
        held = "holds no lists" if column is not None or name in rows.features else "is not there"
        raise ColumnError(f"the column of lists {name!r} {held}{nearest(name, rows.columns)}")
    places = checked_places(rows, take)
    if isinstance(column, pa.ChunkedArray):
        column = column.take(pa.array(places)).combine_chunks()
        places = np.arange(len(column), dtype=np.int64)
    if places.size and int(places.max()) >= len(column):
        raise IndexError(f"place {int(places.max())} lies outside of {len(column)} lists")
    if not len(column):
        return Lists(frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64)), places)
    bounds = np.frombuffer(column.buffers()[1], np.int64)[column.offset :][: len(column) + 1]
    return Lists(frozen(bounds), frozen(np.asarray(column.values)), places)
