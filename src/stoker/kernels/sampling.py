"""Which rows a sample holds: those whose ordinals have the least hashes."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel
from stoker.kernels.mixing import mix
from stoker.kernels.words import multiply_high

__all__ = ["choose", "draw_again"]

_SEED = np.uint64(0x534B_4554_4348)


@bare_kernel
def choose(first, count, limit, keys, chosen):
    """Write the hashes below `limit` of the ordinals from `first` on, and how many rows after it each is.

    Parameters
    ----------
    first, count
        Ordinal of the first row, and how many rows there are.
    limit
        uint64.
    keys, chosen
        uint64 and int64 of shape (count,); as many are written as are returned.
    """
    found = 0
    for row in range(count):
        key = mix(_SEED, np.uint64(first + row))
        keys[found], chosen[found] = key, row
        found += key < limit
    return found


@bare_kernel
def draw_again(keys, salt, limit):
    """Put in the place of each key another one below `limit`, as random as the first; both are uint64."""
    for place in range(keys.shape[0]):
        keys[place] = multiply_high(mix(mix(_SEED, salt), keys[place]), limit)
