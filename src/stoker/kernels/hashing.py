"""N-grams of texts to columns by their hashes."""

from __future__ import annotations

import numpy as np

from stoker.kernels.checksum import xxh64
from stoker.kernels.compiling import bare_kernel, kernel

__all__ = ["hash_bytes", "hash_ngrams"]

_BLANK = 0x20
_SIGN = np.uint64(63)


@bare_kernel
def hash_bytes(data, seed):
    """XXH64 of a uint8 array, with a uint64 seed."""
    return xxh64(data, 0, data.shape[0], seed)


@kernel
def hash_ngrams(
    stream, ends, letters, starts, shortest, longest, seed, num_features, signed,
    text, bounds, columns, values,
):  # fmt: skip
    """Write the column of each n-gram, and what it adds there: 1, or where `signed` perhaps -1.

    Parameters
    ----------
    stream, ends
        int32 word numbers of all texts; int64 of shape (n,): where each text ends in the stream.
    letters, starts
        uint64: words as a dictionary holds them; int64: where the word of each number begins there.
    shortest, longest
        Words of the n-grams, at least and at most.
    seed, num_features
        Of the hash, uint64; columns in all, uint64.
    text, bounds
        Room: uint8 for the words of one text and a byte more for each; int64 for one more than these words.
    columns, values
        int32 and float32 with room for all n-grams, text by text, by their first word and then by length;
        written.
    """
    data = letters.view(np.uint8)
    begin, made = 0, 0
    for number in range(ends.shape[0]):
        size, count = 0, ends[number] - begin
        for place in range(count):
            at = starts[stream[begin + place]]
            bounds[place] = size
            for byte in range(8 * (at + 1), 8 * (at + 1) + np.int64(letters[at])):
                text[size] = data[byte]
                size += 1
            text[size] = _BLANK
            size += 1
        bounds[count] = size
        for first in range(count):
            for last in range(first + shortest, min(first + longest, count) + 1):
                digest = xxh64(text, bounds[first], bounds[last] - 1, seed)
                columns[made] = digest % num_features
                values[made] = -1.0 if signed and digest >> _SIGN else 1.0
                made += 1
        begin = ends[number]
