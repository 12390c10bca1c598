"""Small searches over sorted arrays: one call where NumPy takes several."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel, kernel

__all__ = ["count_gaps", "extremes", "index_sorted"]


@bare_kernel
def extremes(values):
    """Least and greatest element of an int64 array of shape (n,), n at least 1."""
    least = greatest = values[0]
    for place in range(1, values.shape[0]):
        value = values[place]
        least = value if value < least else least
        greatest = value if value > greatest else greatest
    return least, greatest


@bare_kernel
def index_sorted(known, values, out):
    """Place of each value among known ones, -1 where it is none of them; returns how many are none.

    Parameters
    ----------
    known
        int64 of shape (k,), ascending.
    values
        int64 of shape (n,).
    out
        int32 of shape (n,); written.
    """
    misses = 0
    for place in range(values.shape[0]):
        # Of numbers one after the other, as most labels are, the first guess is the place.
        low, high = values[place] - known[0] if known.shape[0] else 0, known.shape[0]
        if low < 0 or low >= high or known[low] != values[place]:
            low = 0
            while low < high:
                middle = (low + high) // 2
                if known[middle] < values[place]:
                    low = middle + 1
                else:
                    high = middle
        found = low < known.shape[0] and known[low] == values[place]
        out[place] = np.int32(low) if found else np.int32(-1)
        misses += not found
    return misses


@kernel
def count_gaps(starts, lows, positions):
    """Each position plus how many gaps lie before it, int64 of shape (n,).

    Parameters
    ----------
    starts, lows
        Gaps by the position that follows them: those of the positions [65536 r, 65536 (r + 1)) are
        ``lows[starts[r] : starts[r + 1]]``, the lower 16 bits of each, ascending.
    positions
        int64 of shape (n,).
    """
    out = np.empty(positions.shape[0], np.int64)
    for place in range(positions.shape[0]):
        run, wanted = positions[place] >> 16, positions[place] & 0xFFFF
        low, high = starts[run], starts[run + 1]
        while low < high:
            middle = (low + high) // 2
            if np.int64(lows[middle]) <= wanted:
                low = middle + 1
            else:
                high = middle
        out[place] = positions[place] + low
    return out
