"""Texts cut into words, straight from UTF-8.

A text is first written to a buffer as `stoker.kernels.characters` says, with `SEPARATOR` for what belongs to
no word. No step that is taken for every byte branches on it, so the processor need not guess where words end.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.characters import DECODE, SEPARATOR, decode, entry_of
from stoker.kernels.compiling import helper_kernel, inner_kernel
from stoker.kernels.dictionary import digest_of
from stoker.kernels.words import ask_for, count_ones, load_word, trailing_zeros

__all__ = ["BEFORE", "BEHIND", "BLOCK", "cut_words", "prepare_text"]

BLOCK = 1024
"""Bytes of a prepared text that are looked at together, a multiple of 64."""
BEFORE, BEHIND = 8, 80
"""Bytes around a prepared text, which loads of eight and of 64 may touch."""
_TOPS = np.uint64(0x8080808080808080)
_LOWEST = np.uint64(0x0101010101010101)
_GATHER = np.uint64(0x0102040810204080)
_ONE = np.uint64(1)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@helper_kernel
def prepare_text(data, place, stop, actions, pages, entries, letters, out):
    """Write ``data[place:stop]`` as it is to be cut to `out`, from `BEFORE` on; returns where it ends.

    Or ``-1 - code`` where a code point has no entry.
    """
    size = np.int64(BEFORE)
    while place < stop:
        while place + 8 <= stop and load_word(data, place) & _TOPS == np.uint64(0):
            for step in range(8):
                out[size + step] = actions[data[place + step]]
            place += 8
            size += 8
        until = place + 8 if place + 8 < stop else stop
        while place < until:
            byte = actions[data[place]]
            if byte != DECODE:
                out[size] = byte
                place += 1
                size += 1
                continue
            point, length = decode(data, place, stop)
            place += length
            entry = entry_of(pages, entries, point)
            if entry < 0:
                return -1 - point
            for at in range(entry >> 8, (entry >> 8) + (entry & 0xFF)):
                out[size] = letters[at]
                size += 1
    out[size] = SEPARATOR
    return size


@inner_kernel
def _separators(text, place):
    """Bit i of the uint64 says whether ``text[place + i]`` is a separator."""
    mask = np.uint64(0)
    for step in range(8):
        word = load_word(text, place + 8 * step)
        # The top bit of each byte that is 0xFF; then these eight bits side by side.
        found = ((word & ~_TOPS) + _LOWEST) & word & _TOPS
        mask |= (((found >> np.uint64(7)) * _GATHER) >> np.uint64(56)) << np.uint64(8 * step)
    return mask


@inner_kernel
def _characters(text, start, length):
    """Characters of a word, and of one that is longer than eight bytes at least two."""
    size = length if length < 8 else np.int64(8)
    word = load_word(text, start) & (_ALL >> np.uint64(64 - 8 * size))
    return size - count_ones(word & ~(word << _ONE) & _TOPS)


@inner_kernel
def cut_words(text, begin, end, edges, count, least, slots, digests):
    """Find the words that end in ``text[begin:end]``, and ask for the slots where they belong.

    Parameters
    ----------
    text, begin, end
        A prepared text, and what to look at: 64 bytes at a time, so some of what follows `end` is read.
    edges
        int64: written with the places at which words begin and end by turns.
    count
        1 where ``edges[0]`` is the beginning of a word that has not ended, else 0.
    least
        Characters of the shortest word.
    slots
        Of the dictionary.
    digests
        uint64; written with the hash of each word.

    Returns
    -------
    The words, and the edges that were found: an odd number where another word has not ended, and the last of
    them is where it begins.
    """
    for place in range(begin, end, 64):
        inside = ~_separators(text, place)
        if end - place < 64:
            inside &= (_ONE << np.uint64(end - place)) - _ONE
        changes = inside ^ ((inside << _ONE) | np.uint64(count & 1))
        while changes != np.uint64(0):
            edges[count] = place + trailing_zeros(changes)
            changes &= changes - _ONE
            count += 1
    mask = np.int64((slots.shape[0] >> 1) - 1)
    words = np.int64(0)
    for which in range(count >> 1):
        start, stop = edges[2 * which], edges[2 * which + 1]
        digest = digest_of(text, start, stop - start)
        edges[2 * words], edges[2 * words + 1], digests[words] = start, stop, digest
        words += least < 2 or _characters(text, start, stop - start) >= least
        ask_for(slots, 2 * (np.int64(digest) & mask))
    return words, count
