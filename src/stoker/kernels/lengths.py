"""How long texts are, in bytes and in words, and a histogram of lengths."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel, helper_kernel, inner_kernel

__all__ = ["EXACT", "STEPS", "add_lengths", "count_lengths"]

EXACT = 256
"""Lengths below this have a place each."""
STEPS = 128
"""Places for each doubling of the length from there on."""

_KINDS = np.zeros(256, np.int64)  # 1: a blank, 2: perhaps the beginning of one
_KINDS[[*range(9, 14), *range(28, 33)]] = 1
_KINDS[[0xC2, 0xE1, 0xE2, 0xE3]] = 2


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
        before, words = 1, 0
        while at < stop:
            kind = _KINDS[data[at]]
            if kind > 1:
                width = _blank_width(data, at, stop)
                kind = np.int64(width > 0)
                at += width if width > 1 else np.int64(1)
            else:
                at += 1
            words += before & (1 - kind)
            before = kind
        num_words[row] += words


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
