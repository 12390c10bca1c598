"""Words between separators, straight from UTF-8: counted in a dictionary, or replaced by their indices.

A text is first written to a buffer as it is to be cut, with `SEPARATOR`, a byte that UTF-8 never holds, for
every separator. No step that is taken for every byte branches on it, so the processor need not guess where
words end.

What each byte becomes is told by `actions`, uint8 of shape (256,): a byte, `SEPARATOR`, or `DECODE` where a
character beyond ASCII begins; what is no UTF-8 becomes U+FFFD. Such characters are lowered by `lowering`,
uint32 of shape (pages, 256), and `pages`, int32 of shape (4352,): the row there that belongs to 256 code
points, -1 where all stay as they are. A capital sigma depends on its neighbours: its text is left to the
caller, to be lowered by Python first.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.characters import decode
from stoker.kernels.compiling import bare_kernel, inner_kernel, kernel
from stoker.kernels.dictionary import add_word, digest_of, find_word
from stoker.kernels.words import ask_for, load_word, trailing_zeros

__all__ = [
    "BEFORE",
    "BEHIND",
    "BLOCK",
    "DECODE",
    "DONE",
    "DOTTED_I",
    "FULL",
    "LOWER_FIRST",
    "SEPARATOR",
    "SIGMA",
    "TEXT",
    "count_words",
    "index_words",
]

SEPARATOR, DECODE = 0xFF, 0xFE
DOTTED_I = 0x130
"""The one code point whose lower case is two: i and `_DOT`."""
SIGMA = 0x3A3
"""The one code point whose lower case depends on its neighbours."""
TEXT, OFFSET, PLACE = 2, 3, 4
"""Where `count_words` goes on, in its `state`: text, byte within it, words of it already counted."""
DONE, FULL, LOWER_FIRST = 0, 1, 2
"""What `count_words` returns."""
BLOCK = 1024
"""Bytes of a prepared text that are looked at together, a multiple of 64."""
BEFORE, BEHIND = 8, 80
"""Bytes around a prepared text, which loads of eight and of 64 may touch."""
_DOT = 0x307
_TOPS = np.uint64(0x8080808080808080)
_LOWEST = np.uint64(0x0101010101010101)
_GATHER = np.uint64(0x0102040810204080)
_ONE = np.uint64(1)


@bare_kernel
def _write_point(out, size, point):
    """Append the UTF-8 of a code point; returns the new size."""
    if point < 0x80:
        out[size] = point
        return size + 1
    if point < 0x800:
        out[size] = 0xC0 | (point >> 6)
    elif point < 0x10000:
        out[size] = 0xE0 | (point >> 12)
        size += 1
        out[size] = 0x80 | ((point >> 6) & 0x3F)
    else:
        out[size] = 0xF0 | (point >> 18)
        out[size + 1] = 0x80 | ((point >> 12) & 0x3F)
        size += 2
        out[size] = 0x80 | ((point >> 6) & 0x3F)
    out[size + 1] = 0x80 | (point & 0x3F)
    return size + 2


@bare_kernel
def _prepare(data, place, stop, actions, pages, lowering, out):
    """Write ``data[place:stop]`` as it is to be cut to `out`, from `BEFORE` on.

    Returns
    -------
    Where it ends in `out`; -1 where there is a capital sigma to lower.
    """
    size = np.int64(BEFORE)
    while place < stop:
        while place + 8 <= stop and load_word(data, place) & _TOPS == np.uint64(0):
            for step in range(8):
                out[size + step] = actions[data[place + step]]
            place += 8
            size += 8
        until = min(place + 8, stop)
        while place < until:
            byte = actions[data[place]]
            if byte != DECODE:
                out[size] = byte
                place += 1
                size += 1
                continue
            point, length = decode(data, place, stop)
            place += length
            page = pages[point >> 8]
            if page >= 0:
                if point == SIGMA:
                    return np.int64(-1)
                if point == DOTTED_I:
                    out[size] = 0x69
                    size += 1
                    point = np.int64(_DOT)
                else:
                    point = np.int64(lowering[page, point & 0xFF])
            size = _write_point(out, size, point)
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
def _cut(text, begin, end, edges, count, slots, digests):
    """Find the words that end in ``text[begin:end]``, and ask for the slots where they belong.

    Parameters
    ----------
    text, begin, end
        A prepared text, and what to look at: 64 bytes at a time, so some of what follows `end` is read.
    edges
        int64: written, from `count` on, with the places at which words begin and end by turns.
    count
        1 where ``edges[0]`` is the beginning of a word that has not ended, else 0.
    slots
        Of the dictionary.
    digests
        uint64; written with the hash of each word.

    Returns
    -------
    The edges, an odd number of them where another word has not ended.
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
    for which in range(count >> 1):
        start = edges[2 * which]
        digest = digest_of(text, start, edges[2 * which + 1] - start)
        digests[which] = digest
        ask_for(slots, 2 * (np.int64(digest) & mask))
    return count


