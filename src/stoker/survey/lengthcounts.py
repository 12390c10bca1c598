"""How many values have which length: exactly for short ones, and to less than a hundredth beyond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stoker.kernels.lengths import EXACT, STEPS, count_lengths
from stoker.stored import require
from stoker.types import IntArray

__all__ = ["LengthCounts"]

_DOUBLINGS = 40
_PLACES = EXACT + _DOUBLINGS * STEPS


class LengthCounts:
    """A histogram of lengths; merging is addition, in any order.

    Examples
    --------
    >>> counts = LengthCounts().update(np.array([3, 0, 3]))
    >>> counts.longest_first(3), counts.at(1)
    (((3, 2), (0, 1)), (3, 3))
    """

    def __init__(self) -> None:
        self._counts: IntArray = np.zeros(_PLACES, np.int64)

    def update(self, lengths: IntArray) -> LengthCounts:
        """Count lengths, int64 of shape (n,)."""
        count_lengths(lengths, self._counts)
        return self

    def merge(self, other: LengthCounts) -> LengthCounts:
        """Take in what another has counted."""
        self._counts += other._counts
        return self

    def at(self, rank: int) -> tuple[int, int]:
        """Between which two numbers the length lies that so many others are before."""
        return _range_of(int(np.searchsorted(np.cumsum(self._counts), rank, side="right")))

    def shortest_first(self) -> tuple[tuple[int, int], ...]:
        """(length, values), the middle of what is counted together."""
        places = np.flatnonzero(self._counts).tolist()
        return tuple((sum(_range_of(place)) // 2, int(self._counts[place])) for place in places)

    def longest_first(self, longest: int) -> tuple[tuple[int, int], ...]:
        """(length, values): so many values, none longer than that; `longest` is the longest of all."""
        places = np.flatnonzero(self._counts)[::-1].tolist()
        return tuple((min(_range_of(place)[1], longest), int(self._counts[place])) for place in places)

    def state(self) -> list[list[int]]:
        """Places and counts, those that are not zero."""
        places = np.flatnonzero(self._counts)
        return np.stack([places, self._counts[places]], axis=1).tolist()  # type: ignore[no-any-return]

    @classmethod
    def from_state(cls, pairs: Sequence[Any], num_values: int) -> LengthCounts:
        """An equal one from what `state` gave, which counts so many values.

        Raises
        ------
        ValueError, TypeError
            If it is nothing that `state` gives.
        """
        made = cls()
        for place, count in pairs:
            require(0 <= place < _PLACES and 0 <= count <= num_values, "values of impossible lengths")
            made._counts[place] = count
        require(int(made._counts.sum()) == num_values, "other numbers of values")
        return made


def _range_of(place: int) -> tuple[int, int]:
    """The least and the greatest length that are counted at a place."""
    if place < EXACT:
        return place, place
    shift, rest = divmod(place - EXACT, STEPS)
    return (rest + STEPS) << (shift + 1), ((rest + STEPS + 1) << (shift + 1)) - 1
