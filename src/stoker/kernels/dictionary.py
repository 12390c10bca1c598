"""An exact dictionary of words: open addressing over arrays that the caller holds and makes larger.

A word is its bytes; two are one word where all their bytes are equal, whatever their hashes say. Up to eight
bytes their hash is a bijection, so equal hashes of words of one length are enough; the bytes of longer ones
are compared.

slots
    uint64 of shape (2 * capacity,), capacity a power of two: the hash, and ``length << 32 | id + 1``; 0 where
    the slot is free.
counts
    int64 of shape (n,), by id: how often each word was met.
entries
    int64 of shape (n, 3), by id: the row and the place in that row of a word's first occurrence, and where it
    begins in `letters`.
letters
    uint64: each word's length in bytes, then its bytes, eight in a word, the last padded with zeros.
state
    int64: ids given out and words of `letters` in use; see `ENTRIES` and `LETTERS`.

Words to look up lie in a uint8 array that is readable for eight bytes from any of theirs.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel, helper_kernel, inner_kernel
from stoker.kernels.words import load_word

__all__ = [
    "ENTRIES",
    "LETTERS",
    "absorb",
    "add_word",
    "digest_of",
    "file_words",
    "find_word",
    "hash_words",
]

ENTRIES, LETTERS = 0, 1
"""Places of `state`."""

_FIRST = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xD6E8FEB86659FD93)
_LOW = np.uint64(0xFFFFFFFF)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@inner_kernel
def _last_letters(data, start, length):
    """The one to eight bytes that a word's whole eights leave, padded with zeros."""
    rest = ((length - 1) & 7) + 1
    return load_word(data, start + length - rest) & (_ALL >> np.uint64(64 - 8 * rest))


@inner_kernel
def digest_of(data, start, length):
    """Hash of the word of `length` bytes, at least 1, that begins at ``data[start]``."""
    digest = np.uint64(0)
    for place in range(start, start + length - 8, 8):
        digest = (digest ^ load_word(data, place)) * _FIRST
        digest ^= digest >> np.uint64(32)
    digest = (digest ^ _last_letters(data, start, length) ^ (np.uint64(length) << np.uint64(56))) * _FIRST
    digest = (digest ^ (digest >> np.uint64(32))) * _SECOND
    return digest ^ (digest >> np.uint64(29))


@helper_kernel
def _same_letters(letters, held, data, start, length):
    """Whether the word stored at `held` of `letters` is the one in `data`; their lengths are equal."""
    for place in range(start, start + length - 8, 8):
        held += 1
        if letters[held] != load_word(data, place):
            return False
    return letters[held + 1] == _last_letters(data, start, length)


@inner_kernel
def find_word(slots, entries, letters, data, start, length, digest):
    """Id of a word whose hash is `digest`, or ``-1 - slot`` with the free slot where it belongs."""
    mask = np.int64((slots.shape[0] >> 1) - 1)
    size = np.uint64(length) << np.uint64(32)
    slot = np.int64(digest) & mask
    while True:
        held = slots[2 * slot + 1]
        if held == np.uint64(0):
            return -1 - slot
        if slots[2 * slot] == digest and (held & ~_LOW) == size:
            number = np.int64(held & _LOW) - 1
            if length <= 8 or _same_letters(letters, entries[number, 2], data, start, length):
                return number
        slot = (slot + 1) & mask


@helper_kernel
def add_word(slots, entries, letters, state, free, data, start, length, digest):
    """Give a word the next id, in the slot that `find_word` found free; -1 where there is no room for it."""
    number, at, size = state[ENTRIES], state[LETTERS], (length + 7) >> 3
    if number >= entries.shape[0] or at + 1 + size > letters.shape[0]:
        return np.int64(-1)
    slots[2 * free] = digest
    slots[2 * free + 1] = (np.uint64(length) << np.uint64(32)) | np.uint64(number + 1)
    entries[number, 2] = at
    letters[at] = np.uint64(length)
    for place in range(size - 1):
        letters[at + 1 + place] = load_word(data, start + 8 * place)
    letters[at + size] = _last_letters(data, start, length)
    state[ENTRIES], state[LETTERS] = number + 1, at + 1 + size
    return number


@bare_kernel
def hash_words(entries, letters, data, digests):
    """Write the hashes of the first words, uint64 of shape (n,); `data` is `letters` as bytes."""
    for number in range(digests.shape[0]):
        at = entries[number, 2]
        digests[number] = digest_of(data, 8 * (at + 1), np.int64(letters[at]))


@bare_kernel
def file_words(entries, letters, data, count, slots):
    """Put the first `count` words, all different, into `slots`, which are all zero; `data` as above."""
    mask = np.int64((slots.shape[0] >> 1) - 1)
    for number in range(count):
        at = entries[number, 2]
        length = np.int64(letters[at])
        digest = digest_of(data, 8 * (at + 1), length)
        slot = np.int64(digest) & mask
        while slots[2 * slot + 1] != np.uint64(0):
            slot = (slot + 1) & mask
        slots[2 * slot] = digest
        slots[2 * slot + 1] = (np.uint64(length) << np.uint64(32)) | np.uint64(number + 1)


@bare_kernel
def absorb(
    slots, counts, entries, letters, state, others, other_entries, other_letters, data, shift, begin, found,
    look_up,
):  # fmt: skip
    """Count the words of another dictionary, from id `begin` on, in this one; or look them up.

    Parameters
    ----------
    slots, counts, entries, letters, state
        The dictionary that grows.
    others, other_entries, other_letters, data
        The other's counts, entries and letters; the latter as bytes.
    shift
        Is added to the other's rows; the earlier first place of a word stays.
    found
        int32 of shape (n,): the words' ids are written, unless it is empty.
    look_up
        Whether nothing is counted; the id of a word that is not held is -1.

    Returns
    -------
    The id to go on with: the number of words in all, or the first for which there is no room.
    """
    for number in range(begin, others.shape[0]):
        at, row, place = other_entries[number, 2], other_entries[number, 0] + shift, other_entries[number, 1]
        start, length = 8 * (at + 1), np.int64(other_letters[at])
        digest = digest_of(data, start, length)
        mine = find_word(slots, entries, letters, data, start, length, digest)
        is_new = mine < 0
        if is_new and not look_up:
            mine = add_word(slots, entries, letters, state, -1 - mine, data, start, length, digest)
            if mine < 0:
                return number
        if found.shape[0]:
            found[number] = np.int32(mine if mine >= 0 else -1)
        if look_up:
            continue
        if is_new:
            counts[mine] = others[number]
            entries[mine, 0], entries[mine, 1] = row, place
            continue
        counts[mine] += others[number]
        if row < entries[mine, 0] or (row == entries[mine, 0] and place < entries[mine, 1]):
            entries[mine, 0], entries[mine, 1] = row, place
    return others.shape[0]
