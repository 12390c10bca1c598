"""Streams of word numbers to n-grams: counted, and found again.

An n-gram is a *node*: words are the nodes below their number, in the order of their bytes; a longer one is a
pair, the node of all but its last word and that word: ``node << 32 | word``. So an n-gram is known only where
its beginnings are, which costs nothing: it occurs in no more texts than they do.

Two tables are used, both with open addressing and a capacity that is a power of two:

counting
    uint64 of shape (2 * capacity,): a pair plus 1, 0 where the slot is free, and ``row + 1 << 32 | texts``.
finding
    uint64 of shape (2 * capacity,): a pair plus 1 likewise, and the node.

`words` turns the numbers of a stream into the words of the tables, -1 for those that are left out; where it
is empty the numbers are words already.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import helper_kernel, inner_kernel, kernel

__all__ = [
    "collect",
    "count_pairs",
    "file_pairs",
    "follow",
    "insert_counts",
    "longest_text",
    "pair_up",
    "words_of",
]

_LOW = np.uint64(0xFFFFFFFF)
_NONE, _ONE, _HALF = np.uint64(0), np.uint64(1), np.uint64(32)
_BARE = np.uint64(0xFFFFFFFFFFFFFFFF)  # is no pair, because plus 1 it is a free slot
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)


@inner_kernel
def _scatter(pair):
    mixed = pair * _FACTOR
    mixed = (mixed ^ (mixed >> _HALF)) * _SPREAD
    return mixed ^ (mixed >> _HALF)


@inner_kernel
def _find(table, pair):
    """Place in a table of a pair, or of the free slot where it belongs."""
    mask = np.int64((table.shape[0] >> 1) - 1)
    slot = np.int64(_scatter(pair)) & mask
    while table[2 * slot] != pair + _ONE and table[2 * slot] != _NONE:
        slot = (slot + 1) & mask
    return 2 * slot


@inner_kernel
def words_of(stream, start, end, words, nodes):
    """The words of a text as nodes; returns how many there are."""
    for place in range(start, end):
        number = np.int64(stream[place])
        nodes[place - start] = np.int64(words[number]) if words.shape[0] and number >= 0 else number
    return end - start


@inner_kernel
def pair_up(nodes, words, step, size, pairs):
    """Pairs of the nodes [0, size) and the words that stand `step` behind them; `_BARE` where one is none."""
    for place in range(size):
        node, word = nodes[place], words[place + step]
        whole = node >= 0 and word >= 0
        pairs[place] = (np.uint64(node) << _HALF) | np.uint64(word) if whole else _BARE


@helper_kernel
def follow(table, pairs, size, homes, nodes):
    """Write the nodes of pairs, -1 where they are none.

    All slots are read before any is judged: such reads wait for the memory together and not one by one.
    """
    mask = np.int64((table.shape[0] >> 1) - 1)
    for place in range(size):
        homes[place] = table[2 * (np.int64(_scatter(pairs[place])) & mask)]
    for place in range(size):
        pair = pairs[place]
        if pair == _BARE or homes[place] == _NONE:
            nodes[place] = -1
        elif homes[place] == pair + _ONE:
            nodes[place] = np.int64(table[2 * (np.int64(_scatter(pair)) & mask) + 1])
        else:
            at = _find(table, pair)
            nodes[place] = np.int64(table[at + 1]) if table[at] != _NONE else np.int64(-1)


@inner_kernel
def longest_text(ends):
    """Most entries of a text, at least 16."""
    most = np.int64(16)
    for row in range(ends.shape[0]):
        most = max(most, ends[row] - (ends[row - 1] if row else np.int64(0)))
    return most


@kernel
def count_pairs(stream, ends, words, length, finding, counting, part, parts, first_row, most, row, used):
    """Count in how many texts each n-gram of `length` words occurs, of those that this part counts.

    Parameters
    ----------
    stream, ends, words
        int32 numbers; int64 of shape (n,): where each text's end; int32: see the module.
    length
        2 or more.
    finding
        Table of the shorter n-grams, from pairs on; only used where `length` is 3 or more.
    counting
        Table. Written.
    part, parts
        Pairs are shared out by their hashes; which share to count.
    first_row
        Row of the first text, in the file or since the table was empty; below 2**32 - 1.
    most
        Slots that may be taken, unless a single text takes more than that.
    row, used
        Text to begin with; slots taken so far.

    Returns
    -------
    The text to go on with, n at the end: the table must get room for all its words; and slots taken.
    """
    most_words = longest_text(ends)
    nodes, given = np.empty(most_words, np.int64), np.empty(most_words, np.int64)
    pairs, homes = np.empty(most_words, np.uint64), np.empty(most_words, np.uint64)
    mask = np.int64((counting.shape[0] >> 1) - 1)
    while row < ends.shape[0]:
        start = ends[row - 1] if row else np.int64(0)
        if used + (ends[row] - start) > most:
            break
        mark = np.uint64(first_row + row + 1) << _HALF
        size = words_of(stream, start, ends[row], words, given)
        for place in range(size):  # assigning slices takes seconds to compile
            nodes[place] = given[place]
        for step in range(1, length):
            pair_up(nodes, given, step, size - step, pairs)
            if step < length - 1:
                follow(finding, pairs, size - step, homes, nodes)
        # Those of this part, without a branch: which one it is nobody can foresee.
        taken = np.int64(0)
        for place in range(size - length + 1):
            pair = pairs[place]
            mixed = _scatter(pair)
            share = np.int64(((mixed >> np.uint64(48)) * np.uint64(parts)) >> np.uint64(16))
            pairs[taken] = pair
            homes[taken] = counting[2 * (np.int64(mixed) & mask)] if share == part else _NONE
            taken += (share == part) & (pair != _BARE)
        for place in range(taken):
            pair = pairs[place]
            home = 2 * (np.int64(_scatter(pair)) & mask)
            at = home if homes[place] == pair + _ONE else _find(counting, pair)
            held = counting[at + 1]
            used += counting[at] == _NONE
            counting[at] = pair + _ONE
            if (held & ~_LOW) != mark:
                counting[at + 1] = mark | ((held & _LOW) + _ONE)
        row += 1
    return row, used


@kernel
def collect(counting, least, pairs, counts):
    """Write the pairs that at least so many texts hold, and their counts; returns how many there are."""
    written = 0
    for at in range(0, counting.shape[0], 2):
        count = np.int64(counting[at + 1] & _LOW)
        if counting[at] != _NONE and count >= least:
            if pairs.shape[0]:
                pairs[written], counts[written] = counting[at] - _ONE, count
            written += 1
    return written


@kernel
def insert_counts(old, table):
    """Put what one counting table holds into another, all zero and larger."""
    for at in range(0, old.shape[0], 2):
        if old[at] != _NONE:
            place = _find(table, old[at] - _ONE)
            table[place], table[place + 1] = old[at], old[at + 1]


@kernel
def file_pairs(pairs, first_node, table):
    """Give pairs the next nodes from `first_node` on, in a finding table with room for them."""
    for place in range(pairs.shape[0]):
        at = _find(table, pairs[place])
        table[at], table[at + 1] = pairs[place] + _ONE, np.uint64(first_node + place)
