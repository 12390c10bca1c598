"""Streams of word numbers to n-grams: counted, found again, weighted and summed; all numbers are exact.

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

from stoker.kernels.compiling import bare_kernel, inner_kernel, kernel
from stoker.kernels.words import trailing_zeros

__all__ = ["add_scores", "collect", "count_pairs", "file_pairs", "insert_counts", "weigh"]

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
def _words_of(stream, start, end, words, nodes):
    """The words of a text as nodes; returns how many there are."""
    for place in range(start, end):
        number = np.int64(stream[place])
        nodes[place - start] = np.int64(words[number]) if words.shape[0] and number >= 0 else number
    return end - start


@inner_kernel
def _pair_up(nodes, words, step, size, pairs):
    """Pairs of the nodes [0, size) and the words that stand `step` behind them; `_BARE` where one is none."""
    for place in range(size):
        node, word = nodes[place], words[place + step]
        whole = node >= 0 and word >= 0
        pairs[place] = (np.uint64(node) << _HALF) | np.uint64(word) if whole else _BARE


@bare_kernel
def _follow(table, pairs, size, homes, nodes):
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
def _longest_text(ends):
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
    most_words = _longest_text(ends)
    nodes, given = np.empty(most_words, np.int64), np.empty(most_words, np.int64)
    pairs, homes = np.empty(most_words, np.uint64), np.empty(most_words, np.uint64)
    mask = np.int64((counting.shape[0] >> 1) - 1)
    while row < ends.shape[0]:
        start = ends[row - 1] if row else np.int64(0)
        if used + (ends[row] - start) > most:
            break
        mark = np.uint64(first_row + row + 1) << _HALF
        size = _words_of(stream, start, ends[row], words, given)
        for place in range(size):  # assigning slices takes seconds to compile
            nodes[place] = given[place]
        for step in range(1, length):
            _pair_up(nodes, given, step, size - step, pairs)
            if step < length - 1:
                _follow(finding, pairs, size - step, homes, nodes)
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


@inner_kernel
def _add_terms(found, size, written, mask, slots, nodes, counts):
    """Add nodes to those of a text, each once; returns how many there are now."""
    for place in range(size):
        node = found[place]
        if node < 0:
            continue
        slot = np.int64((np.uint64(node) * _FACTOR) >> _HALF) & mask
        while slots[slot] and nodes[slots[slot] - 1] != node:
            slot = (slot + 1) & mask
        if slots[slot]:
            counts[slots[slot] - 1] += 1
        else:
            nodes[written], counts[written] = node, 1
            written += 1
            slots[slot] = np.int32(written)
    return written


@bare_kernel
def _terms(stream, start, end, words, longest, finding, room, slots, nodes, counts, pairs):
    """Nodes of a text, shorter n-grams first, and how often each occurs; returns how many there are.

    Parameters
    ----------
    room
        int64 of shape (2, most): room for the words of a text, and as much again.
    slots
        int32, all 0, a power of two in size and twice as many as there may be nodes. Left as it was.
    nodes, counts, pairs
        int64, int64, and uint64 of shape (2, most). Written.
    """
    size = np.int64(64)
    while size < 2 * longest * (end - start):
        size *= 2
    given, found = room[0], room[1]
    num_words = _words_of(stream, start, end, words, given)
    written = _add_terms(given, num_words, np.int64(0), size - 1, slots, nodes, counts)
    for place in range(num_words):
        found[place] = given[place]
    for step in range(1, longest):
        _pair_up(found, given, step, num_words - step, pairs[0])
        _follow(finding, pairs[0], num_words - step, pairs[1], found)
        written = _add_terms(found, num_words - step, written, size - 1, slots, nodes, counts)
    for slot in range(size):
        slots[slot] = 0
    return written


@inner_kernel
def _slots_for(most):
    size = np.int64(64)
    while size < 2 * most:
        size *= 2
    return size


@inner_kernel
def _weigh_terms(nodes, counts, written, sublinear, weights, values):
    """Weights of a text's terms before they are scaled, 0 for those left out; returns their L2 norm."""
    squares = 0.0
    for place in range(written):
        frequency = np.float64(counts[place])
        if sublinear:
            frequency = np.log(frequency) + 1.0
        value = frequency * weights[nodes[place], 0]
        values[place] = value
        squares += value * value
    return np.sqrt(squares)


