"""Words by number, and how many texts hold each: open addressing over arrays that the caller makes larger.

A word is its bytes, eight in a uint64, the last padded with zeros. Two are one word where all their bytes are
equal, whatever their hashes say: for a given length of at most eight bytes the hash is a bijection of the
bytes, and longer words are compared. All that counting a known word touches lies in its slot.

slots
    uint64 of shape (4 * capacity,), capacity a power of two. Of each slot: the word's hash;
    ``length << 32 | number + 1``, 0 where it is free; ``row + 1 << 32 | texts``, the last text that held the
    word and how many did; and where the word begins in `letters`.
letters
    uint64: each word's length in bytes, then its bytes.
state
    int64 of shape (2,): words numbered so far, and how much of `letters` is used.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel, inner_kernel, kernel

__all__ = [
    "absorb",
    "add_word",
    "copy_words",
    "count_text",
    "digest_rest",
    "find_slot",
    "fold_letters",
    "lay_words",
    "number_words",
    "rehash",
    "spell_words",
    "tally",
]

_FIRST = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xD6E8FEB86659FD93)
_LOW = np.uint64(0xFFFFFFFF)
_NONE, _ONE = np.uint64(0), np.uint64(1)


@inner_kernel
def fold_letters(digest, letters):
    """Digest of a word's bytes so far, given eight more."""
    digest = (digest ^ letters) * _FIRST
    return digest ^ (digest >> np.uint64(32))


@inner_kernel
def digest_rest(digest, letters, length):
    """Hash of a word, given the bytes that its whole eights leave, 0 where they leave none."""
    digest = (digest ^ letters ^ (np.uint64(length) << np.uint64(56))) * _FIRST
    digest = (digest ^ (digest >> np.uint64(32))) * _SECOND
    return digest ^ (digest >> np.uint64(29))


@bare_kernel
def _same_letters(letters, start, word, length):
    place, size = 0, (length + 7) >> 3
    while place < size and letters[start + 1 + place] == word[place]:
        place += 1
    return place == size


@inner_kernel
def find_slot(slots, letters, word, length, digest):
    """Where in `slots` a word is, or the free slot where it belongs."""
    mask = np.int64((slots.shape[0] >> 2) - 1)
    size = np.uint64(length) << np.uint64(32)
    slot = np.int64(digest) & mask
    while True:
        held = slots[4 * slot + 1]
        if held == _NONE:
            return 4 * slot
        found = slots[4 * slot] == digest and (held & ~_LOW) == size
        if found and (length <= 8 or _same_letters(letters, np.int64(slots[4 * slot + 3]), word, length)):
            return 4 * slot
        slot = (slot + 1) & mask


@bare_kernel
def add_word(slots, letters, state, at, word, length, digest):
    """Number a word, in the free slot that `find_slot` gave; whether there was room for it."""
    number, start, size = state[0], state[1], (length + 7) >> 3
    if 8 * (number + 1) > slots.shape[0] or start + 1 + size > letters.shape[0]:
        return False
    slots[at] = digest
    slots[at + 1] = (np.uint64(length) << np.uint64(32)) | np.uint64(number + 1)
    slots[at + 2] = _NONE
    slots[at + 3] = np.uint64(start)
    letters[start] = np.uint64(length)
    for place in range(size):
        letters[start + 1 + place] = word[place]
    state[0], state[1] = number + 1, start + 1 + size
    return True


@inner_kernel
def count_text(slots, at, row):
    """Note that the text of this row holds the word of a slot; rows ascend, and are below 2**32 - 1."""
    mark = np.uint64(row + 1)
    if slots[at + 2] >> np.uint64(32) != mark:
        slots[at + 2] = (mark << np.uint64(32)) | ((slots[at + 2] & _LOW) + _ONE)


