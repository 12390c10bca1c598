"""How many rows are missing before each position of a view: two bytes for each that is missing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stoker.kernels.lookup import count_gaps
from stoker.types import IntArray

__all__ = ["Gaps"]

_LOW_BITS = 16


class Gaps:
    """The missing ordinals of a view, by the position that each comes before.

    Positions are taken in runs of 65,536. Of a missing ordinal its place in the run is kept, and of each run
    where its own begin: eight bytes a run of positions, two a missing ordinal.

    Parameters
    ----------
    missing
        int64 arrays, ascending one after the other: ordinals without a row.
    most
        How many they are at most.
    num_ordinals
        Ordinals of the view, the missing ones included.

    Examples
    --------
    >>> import numpy as np
    >>> gaps = Gaps([np.array([1, 2, 5])], most=3, num_ordinals=7)
    >>> gaps.ordinals(np.arange(4)).tolist()
    [0, 3, 4, 6]
    """

    def __init__(self, missing: Iterable[IntArray], *, most: int, num_ordinals: int) -> None:
        lows = np.empty(most, np.uint16)
        self._starts = np.zeros((num_ordinals >> _LOW_BITS) + 2 if most else 0, np.int64)
        found = 0
        for ordinals in missing:
            positions = ordinals - np.arange(found, found + len(ordinals))
            lows[found : found + len(ordinals)] = positions & ((1 << _LOW_BITS) - 1)
            runs, counts = np.unique(positions >> _LOW_BITS, return_counts=True)
            self._starts[runs + 1] += counts
            found += len(ordinals)
        np.cumsum(self._starts, out=self._starts)
        self._lows = lows if found == most else lows[:found].copy()

    def __len__(self) -> int:
        return len(self._lows)

    @property
    def num_bytes(self) -> int:
        """Memory that is held."""
        return self._lows.nbytes + self._starts.nbytes

    def ordinals(self, positions: IntArray) -> IntArray:
        """Ordinals of positions, int64 of the same shape; missing ones have no position."""
        if not len(self._lows):
            return positions
        found: IntArray = count_gaps(self._starts, self._lows, positions)
        return found
