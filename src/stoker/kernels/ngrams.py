"""Streams of word numbers to n-grams, and these found again.

An n-gram is a *node*: words are the nodes below their number, in the order of their bytes; a longer one is a
pair, the node of all but its last word and that word: ``node << 32 | word``. So an n-gram is known only where
its beginnings are, which costs nothing: it occurs in no more texts than they do.

They are found in a table with open addressing and a capacity that is a power of two: uint64 of shape
(2 * capacity,), a pair plus 1, 0 where the slot is free, and the node. `stoker.kernels.pairs` counts them.

`words` turns the numbers of a stream into the words of the tables, -1 for those that are left out; where it
is empty the numbers are words already.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, helper_kernel, inner_kernel

__all__ = ["BARE", "file_pairs", "follow", "longest_text", "pair_up", "scatter", "words_of"]

_NONE, _ONE, _HALF = np.uint64(0), np.uint64(1), np.uint64(32)
BARE = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Is no pair, because plus 1 it is a free slot."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)


@inner_kernel
def scatter(pair):
    """Hash of a pair; a bijection."""
    mixed = pair * _FACTOR
    mixed = (mixed ^ (mixed >> _HALF)) * _SPREAD
    return mixed ^ (mixed >> _HALF)


@inner_kernel
def _find(table, pair):
    """Place in a table of a pair, or of the free slot where it belongs."""
    mask = np.int64((table.shape[0] >> 1) - 1)
    slot = np.int64(scatter(pair)) & mask
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
    """Pairs of the nodes [0, size) and the words that stand `step` behind them; `BARE` where one is none."""
    for place in range(size):
        node, word = nodes[place], words[place + step]
        whole = node >= 0 and word >= 0
        pairs[place] = (np.uint64(node) << _HALF) | np.uint64(word) if whole else BARE


@helper_kernel
def follow(table, pairs, size, homes, nodes):
    """Write the nodes of pairs, -1 where they are none.

    All slots are read before any is judged: such reads wait for the memory together and not one by one. What
    is found nobody can foresee, so only the few pairs whose slot another one took are branched on.
    """
    mask = np.int64((table.shape[0] >> 1) - 1)
    for place in range(size):
        at = 2 * (np.int64(scatter(pairs[place])) & mask)
        homes[place], nodes[place] = table[at], at
    elsewhere = np.int64(0)
    for place in range(size):
        pair, home = pairs[place], homes[place]
        found = (home == pair + _ONE) & (home != _NONE)
        node = np.int64(table[nodes[place] + 1])
        nodes[place] = node if found else np.int64(-1)
        homes[elsewhere] = np.uint64(place)
        elsewhere += (home != pair + _ONE) & (home != _NONE) & (pair != BARE)
    for which in range(elsewhere):
        place = np.int64(homes[which])
        at = _find(table, pairs[place])
        nodes[place] = np.int64(table[at + 1]) if table[at] != _NONE else np.int64(-1)


def longest_text(ends: npt.NDArray[np.int64]) -> int:
    """Most entries of a text, at least 16."""
    return int(np.diff(ends, prepend=0).max(initial=16))


@bare_kernel
def file_pairs(pairs, first_node, table):
    """Give pairs the next nodes from `first_node` on, in a finding table with room for them."""
    for place in range(pairs.shape[0]):
        at = _find(table, pairs[place])
        table[at], table[at + 1] = pairs[place] + _ONE, np.uint64(first_node + place)
