"""Values of a column counted and numbered by their bytes: texts as they are, numbers as eight bytes each.

Dictionaries are those of `stoker.kernels.dictionary`. Data must be readable for eight bytes from any byte of
a value; nothing is checked here.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.checksum import xxh64
from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.dictionary import add_word, digest_of, find_word
from stoker.kernels.words import load_word

__all__ = ["bucket_values", "count_values", "number_values"]

_LOW = np.uint64(0xFFFFFFFF)


@inner_kernel
def _seek(slots, entries, letters, data, start, length, digest):
    """As `find_word`, with a quick answer where the first slot holds a value of at most 16 bytes."""
    slot = np.int64(digest) & np.int64((slots.shape[0] >> 1) - 1)
    held = slots[2 * slot + 1]
    if slots[2 * slot] == digest and np.int64(held >> np.uint64(32)) == length:
        number = np.int64(held & _LOW) - 1
        if length <= 8:
            return number
        at = entries[number, 2]
        if length <= 16 and letters[at + 1] == load_word(data, start):
            rest = np.uint64(8 * (16 - length))
            if letters[at + 2] == load_word(data, start + length - 8) >> rest:
                return number
    return find_word(slots, entries, letters, data, start, length, digest)


@bare_kernel
def count_values(data, offsets, begin, stop, slots, counts, entries, letters, state):
    """Count the values from number `begin` to before `stop`; one without a byte is passed over.

    Parameters
    ----------
    data, offsets
        uint8; int64 of shape (n + 1,): value i is ``data[offsets[i] : offsets[i + 1]]``.
    slots, counts, entries, letters, state
        A dictionary, which grows.

    Returns
    -------
    The number of values that were taken: `stop`, or that of the first for which there is no room.
    """
    for i in range(begin, stop):
        start = np.int64(offsets[i])
        length = np.int64(offsets[i + 1]) - start
        if length == 0:
            continue
        digest = digest_of(data, start, length)
        number = _seek(slots, entries, letters, data, start, length, digest)
        if number < 0:
            number = add_word(slots, entries, letters, state, -1 - number, data, start, length, digest)
            if number < 0:
                return i
            counts[number] = 0
            entries[number, 0], entries[number, 1] = 0, 0
        counts[number] += 1
    return stop


@bare_kernel
def number_values(data, offsets, begin, stop, slots, entries, letters, out):
    """Write the id of each value from `begin` to before `stop`: -1 where it is not held, -2 without a byte.

    `out` is int32 of shape (n,); the others are those of `count_values`.
    """
    for i in range(begin, stop):
        start = np.int64(offsets[i])
        length = np.int64(offsets[i + 1]) - start
        if length == 0:
            out[i] = np.int32(-2)
            continue
        digest = digest_of(data, start, length)
        number = _seek(slots, entries, letters, data, start, length, digest)
        out[i] = np.int32(number if number >= 0 else -1)


@bare_kernel
def bucket_values(data, offsets, num_buckets, first, out):
    """Write ``first`` plus the bucket of each value: the remainder of its XXH64 by `num_buckets`, a uint64.

    `out` is int32 of shape (n,); data and offsets are those of `count_values`.
    """
    for i in range(out.shape[0]):
        digest = xxh64(data, np.int64(offsets[i]), np.int64(offsets[i + 1]), np.uint64(0))
        out[i] = np.int32(first + np.int64(digest % num_buckets))