@kernel
def rehash(slots, more):
    """Put all words of `slots` into `more`, which is all zero and larger."""
    mask = np.int64((more.shape[0] >> 2) - 1)
    for at in range(0, slots.shape[0], 4):
        if slots[at + 1] == _NONE:
            continue
        slot = np.int64(slots[at]) & mask
        while more[4 * slot + 1] != _NONE:
            slot = (slot + 1) & mask
        for part in range(4):
            more[4 * slot + part] = slots[at + part]


@kernel
def tally(slots, counts, starts, digests):
    """Write by number how many texts hold each word, where it begins in `letters`, and its hash."""
    for at in range(0, slots.shape[0], 4):
        if slots[at + 1] != _NONE:
            number = np.int64(slots[at + 1] & _LOW) - 1
            counts[number] = np.int64(slots[at + 2] & _LOW)
            starts[number] = np.int64(slots[at + 3])
            digests[number] = slots[at]


@bare_kernel
def _digest_of(letters, start, length):
    digest = _NONE
    for place in range(start + 1, start + 1 + (length >> 3)):
        digest = fold_letters(digest, letters[place])
    return digest_rest(digest, letters[start + 1 + (length >> 3)] if length & 7 else _NONE, length)


@kernel
def number_words(slots, letters, others, out):
    """Number of each of some words, one after the other in `others`; -1 where there is none; int32."""
    start = np.int64(0)
    for place in range(out.shape[0]):
        length = np.int64(others[start])
        at = find_slot(slots, letters, others[start + 1 :], length, _digest_of(others, start, length))
        out[place] = np.int32(np.int64(slots[at + 1] & _LOW) - 1)
        start += 1 + ((length + 7) >> 3)


@kernel
def absorb(slots, letters, state, others, counts, cursor):
    """Add words, one after the other in `others`, each held by so many more texts.

    Parameters
    ----------
    cursor
        int64 of shape (2,): the word to begin with, and where it begins in `others`. Written.

    Returns
    -------
    Whether all are added; else make room, and call again.
    """
    while cursor[0] < counts.shape[0]:
        start = cursor[1]
        length = np.int64(others[start])
        word, digest = others[start + 1 :], _digest_of(others, start, length)
        at = find_slot(slots, letters, word, length, digest)
        if slots[at + 1] == _NONE and not add_word(slots, letters, state, at, word, length, digest):
            return False
        slots[at + 2] += np.uint64(counts[cursor[0]])
        cursor[0] += 1
        cursor[1] += 1 + ((length + 7) >> 3)
    return True


@kernel
def copy_words(letters, starts, order, out, begins):
    """Write the words `order`, one after the other, to `out`, and where each begins there."""
    end = np.int64(0)
    for place in range(order.shape[0]):
        start = starts[order[place]]
        begins[place] = end
        for step in range(1 + ((np.int64(letters[start]) + 7) >> 3)):
            out[end] = letters[start + step]
            end += 1


@kernel
def lay_words(data, bounds, letters):
    """Write words that Arrow holds to `letters`, all zero, one after the other; returns where they end."""
    end = np.int64(0)
    for place in range(bounds.shape[0] - 1):
        start, length = bounds[place], bounds[place + 1] - bounds[place]
        letters[end] = np.uint64(length)
        for at in range(length):
            letters[end + 1 + (at >> 3)] |= np.uint64(data[start + at]) << np.uint64(8 * (at & 7))
        end += 1 + ((length + 7) >> 3)
    return end


@kernel
def spell_words(letters, starts, offsets, out):
    """Write the bytes of some words as Arrow holds strings.

    Parameters
    ----------
    starts
        int64 of shape (n,): where each begins in `letters`.
    offsets
        int64 of shape (n + 1,). Written.
    out
        uint8, with room for all; where it is empty, only the offsets are written.
    """
    end = np.int64(0)
    for place in range(starts.shape[0]):
        start = starts[place]
        length = np.int64(letters[start])
        offsets[place] = end
        if out.shape[0]:
            for at in range(length):
                out[end + at] = np.uint8(letters[start + 1 + (at >> 3)] >> np.uint64(8 * (at & 7)))
        end += length
    offsets[starts.shape[0]] = end
