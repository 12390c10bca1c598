"""Texts to the numbers of their words, which are counted on the way, and numbers to rows."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel
from stoker.kernels.cutting import BEFORE, BLOCK, cut_words, prepare_text
from stoker.kernels.dictionary import add_word, find_word

__all__ = [
    "COUNT_TEXTS",
    "COUNT_WORDS",
    "DONE",
    "FULL",
    "KEEP_KNOWN",
    "LOOK_UP",
    "OFFSET",
    "PLACE",
    "STREAM_FULL",
    "TEXT",
    "lay_out",
    "number_words",
]

TEXT, OFFSET, PLACE = 2, 3, 4
"""Where a kernel goes on, in `state`: text, byte within it, words of all texts already written."""
DONE, FULL, STREAM_FULL = 0, 1, 2
"""What `number_words` returns."""
LOOK_UP, KEEP_KNOWN, COUNT_TEXTS, COUNT_WORDS = 0, 1, 2, 3
"""What `number_words` does with words beside giving their numbers."""
_LOW = np.int64(0xFFFFFFFF)


@bare_kernel
def number_words(
    data, offsets, row, actions, pages, images, image_letters, least, text, edges, digests,
    slots, counts, entries, letters, state, what, stream, ends,
):  # fmt: skip
    """Write the numbers of all words of texts to a stream.

    Parameters
    ----------
    data, offsets
        The texts: uint8, and int64 of shape (n + 1,).
    row
        Number of the first text, for the first occurrences; it may not lie before one that was counted.
    actions, pages, images, image_letters
        `stoker.kernels.characters.CharacterArrays`.
    least
        Characters of the shortest word, 1 or 2.
    text, edges, digests
        Room: uint8 for the longest text when it is prepared, `BEFORE` in front and `BEHIND` behind; int64 and
        uint64 of `BLOCK` + 2.
    slots, counts, entries, letters, state
        The dictionary, see `stoker.kernels.dictionary`; `state` also says where to begin, and is written.
    what
        `LOOK_UP`: words that the dictionary does not hold are -1, and only `state` of it is written, which
        must be the caller's own. `KEEP_KNOWN`: such words are left out. `COUNT_TEXTS`: new words get the next
        numbers; the lower 32 bits of `counts` say how many texts hold each, the upper ones mark the last of
        these: row + 1, ascending. `COUNT_WORDS`: `counts` says instead how often each was met, and nothing is
        written to the stream, which needs no room.
    stream, ends
        int32; int64 of shape (n,): where the words of each text end in the stream; written.

    Returns
    -------
    `DONE`, and ``state[PLACE]`` words are written or counted; or `FULL` or `STREAM_FULL`: call again with
    more room, in the dictionary or the stream. Or ``-1 - code``: call again when that code point has got an
    entry, or the texts are lowered.
    """
    written = state[PLACE]
    for number in range(state[TEXT], offsets.shape[0] - 1):
        size = prepare_text(
            data, offsets[number], offsets[number + 1], actions, pages, images, image_letters, text
        )
        if size < 0:
            state[TEXT] = number
            state[PLACE] = written
            return size
        begin, edge = BEFORE + state[OFFSET], np.int64(0)
        first = ends[number - 1] if number else np.int64(0)
        mark = (row + number + 1) << 32
        state[OFFSET] = 0
        while begin <= size:
            end = begin + BLOCK if begin + BLOCK <= size else size + 1
            words, edge = cut_words(text, begin, end, edges, edge, least, slots, digests)
            for which in range(words):
                start = edges[2 * which]
                length = edges[2 * which + 1] - start
                digest = digests[which]
                if what != COUNT_WORDS and written >= stream.shape[0]:
                    state[TEXT], state[OFFSET], state[PLACE] = number, start - BEFORE, written
                    return STREAM_FULL
                word = find_word(slots, entries, letters, text, start, length, digest)
                if what >= COUNT_TEXTS:
                    if word < 0:
                        free = -1 - word
                        word = add_word(slots, entries, letters, state, free, text, start, length, digest)
                        if word < 0:
                            state[TEXT], state[OFFSET], state[PLACE] = number, start - BEFORE, written
                            return FULL
                        counts[word] = 0
                        entries[word, 0], entries[word, 1] = row + number, written - first
                    if what == COUNT_WORDS:
                        counts[word] += 1
                        written += 1
                        continue
                    counts[word] = mark | ((counts[word] & _LOW) + (counts[word] & ~_LOW != mark))
                stream[written] = np.int32(word if word >= 0 else -1)
                written += (word >= 0) | (what != KEEP_KNOWN)
            edges[0] = edges[edge - 1 if edge else 0]
            edge &= 1
            begin = end
        ends[number] = written
    state[TEXT] = 0
    state[PLACE] = written
    return DONE


@bare_kernel
def lay_out(stream, ends, index_of_first, keep_first, pad_first, out):
    """Write the indices of the words of texts to rows, cut and padded with 0 to the width of `out`.

    Parameters
    ----------
    stream, ends
        int32 numbers of words; int64 of shape (n,): where those of each text end.
    index_of_first
        Is added to the numbers.
    keep_first, pad_first
        Whether the first words of a long text stay, else the last; whether zeros come first.
    out
        int32 of shape (n, width), width at least 1; written.
    """
    width = out.shape[1]
    for row in range(ends.shape[0]):
        start = ends[row - 1] if row else np.int64(0)
        held = ends[row] - start
        if held > width:
            start = start if keep_first else ends[row] - width
            held = width
        gap = width - held if pad_first else np.int64(0)
        for place in range(gap):
            out[row, place] = 0
        for place in range(held):
            out[row, gap + place] = np.int32(stream[start + place] + index_of_first)
        for place in range(gap + held, width):
            out[row, place] = 0
