"""Small searches over int64 arrays that run once a group of batches: one call where NumPy takes several."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import kernel

__all__ = ["extremes", "index_sorted"]


@kernel
def extremes(values):
    """Least and greatest element of an int64 array of shape (n,), n at least 1."""
    least = greatest = values[0]
    for place in range(1, values.shape[0]):
        least = min(least, values[place])
        greatest = max(greatest, values[place])
    return least, greatest


@kernel
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
        low, high = 0, known.shape[0]
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
