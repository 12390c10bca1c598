"""Words of texts counted in a dictionary, or replaced by their numbers."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import inner_kernel, kernel
from stoker.kernels.cutting import BEFORE, BLOCK, cut_words, prepare_text
from stoker.kernels.dictionary import add_word, find_word

__all__ = [
    "DONE",
    "FULL",
    "OFFSET",
    "PLACE",
    "STREAM_FULL",
    "TEXT",
    "count_words",
    "index_words",
    "number_words",
]

TEXT, OFFSET, PLACE = 2, 3, 4
"""Where a kernel goes on, in `state`: text, byte within it, words of it (or of all texts) already met."""
DONE, FULL, STREAM_FULL = 0, 1, 2
"""What a kernel returns."""
_LOW = np.int64(0xFFFFFFFF)


@kernel
def count_words(
    data, offsets, row, actions, pages, images, image_letters, least, text, edges, digests,
    slots, counts, entries, letters, state, lengths,
):  # fmt: skip
    """Count the words of texts in a dictionary.

    Parameters
    ----------
    data, offsets
        The texts: uint8, and int64 of shape (n + 1,).
    row
        Number of the first text, for the first occurrences; it may not lie before one that was counted.
    actions, pages, images, image_letters
        `stoker.kernels.characters.CharacterArrays`, with all pages that occur.
    least
        Characters of the shortest word, 1 or 2.
    text, edges, digests
        Room: uint8 for the longest text when it is prepared, `BEFORE` in front and `BEHIND` behind; int64 and
        uint64 of `BLOCK` + 2.
    slots, counts, entries, letters, state
        The dictionary, see `stoker.kernels.dictionary`; `state` also says where to begin, and is written.
    lengths
        int64 of shape (n,): words of each text; written.

    Returns
    -------
    `DONE`, or `FULL` where there must be more room in the dictionary: then call again.
    """
    for number in range(state[TEXT], offsets.shape[0] - 1):
        size = prepare_text(
            data, offsets[number], offsets[number + 1], actions, pages, images, image_letters, text
        )
        begin, count, edge = BEFORE + state[OFFSET], state[PLACE], np.int64(0)
        state[OFFSET], state[PLACE] = 0, 0
        while begin <= size:
            end = min(begin + BLOCK, size + 1)
            words, edge = cut_words(text, begin, end, edges, edge, least, slots, digests)
            for which in range(words):
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
def number_words(
    data, offsets, row, actions, pages, images, image_letters, least, text, edges, digests,
    slots, counts, entries, letters, state, learn, stream, ends,
):  # fmt: skip
    """Write the numbers of all words of texts to a stream.

    Parameters
    ----------
    data, offsets, row, actions, pages, images, image_letters, least, text, edges, digests
        As in `count_words`.
    slots, counts, entries, letters, state
        The dictionary; where not `learn` only `state` is written, which must be the caller's own. Of `counts`
        the lower 32 bits count the texts that hold a word, the upper ones mark the last: row + 1, ascending.
    learn
        Whether new words get the next numbers, and texts are counted; else such words are -1.
    stream, ends
        int32; int64 of shape (n,): where the words of each text end in the stream; written.

    Returns
    -------
    `DONE`, and ``state[PLACE]`` words are written; or `FULL` or `STREAM_FULL`: call again with more room.
    """
    written = state[PLACE]
    for number in range(state[TEXT], offsets.shape[0] - 1):
        size = prepare_text(
            data, offsets[number], offsets[number + 1], actions, pages, images, image_letters, text
        )
        begin, edge = BEFORE + state[OFFSET], np.int64(0)
        state[OFFSET] = 0
        mark = (row + number + 1) << 32
        while begin <= size:
            end = min(begin + BLOCK, size + 1)
            words, edge = cut_words(text, begin, end, edges, edge, least, slots, digests)
            for which in range(words):
                start = edges[2 * which]
                length = edges[2 * which + 1] - start
                digest = digests[which]
                if written >= stream.shape[0]:
                    state[TEXT], state[OFFSET], state[PLACE] = number, start - BEFORE, written
                    return STREAM_FULL
                word = find_word(slots, entries, letters, text, start, length, digest)
                if learn:
                    if word < 0:
                        word = add_word(
                            slots, entries, letters, state, -1 - word, text, start, length, digest
                        )
                        if word < 0:
                            state[TEXT], state[OFFSET], state[PLACE] = number, start - BEFORE, written
                            return FULL
                        counts[word] = 0
                        entries[word, 0], entries[word, 1] = row + number, 0
                    counts[word] = mark | ((counts[word] & _LOW) + (counts[word] & ~_LOW != mark))
                stream[written] = np.int32(max(word, -1))
                written += 1
            edges[0], edge, begin = edges[max(edge - 1, 0)], edge & 1, end
        ends[number] = written
    state[TEXT], state[PLACE] = 0, written
    return DONE


@kernel
def index_words(
    data, offsets, actions, pages, images, image_letters, least, text, edges, digests,
    slots, entries, letters, index_of_first, unknown, keep_first, pad_first, ring, out, lengths,
):  # fmt: skip
    """Write the indices of the words of texts, cut and padded with 0 to the width of `out`.

    Parameters
    ----------
    data, offsets, actions, pages, images, image_letters, least, text, edges, digests
        As in `count_words`.
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
    """
    for number in range(offsets.shape[0] - 1):
        size = prepare_text(
            data, offsets[number], offsets[number + 1], actions, pages, images, image_letters, text
        )
        width = out.shape[1]
        begin, count, turn, edge = np.int64(BEFORE), np.int64(0), np.int64(0), np.int64(0)
        while begin <= size:
            end = min(begin + BLOCK, size + 1)
            words, edge = cut_words(text, begin, end, edges, edge, least, slots, digests)
            for which in range(words):
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
