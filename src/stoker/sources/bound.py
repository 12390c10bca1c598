"""A view of known size: positions to row ids and back, by arithmetic and the list of bad rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.types import IntArray

__all__ = ["BoundView", "Step"]


class Step(Protocol):
    """One narrowing of a view. Duties: monotone, thread-safe, the same on every machine."""

    size: int

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
        if excluded.ndim != 1 or (len(excluded) and not bool(np.all(excluded[1:] > excluded[:-1]))):
            raise ValueError("excluded ids must be strictly ascending and of one dimension")
        if len(excluded) and not 0 <= int(excluded[0]) <= int(excluded[-1]) < num_slots:
            raise ValueError(f"excluded ids must lie in [0, {num_slots})")
        self._num_slots = num_slots
        self._steps = steps
        self._excluded = np.asarray(excluded, np.int64)
        own, inside = self._down(self._excluded)
        lost = own[inside]
        self._before = lost - np.arange(len(lost), dtype=np.int64)
        self._num_ordinals = steps[-1].size if steps else num_slots

    @property
    def num_slots(self) -> int:
        """Record slots of the whole source."""
        return self._num_slots

    @property
    def num_rows(self) -> int:
        """Rows of the view, excluded ones not counted."""
        return self._num_ordinals - len(self._before)

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
        ordinals: IntArray = positions
        if len(self._before):
            ordinals = positions + np.searchsorted(self._before, positions, side="right")
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

    def _down(self, ids: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        ordinals = np.asarray(ids, np.int64)
        inside = (ordinals >= 0) & (ordinals < self._num_slots)
        for step in self._steps:
            own = np.zeros(len(ordinals), np.int64)
            here = np.flatnonzero(inside)
            own[here], inside[here] = step.down(ordinals[here])
            ordinals = own
        return ordinals, inside
