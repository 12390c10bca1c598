"""Membership in a part of a split: of each thousand consecutive ordinals, those with hashes of some ranks.

A group's members are kept as 1,000 bits in 16 words. Callers hand over a table of such words, a row a group;
with a table of no rows a group's bits are computed where they are needed, once for neighbours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, helper_kernel, inner_kernel
from stoker.kernels.mixing import mix
from stoker.kernels.words import count_ones, trailing_zeros

__all__ = ["GROUP", "WORDS", "mark_groups", "members_of", "ranks_of"]

GROUP = 1_000
WORDS = 16
_PLACES = 64 * WORDS
_ONE = np.uint64(1)
_LARGEST = np.uint32(0xFFFFFFFF)
_MOST_COUNTS = 40

Uint64Array = npt.NDArray[np.uint64]
IntArray = npt.NDArray[np.int64]


@inner_kernel
def _halve_hashes(seed, first, size, halves):
    """The upper 32 bits of the hashes of [first, first + size); places behind them are made the largest."""
    for place in range(size):
        halves[place] = np.uint32(mix(np.uint64(seed), np.uint64(first + place)) >> np.uint64(32))
    for place in range(size, _PLACES):
        halves[place] = _LARGEST


@helper_kernel
def _count_below(halves, size, limit):
    count = np.uint32(0)
    for place in range(size):
        # Numba would count in 64 bits and halve what the processor compares at a time.
        count = np.uint32(count + np.uint32(halves[place] < limit))
    return np.int64(count)


@helper_kernel
def _limit_of(halves, size, wanted):
    """A number that exactly `wanted` of `halves` lie below; -1 where equal halves leave none.

    Hashes are spread evenly, so that interpolation finds it in about four counts where a sort would take
    many times longer.
    """
    if wanted == size:
        return np.int64(_LARGEST) if _count_below(halves, size, _LARGEST) == size else np.int64(-1)
    low, high, below, upto = np.int64(0), np.int64(1 << 32), np.int64(0), size
    for _ in range(_MOST_COUNTS):
        if below == wanted:
            return low
        if high - low < 2:
            return np.int64(-1)
        limit = low + np.int64((high - low) * ((wanted - below) / (upto - below)))
        limit = min(max(limit, low + 1), high - 1)
        count = _count_below(halves, size, np.uint32(limit))
        if count <= wanted:
            low, below = limit, count
        else:
            high, upto = limit, count
    return np.int64(-1)


@helper_kernel
def _mark_by_search(seed, first, size, below, upto, passed, table, row):
    """Set the bits of those of ranks [below, upto) in [first, first + size); `passed` is scratch."""
    for index in range(WORDS):
        table[row, index] = np.uint64(0)
    for rank in range(upto):
        best, least = np.int64(-1), np.uint64(0)
        for place in range(size):
            word = mix(np.uint64(seed), np.uint64(first + place))
            taken = (table[row, place >> 6] >> np.uint64(place & 63)) & _ONE
            if taken == 0 and (best < 0 or word < least):
                best, least = place, word
        table[row, best >> 6] |= _ONE << np.uint64(best & 63)
        if rank < below:
            passed[rank] = np.uint32(best)
    for rank in range(below):
        place = np.int64(passed[rank])
        table[row, place >> 6] ^= _ONE << np.uint64(place & 63)


@helper_kernel
def _mark_group(seed, total, below, upto, below_last, upto_last, group, halves, table, row):
    """Set the bits ``table[row]`` of those ordinals of a group whose hashes have ranks [below, upto).

    `halves` is scratch, uint32 of shape (1024,). Loops over it are what the processor does eight at a time.
    """
    first = group * GROUP
    size = min(np.int64(GROUP), total - first)
    if size < GROUP:
        below, upto = below_last, upto_last
    _halve_hashes(seed, first, size, halves)
    low, high = _limit_of(halves, size, below), _limit_of(halves, size, upto)
    if low < 0 or high < 0:
        _mark_by_search(seed, first, size, below, upto, halves, table, row)
        return
    for index in range(WORDS):
        word = np.uint64(0)
        for bit in range(64):
            half = halves[index * 64 + bit]
            word |= np.uint64((half >= np.uint32(low)) & (half < np.uint32(high))) << np.uint64(bit)
        table[row, index] = word


def mark_groups(
    seed: np.uint64, total: int, below: int, upto: int, below_last: int, upto_last: int, first_group: int,
    table: Uint64Array,
) -> None:  # fmt: skip
    """Fill ``table[first_group:]``, uint64 of shape (g, 16), with the members of each group.

    Parameters
    ----------
    seed : uint64
    total : int
        Ordinals altogether; the last group may be short.
    below, upto : int
        Members of a full group are those whose hash is the smallest but `below` to `upto` - 1 others.
    below_last, upto_last : int
        The same of the short last group.
    first_group : int
        Number of the group whose bits ``table[0]`` takes.
    table : uint64 of shape (g, 16)
    """
    halves = np.empty(_PLACES, np.uint32)
    _mark_groups(seed, total, below, upto, below_last, upto_last, first_group, halves, table)


@bare_kernel
def _mark_groups(seed, total, below, upto, below_last, upto_last, first_group, halves, table):
    for row in range(table.shape[0]):
        _mark_group(seed, total, below, upto, below_last, upto_last, first_group + row, halves, table, row)


@inner_kernel
def _seek(table, row, rank, flip):
    """The word that holds the bit number `rank` of ``table[row] ^ flip``, and its bits from that one on."""
    for index in range(WORDS):
        word = table[row, index] ^ flip
        count = count_ones(word)
        if rank < count:
            for _ in range(rank):
                word &= word - _ONE
            return index, word
        rank -= count
    return WORDS - 1, np.uint64(0)


def members_of(
    ordinals: IntArray, seed: np.uint64, total: int, below: int, upto: int, below_last: int, upto_last: int,
    part: int, table: Uint64Array,
) -> IntArray:  # fmt: skip
    """Parent ordinals of a part's own ordinals, int64 of shape (n,).

    `part` 0 holds the marked ordinals of each group, `part` 1 the others; the rest is as in `mark_groups`.
    An ordinal that follows its neighbour costs a few instructions.
    """
    out = np.empty(ordinals.shape[0], np.int64)
    _find_members(ordinals, seed, total, below, upto, below_last, upto_last, part, *_rooms(table), out)
    return out


def _rooms(table: Uint64Array) -> tuple[bool, npt.NDArray[np.uint32], Uint64Array]:
    """Whether groups are stored; scratch; and they, or room for the bits of one."""
    stored = table.shape[0] > 0
    return stored, np.empty(_PLACES, np.uint32), table if stored else np.empty((1, WORDS), np.uint64)


@bare_kernel
def _find_members(
    ordinals, seed, total, below, upto, below_last, upto_last, part, stored, halves, table, out
):
    flip = np.uint64(0) if part == 0 else ~np.uint64(0)
    size = upto - below if part == 0 else GROUP - (upto - below)
    full = total // GROUP
    group, due, stop, index, word = -1, -1, -1, 0, np.uint64(0)
    row = np.int64(
        0
    )  # as a bare 0 it would be of a type of its own, for which `_mark_group` is compiled anew
    for place in range(ordinals.shape[0]):
        if ordinals[place] != due or due >= stop:
            now = full if size == 0 else min(full, ordinals[place] // size)
            if stored:
                row = now
            elif now != group:
                _mark_group(seed, total, below, upto, below_last, upto_last, now, halves, table, row)
            group = now
            stop = total if group == full else (group + 1) * size
            index, word = _seek(table, row, ordinals[place] - group * size, flip)
        while word == 0:
            index += 1
            word = table[row, index] ^ flip
        out[place] = group * GROUP + index * 64 + trailing_zeros(word)
        word &= word - _ONE
        due = ordinals[place] + 1


def ranks_of(
    parents: IntArray, seed: np.uint64, total: int, below: int, upto: int, below_last: int, upto_last: int,
    part: int, table: Uint64Array,
) -> tuple[IntArray, npt.NDArray[np.bool_]]:  # fmt: skip
    """A part's own ordinals of parent ordinals, int64 of shape (n,), and whether they belong to the part.

    For one that does not belong, the number is that of the members before it.
    """
    out, inside = np.empty(parents.shape[0], np.int64), np.empty(parents.shape[0], np.bool_)
    _find_ranks(parents, seed, total, below, upto, below_last, upto_last, part, *_rooms(table), out, inside)
    return out, inside


@bare_kernel
def _find_ranks(
    parents, seed, total, below, upto, below_last, upto_last, part, stored, halves, table, out, inside
):
    size = upto - below if part == 0 else GROUP - (upto - below)
    current, row = -1, np.int64(0)
    for place in range(parents.shape[0]):
        group = parents[place] // GROUP
        offset = parents[place] - group * GROUP
        if stored:
            row = group
        elif group != current:
            _mark_group(seed, total, below, upto, below_last, upto_last, group, halves, table, row)
            current = group
        marked = np.int64(0)
        for index in range(offset >> 6):
            marked += count_ones(table[row, index])
        bit = np.uint64(offset & 63)
        word = table[row, offset >> 6]
        marked += count_ones(word & ((_ONE << bit) - _ONE))
        inside[place] = ((word >> bit) & _ONE == _ONE) == (part == 0)
        out[place] = group * size + (marked if part == 0 else offset - marked)
