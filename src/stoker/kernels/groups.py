"""Membership in one part of a split: of each thousand consecutive ordinals, those with the smallest hashes.

A group's members are kept as 1,000 bits in 16 words. Callers hand over a table of such words, a row a group;
with a table of no rows a group's bits are computed where they are needed, once for neighbours.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import kernel
from stoker.kernels.mixing import mix

__all__ = ["GROUP", "WORDS", "mark_groups", "members_of", "ranks_of"]

GROUP = 1_000
WORDS = 16
_PLACES = 64 * WORDS
_ONE = np.uint64(1)
_LARGEST = np.uint32(0xFFFFFFFF)
_MOST_COUNTS = 40


@kernel
def _halve_hashes(seed, first, size, halves):
    """The upper 32 bits of the hashes of [first, first + size); places behind them are made the largest."""
    for place in range(size):
        halves[place] = np.uint32(mix(np.uint64(seed), np.uint64(first + place)) >> np.uint64(32))
    halves[size:] = _LARGEST


@kernel
def _count_below(halves, limit):
    count = np.uint32(0)
    for place in range(halves.shape[0]):
        # Numba would count in 64 bits and halve what the processor compares at a time.
        count = np.uint32(count + np.uint32(halves[place] < limit))
    return np.int64(count)


@kernel
def _limit_of(halves, wanted):
    """A number that exactly `wanted` of `halves` lie below; -1 where equal halves leave none.

    Hashes are spread evenly, so that interpolation finds it in about four counts where a sort would take
    many times longer.
    """
    low, high, below, upto = np.int64(0), np.int64(1 << 32), 0, halves.shape[0]
    for _ in range(_MOST_COUNTS):
        if below == wanted:
            return low
        if high - low < 2:
            return np.int64(-1)
        limit = low + np.int64((high - low) * ((wanted - below) / (upto - below)))
        limit = min(max(limit, low + 1), high - 1)
        count = _count_below(halves, np.uint32(limit))
        if count <= wanted:
            low, below = limit, count
        else:
            high, upto = limit, count
    return np.int64(-1)


@kernel
def _mark_by_search(seed, first, size, wanted, words):
    """Set the bits of the `wanted` smallest of [first, first + size), one after the other."""
    words[:] = 0
    hashes = np.empty(size, np.uint64)
    for place in range(size):
        hashes[place] = mix(np.uint64(seed), np.uint64(first + place))
    for _ in range(wanted):
        best = -1
        for place in range(size):
            taken = (words[place >> 6] >> np.uint64(place & 63)) & _ONE
            if taken == 0 and (best < 0 or hashes[place] < hashes[best]):
                best = place
        words[best >> 6] |= _ONE << np.uint64(best & 63)


@kernel
def _mark_group(seed, first, size, wanted, halves, words):
    """Set the bits of the `wanted` ordinals of [first, first + size) with the smallest hashes.

    `halves` is scratch, uint32 of shape (1024,). Loops over it are what the processor does eight at a time.
    """
    _halve_hashes(seed, first, size, halves)
    limit = np.int64(_LARGEST) if wanted == size else _limit_of(halves[:size], wanted)
    if limit < 0 or (wanted == size and _count_below(halves[:size], _LARGEST) < size):
        _mark_by_search(seed, first, size, wanted, words)
        return
    for index in range(WORDS):
        word = np.uint64(0)
        for bit in range(64):
            word |= np.uint64(halves[index * 64 + bit] < np.uint32(limit)) << np.uint64(bit)
        words[index] = word


@kernel
def _mark_numbered(seed, total, wanted, wanted_last, group, halves, words):
    first = group * GROUP
    size = min(GROUP, total - first)
    _mark_group(seed, first, size, wanted if size == GROUP else wanted_last, halves, words)


@kernel
def mark_groups(seed, total, wanted, wanted_last, first_group, table):
    """Fill ``table[first_group:]``, uint64 of shape (g, 16), with the members of each group.

    Parameters
    ----------
    seed : uint64
    total : int
        Ordinals altogether; the last group may be short.
    wanted, wanted_last : int
        Members of a full group, and of the short last one.
    first_group : int
        Number of the group whose bits ``table[0]`` takes.
    table : uint64 of shape (g, 16)
    """
    halves = np.empty(_PLACES, np.uint32)
    for row in range(table.shape[0]):
        _mark_numbered(seed, total, wanted, wanted_last, first_group + row, halves, table[row])


@kernel
def _count_bits(word):
    word = word - ((word >> _ONE) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel
def _seek(words, rank, flip):
    """The word that holds the bit number `rank` of ``words ^ flip``, and its bits from that one on."""
    for index in range(WORDS):
        word = words[index] ^ flip
        count = _count_bits(word)
        if rank < count:
            for _ in range(rank):
                word &= word - _ONE
            return index, word
        rank -= count
    return WORDS - 1, np.uint64(0)


@kernel
def members_of(ordinals, seed, total, wanted, wanted_last, part, table):
    """Parent ordinals of a part's own ordinals, int64 of shape (n,).

    `part` 0 holds the marked ordinals of each group, `part` 1 the others; the rest is as in `mark_groups`.
    An ordinal that follows its neighbour costs a few instructions.
    """
    out = np.empty(ordinals.shape[0], np.int64)
    halves, words = np.empty(_PLACES, np.uint32), np.empty(WORDS, np.uint64)
    flip = np.uint64(0) if part == 0 else ~np.uint64(0)
    size = wanted if part == 0 else GROUP - wanted
    full = total // GROUP
    group, due, stop, index, word = -1, -1, -1, 0, np.uint64(0)
    for place in range(ordinals.shape[0]):
        if ordinals[place] != due or due >= stop:
            now = full if size == 0 else min(full, ordinals[place] // size)
            if table.shape[0] > 0:
                words = table[now]
            elif now != group:
                _mark_numbered(seed, total, wanted, wanted_last, now, halves, words)
            group = now
            stop = total if group == full else (group + 1) * size
            index, word = _seek(words, ordinals[place] - group * size, flip)
        while word == 0:
            index += 1
            word = words[index] ^ flip
        lowest = word & (~word + _ONE)
        out[place] = group * GROUP + index * 64 + _count_bits(lowest - _ONE)
        word ^= lowest
        due = ordinals[place] + 1
    return out


@kernel
def ranks_of(parents, seed, total, wanted, wanted_last, part, table):
    """A part's own ordinals of parent ordinals, int64 of shape (n,), and whether they belong to the part.

    For one that does not belong, the number is that of the members before it.
    """
    out = np.empty(parents.shape[0], np.int64)
    inside = np.empty(parents.shape[0], np.bool_)
    halves, words = np.empty(_PLACES, np.uint32), np.empty(WORDS, np.uint64)
    size = wanted if part == 0 else GROUP - wanted
    current = -1
    for place in range(parents.shape[0]):
        group = parents[place] // GROUP
        offset = parents[place] - group * GROUP
        if table.shape[0] > 0:
            words = table[group]
        elif group != current:
            _mark_numbered(seed, total, wanted, wanted_last, group, halves, words)
            current = group
        marked = 0
        for index in range(offset >> 6):
            marked += _count_bits(words[index])
        bit = np.uint64(offset & 63)
        marked += _count_bits(words[offset >> 6] & ((_ONE << bit) - _ONE))
        is_marked = (words[offset >> 6] >> bit) & _ONE == _ONE
        inside[place] = is_marked == (part == 0)
        out[place] = group * size + (marked if part == 0 else offset - marked)
    return out, inside