@kernel
def count_words(
    data, offsets, row, actions, pages, lowering, text, edges, digests,
    slots, counts, entries, letters, state, lengths,
):  # fmt: skip
    """Count the words of texts in a dictionary.

    Parameters
    ----------
    data, offsets
        The texts: uint8, and int64 of shape (n + 1,).
    row
        Number of the first text, for the first occurrences; it may not lie before one that was counted.
    actions, pages, lowering
        See the module.
    text, edges, digests
        Room: uint8 for the longest text when it is lowered, `BEFORE` in front and `BEHIND` behind; int64 and
        uint64 of `BLOCK` + 2.
    slots, counts, entries, letters, state
        The dictionary, see `stoker.kernels.dictionary`; `state` also says where to begin, and is written.
    lengths
        int64 of shape (n,): words of each text; written.

    Returns
    -------
    `DONE`; `FULL` where there must be more room in the dictionary; `LOWER_FIRST` where the text
    ``state[TEXT]`` must be lowered and counted apart. Then call again, after the latter with `TEXT` one more.
    """
    for number in range(state[TEXT], offsets.shape[0] - 1):
        size = _prepare(data, offsets[number], offsets[number + 1], actions, pages, lowering, text)
        if size < 0:
            state[TEXT] = number
            return LOWER_FIRST
        begin, count, edge = BEFORE + state[OFFSET], state[PLACE], np.int64(0)
        state[OFFSET], state[PLACE] = 0, 0
        while begin <= size:
            end = min(begin + BLOCK, size + 1)
            edge = _cut(text, begin, end, edges, edge, slots, digests)
            for which in range(edge >> 1):
                start = edges[2 * which]
                length = edges[2 * which + 1] - start
                digest = digests[which]
                word = find_word(slots, entries, letters, text, start, length, digest)
                if word < 0:
                    word = add_word(slots, entries, letters, state, -1 - word, text, start, length, digest)
                    if word < 0:
                        state[TEXT], state[OFFSET], state[PLACE] = number, start - BEFORE, count
                        return FULL
                    counts[word] = 0
                    entries[word, 0], entries[word, 1] = row + number, count
                counts[word] += 1
                count += 1
            edges[0], edge, begin = edges[max(edge - 1, 0)], edge & 1, end
        lengths[number] = count
    state[TEXT] = 0
    return DONE


@kernel
def index_words(
    data, offsets, begin_with, actions, pages, lowering, text, edges, digests, slots, entries, letters,
    index_of_first, unknown, keep_first, pad_first, ring, out, lengths,
):  # fmt: skip
    """Write the indices of the words of texts, cut and padded with 0 to the width of `out`.

    Parameters
    ----------
    data, offsets, actions, pages, lowering, text, edges, digests
        As in `count_words`.
    begin_with
        The text to begin with.
    slots, entries, letters
        The dictionary.
    index_of_first, unknown
        Index of the word with id 0, the others follow; that of unknown words, 0 to leave them out.
    keep_first, pad_first
        Whether the first words of a long text stay, else the last; whether zeros come first.
    ring
        Room: int32 of shape (width + 1,).
    out, lengths
        int32 of shape (n, width), width at least 1; int64 of shape (n,), the indices of each text before it
        is cut; written.

    Returns
    -------
    n, or the first text that must be lowered apart.
    """
    for number in range(begin_with, offsets.shape[0] - 1):
        size = _prepare(data, offsets[number], offsets[number + 1], actions, pages, lowering, text)
        if size < 0:
            return number
        width = out.shape[1]
        begin, count, turn, edge = np.int64(BEFORE), np.int64(0), np.int64(0), np.int64(0)
        while begin <= size:
            end = min(begin + BLOCK, size + 1)
            edge = _cut(text, begin, end, edges, edge, slots, digests)
            for which in range(edge >> 1):
                start = edges[2 * which]
                length = edges[2 * which + 1] - start
                word = find_word(slots, entries, letters, text, start, length, digests[which])
                index = word + index_of_first if word >= 0 else np.int64(unknown)
                ring[turn] = index  # where nothing is taken yet, so that no branch is needed
                step = np.int64(index != 0 and (count < width or not keep_first))
                count += np.int64(index != 0)
                turn = turn + step if turn + step <= width else 0
            edges[0], edge, begin = edges[max(edge - 1, 0)], edge & 1, end
        lengths[number] = count
        _unroll(ring, turn, count, keep_first, pad_first, out[number])
    return offsets.shape[0] - 1


@inner_kernel
def _unroll(ring, turn, count, keep_first, pad_first, row):
    """Write what a ring holds of `count` indices, all but its place `turn`, to a row, padded with 0."""
    width = row.shape[0]
    held = min(count, width)
    gap = width - held if pad_first else 0
    for place in range(width):
        row[place] = 0
    if count <= width or keep_first:
        for place in range(held):
            row[gap + place] = ring[place]
        return
    for place in range(held):
        turn = turn + 1 if turn < width else 0
        row[place] = ring[turn]
