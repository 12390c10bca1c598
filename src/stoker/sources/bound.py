"""A view of known size: positions to row ids and back, by arithmetic and the list of bad rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.sources.gaps import Gaps
from stoker.types import IntArray

__all__ = ["BoundView", "Step"]

_PIECE = 1 << 14
"""Excluded ids that are looked at in one go: of millions no copy is made."""


class Step(Protocol):
    """One narrowing of a view. Duties: monotone, thread-safe, the same on every machine."""

    size: int

    @property
    def num_bytes(self) -> int:
        """Memory that is held."""
        ...

    def up(self, ordinals: IntArray) -> IntArray:
        """Parent ordinals of own ordinals."""
        ...

    def down(self, parents: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Own ordinals of parent ordinals, and whether they belong to this step."""
        ...


class BoundView:
    """A view's rows: its ids less the excluded ones, ascending, at positions 0 to `num_rows` - 1.

    Made by `View.bind`; safe to use from several threads.
    """

    def __init__(self, num_slots: int, steps: tuple[Step, ...], excluded: IntArray) -> None:
        if excluded.ndim != 1:
            raise ValueError(f"excluded ids must be of one dimension, got {excluded.ndim}")
        self._num_slots = num_slots
        self._steps = steps
        self._excluded = np.asarray(excluded, np.int64)
        self._num_ordinals = steps[-1].size if steps else num_slots
        self._gaps = Gaps(self._missing(), most=len(excluded), num_ordinals=self._num_ordinals)

    @property
    def num_slots(self) -> int:
        """Record slots of the whole source."""
        return self._num_slots

    @property
    def num_rows(self) -> int:
        """Rows of the view, excluded ones not counted."""
        return self._num_ordinals - len(self._gaps)

    @property
    def num_bytes(self) -> int:
        """Memory that it takes to tell rows from positions; the list of excluded ids is its owner's."""
        return self._gaps.num_bytes + sum(step.num_bytes for step in self._steps)

    def ids(self, start: int, stop: int) -> IntArray:
        """Row ids of the positions [start, stop), ascending, int64."""
        return self.ids_of(np.arange(start, stop, dtype=np.int64))

    def ids_of(self, positions: IntArray) -> IntArray:
        """Row ids of positions, int64 of the same shape, in the same order.

        Raises
        ------
        OptionError
            A position lies outside [0, num_rows).
        """
        if len(positions) and not 0 <= int(positions.min()) <= int(positions.max()) < self.num_rows:
            raise OptionError(
                f"positions must lie in [0, {self.num_rows}), got {int(positions.min())} to "
                f"{int(positions.max())}"
            )
        ordinals = self._gaps.ordinals(positions)
        for step in reversed(self._steps):
            ordinals = step.up(ordinals)
        return ordinals

    def contains(self, ids: IntArray) -> npt.NDArray[np.bool_]:
        """Whether each id belongs to the view and is not excluded, bool of the same shape."""
        _, inside = self._down(ids)
        if len(self._excluded):
            places = np.searchsorted(self._excluded, ids)
            places[places == len(self._excluded)] = 0
            inside &= self._excluded[places] != ids
        return inside

    def mask(self, first_id: int, count: int) -> npt.NDArray[np.bool_]:
        """`contains` of the ids [first_id, first_id + count)."""
        return self.contains(np.arange(first_id, first_id + count, dtype=np.int64))

    def _missing(self) -> Iterator[IntArray]:
        """The view's own ordinals of excluded ids, ascending, in pieces."""
        last = -1
        for start in range(0, len(self._excluded), _PIECE):
            piece = self._excluded[start : start + _PIECE]
            if int(piece[0]) <= last or not bool(np.all(piece[1:] > piece[:-1])):
                raise ValueError("excluded ids must be strictly ascending and none below 0")
            last = int(piece[-1])
            if last >= self._num_slots:
                raise ValueError(f"excluded ids must lie in [0, {self._num_slots}), got {last}")
            own, inside = self._down(piece)
            yield own[inside]

    def _down(self, ids: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        ordinals = np.asarray(ids, np.int64)
        inside = (ordinals >= 0) & (ordinals < self._num_slots)
        for step in self._steps:
            own = np.zeros(len(ordinals), np.int64)
            here = np.flatnonzero(inside)
            own[here], inside[here] = step.down(ordinals[here])
            ordinals = own
        return ordinals, inside