@kernel
def add_scores(stream, ends, words, longest, finding, sublinear, weights, classes, low, high, sums, totals):
    """Add the terms of some texts to the sums that scores are made of, in fixed point.

    Parameters
    ----------
    stream, ends, words, longest, finding
        As for `weigh`.
    weights
        float64 of shape (nodes, 2): idf, 0 for a node that is no feature; the power of two that a value is
        multiplied with.
    classes
        int64 of shape (n,); empty where there are none.
    low, high
        Nodes to take.
    sums
        int64 of shape (high - low, classes + 1): sums of values by class, and of their squares. Written.
    totals
        int64 of shape (high - low,): occurrences; where it is empty they are not counted. Written.
    """
    most = _longest_text(ends)
    room, pairs = np.empty((2, most), np.int64), np.empty((2, most), np.uint64)
    most *= longest
    slots = np.zeros(_slots_for(most), np.int32)
    nodes, counts, values = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.float64)
    squares = sums.shape[1] - 1
    for row in range(ends.shape[0]):
        start = ends[row - 1] if row else np.int64(0)
        written = _terms(stream, start, ends[row], words, longest, finding, room, slots, nodes, counts, pairs)
        if totals.shape[0]:
            for place in range(written):
                if low <= nodes[place] < high:
                    totals[nodes[place] - low] += counts[place]
        if not classes.shape[0]:
            continue
        norm = _weigh_terms(nodes, counts, written, sublinear, weights, values)
        for place in range(written):
            node = nodes[place]
            if values[place] != 0.0 and low <= node < high:
                value = min(values[place] / norm, 1.0)
                sums[node - low, classes[row]] += np.int64(value * weights[node, 1] + 0.5)
                sums[node - low, squares] += np.int64(value * value * weights[node, 1] + 0.5)


@kernel
def weigh(stream, ends, words, longest, finding, sublinear, weights, num_features, indices, values, row_ends):
    """Rows of tf-idf with an L2 norm of 1 over all terms, of which only the chosen features are written.

    Parameters
    ----------
    stream, ends, words
        int32 numbers; int64 of shape (n,): where each text's end; int32: see the module.
    longest
        Words of the longest n-gram.
    finding
        Table of pairs.
    sublinear
        Whether a count c weighs 1 + ln(c).
    weights
        float64 of shape (nodes, 2): idf, 0 for a node that is no term; the feature's column, -1 for none.
    num_features
        Columns.
    indices, values, row_ends
        int32 and float32 with room for all; int64 of shape (n,): ascending columns of a row, their values,
        and where each row ends. Written.
    """
    most = _longest_text(ends)
    room, pairs = np.empty((2, most), np.int64), np.empty((2, most), np.uint64)
    most *= longest
    slots = np.zeros(_slots_for(most), np.int32)
    nodes, counts, weighed = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.float64)
    # Columns met, a bit for each, and a bit for each 64 of these: found in order without sorting.
    met = np.zeros((num_features >> 6) + 1, np.uint64)
    held = np.zeros((num_features >> 12) + 1, np.uint64)
    row_values = np.empty(num_features, np.float32)
    end = np.int64(0)
    for row in range(ends.shape[0]):
        start = ends[row - 1] if row else np.int64(0)
        written = _terms(stream, start, ends[row], words, longest, finding, room, slots, nodes, counts, pairs)
        norm = _weigh_terms(nodes, counts, written, sublinear, weights, weighed)
        for place in range(written):
            column = np.int64(weights[nodes[place], 1])
            if weighed[place] != 0.0 and column >= 0:
                row_values[column] = np.float32(weighed[place] / norm)
                met[column >> 6] |= _ONE << np.uint64(column & 63)
                held[column >> 12] |= _ONE << np.uint64((column >> 6) & 63)
        for upper in range(held.shape[0]):
            while held[upper] != _NONE:
                middle = (upper << 6) + trailing_zeros(held[upper])
                held[upper] &= held[upper] - _ONE
                while met[middle] != _NONE:
                    column = (middle << 6) + trailing_zeros(met[middle])
                    met[middle] &= met[middle] - _ONE
                    indices[end], values[end] = np.int32(column), row_values[column]
                    end += 1
        row_ends[row] = end
