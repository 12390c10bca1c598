"""How long texts are, in bytes and in words, and a histogram of lengths."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel, helper_kernel, inner_kernel
from stoker.kernels.words import count_ones, load_word, repeated

__all__ = ["EXACT", "STEPS", "add_lengths", "count_lengths"]

EXACT = 256
"""Lengths below this have a place each."""
STEPS = 128
"""Places for each doubling of the length from there on."""

_KINDS = np.zeros(256, np.int64)  # 1: a blank, 2: perhaps the beginning of one
_KINDS[[*range(9, 14), *range(28, 33)]] = 1
_KINDS[[0xC2, 0xE1, 0xE2, 0xE3]] = 2
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_HIGH = np.uint64(0x8080808080808080)
_BLANKS = np.uint64(0x2020202020202020)


@bare_kernel
def add_lengths(offsets, data, num_bytes, num_words):
    """Add to each row the bytes and the words of its text.

    Words are what ``str.split`` finds: whatever stands between characters that Unicode calls white space.

    Parameters
    ----------
    offsets
        int64 of shape (n + 1,): text i is ``data[offsets[i]:offsets[i + 1]]``.
    data
        uint8, UTF-8.
    num_bytes, num_words
        int64 of shape (n,), added to.
    """
    for row in range(offsets.size - 1):
        at, stop = offsets[row], offsets[row + 1]
        num_bytes[row] += stop - at
        before, words = np.uint64(1), np.int64(0)
        while at < stop:
            if at + 8 <= data.size:
                word = _padded(load_word(data, at), stop - at)
                if (word & _HIGH) == np.uint64(0):
                    blanks = _blanks_in(word)
                    begun = ~blanks & ((blanks << np.uint64(8)) | (before << np.uint64(7))) & _HIGH
                    words += np.int64(count_ones(begun))
                    before = blanks >> np.uint64(63)
                    at += 8
                    continue
            limit = min(stop, at + 8)
            while at < limit:
                kind = _KINDS[data[at]]
                if kind > 1:
                    width = _blank_width(data, at, stop)
                    kind = np.int64(width > 0)
                    at += width if width > 1 else np.int64(1)
                else:
                    at += 1
                words += np.int64(before) & (1 - kind)
                before = np.uint64(kind)
        num_words[row] += words


@inner_kernel
def _padded(word, length):
    """The word with blanks behind its first `length` bytes, where these are fewer than eight."""
    if length >= 8:
        return word
    kept = _ALL >> np.uint64(64 - 8 * length)
    return (word & kept) | (_BLANKS & ~kept)


@inner_kernel
def _blanks_in(word):
    """The top bit of each byte that is a blank of ASCII, 9 to 13 or 28 to 32, where none is above 127."""
    low = (word + repeated(0x80 - 9)) & ~(word + repeated(0x7F - 13))
    high = (word + repeated(0x80 - 28)) & ~(word + repeated(0x7F - 32))
    return (low | high) & _HIGH


@helper_kernel
def _blank_width(data, at, stop):
    """Bytes of the white space beyond ASCII that begins at a byte; 0 where it is none."""
    byte = data[at]
    if byte == 0xC2:
        return 2 if at + 1 < stop and (data[at + 1] == 0x85 or data[at + 1] == 0xA0) else 0
    return 3 if at + 2 < stop and _is_wide_blank(byte, data[at + 1], data[at + 2]) else 0


@inner_kernel
def _is_wide_blank(first, second, third):
    if first == 0xE1:
        return second == 0x9A and third == 0x80
    if first == 0xE3:
        return second == 0x80 and third == 0x80
    if second == 0x81:
        return third == 0x9F
    return second == 0x80 and (third <= 0x8A or 0xA8 <= third <= 0xA9 or third == 0xAF)


@bare_kernel
def count_lengths(lengths, counts):
    """Count each length at its place: itself below `EXACT`, then `STEPS` places for each doubling.

    Parameters
    ----------
    lengths
        int64 of shape (n,), none negative.
    counts
        int64 of shape (places,), added to; lengths beyond the last place are counted there.
    """
    for row in range(lengths.size):
        rest, shift = lengths[row], 0
        while rest >= 2 * STEPS:
            rest >>= 1
            shift += 1
        place = rest if shift == 0 else EXACT + (shift - 1) * STEPS + rest - STEPS
        counts[place if place < counts.size else counts.size - 1] += 1
