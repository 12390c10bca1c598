"""N-grams counted: in how many texts each occurs.

A counting table is uint64 of shape (2 * capacity,), capacity a power of two: a pair plus 1 (see
`stoker.kernels.ngrams`), 0 where the slot is free, and ``row + 1 << 32 | texts``. Slots are in the order of
the pairs' hashes, so that what a table holds need not be sorted to be told apart by them: runs of several
tables are merged a range of hashes at a time, and each is read from front to back.

A run is uint32 of shape (3 * n,): a pair, the lower half first, and its texts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.ngrams import BARE, follow, longest_text, pair_up, scatter, words_of
from stoker.kernels.words import trailing_zeros

__all__ = ["add_run", "count_pairs", "insert_counts", "write_run"]

_LOW = np.uint64(0xFFFFFFFF)
_NONE, _ONE, _HALF = np.uint64(0), np.uint64(1), np.uint64(32)

Int32Array = npt.NDArray[np.int32]
IntArray = npt.NDArray[np.int64]
Uint64Array = npt.NDArray[np.uint64]


@inner_kernel
def _shift_of(table):
    """How many of a hash's lower bits do not tell the slot."""
    return np.uint64(64 - trailing_zeros(np.uint64(table.shape[0] >> 1)))


@inner_kernel
def _settle(table, at, pair):
    """Place of a pair, or of the free slot where it belongs, from its first place `at` on."""
    while table[at] != pair + _ONE and table[at] != _NONE:
        at = (at + 2) & (table.shape[0] - 1)
    return at


def count_pairs(
    stream: Int32Array, ends: IntArray, words: Int32Array, length: int, finding: Uint64Array,
    counting: Uint64Array, first_row: int, most: int, row: int, used: int,
) -> tuple[int, int]:  # fmt: skip
    """Count in how many texts each n-gram of `length` words occurs.

    Parameters
    ----------
    stream, ends, words
        int32 numbers; int64 of shape (n,): where each text's end; int32: see `stoker.kernels.ngrams`.
    length
        2 or more.
    finding
        Table of the shorter n-grams, from pairs on; only used where `length` is 3 or more.
    counting
        Table. Written.
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
    longest = longest_text(ends)
    row, used = _count_pairs(
        stream, ends, words, length, finding, counting, first_row, most, row, used,
        *np.empty((3, longest), np.int64), *np.empty((2, longest), np.uint64),
    )  # fmt: skip
    return row, used


@bare_kernel
def _count_pairs(
    stream, ends, words, length, finding, counting, first_row, most, row, used,
    nodes, given, places, pairs, homes,
):  # fmt: skip
    shift = _shift_of(counting)
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
        # All slots are read before any is judged: such reads wait for the memory together.
        taken = np.int64(0)
        for place in range(size - length + 1):
            pair = pairs[place]
            at = 2 * np.int64(scatter(pair) >> shift)
            pairs[taken], places[taken], homes[taken] = pair, at, counting[at]
            taken += pair != BARE
        for place in range(taken):
            pair, at = pairs[place], places[place]
            if homes[place] != pair + _ONE:
                at = _settle(counting, at, pair)
            held = counting[at + 1]
            used += counting[at] == _NONE
            counting[at] = pair + _ONE
            if (held & ~_LOW) != mark:
                counting[at + 1] = mark | ((held & _LOW) + _ONE)
        row += 1
    return row, used


@bare_kernel
def insert_counts(old, table):
    """Put what one counting table holds into another, all zero and larger."""
    shift = _shift_of(table)
    for at in range(0, old.shape[0], 2):
        if old[at] != _NONE:
            pair = old[at] - _ONE
            place = _settle(table, 2 * np.int64(scatter(pair) >> shift), pair)
            table[place], table[place + 1] = old[at], old[at + 1]


@bare_kernel
def write_run(counting, bits, bounds, run):
    """Write what a table holds as a run, in the order of the hashes' first `bits` bits.

    Parameters
    ----------
    counting
        Table.
    bits
        At least 1.
    bounds
        uint32 of shape (2**bits + 2,), all zero. Written: where those of each value of the bits begin, and
        the last end.
    run
        uint32 with room for all pairs. Written.
    """
    shift = np.uint64(64 - bits)
    for at in range(0, counting.shape[0], 2):
        if counting[at] != _NONE:
            bounds[np.int64(scatter(counting[at] - _ONE) >> shift) + 2] += np.uint32(1)
    for bucket in range(2, bounds.shape[0]):
        bounds[bucket] += bounds[bucket - 1]
    for at in range(0, counting.shape[0], 2):
        if counting[at] != _NONE:
            pair = counting[at] - _ONE
            bucket = np.int64(scatter(pair) >> shift) + 1
            place = 3 * np.int64(bounds[bucket])
            bounds[bucket] += np.uint32(1)
            run[place], run[place + 1] = np.uint32(pair & _LOW), np.uint32(pair >> _HALF)
            run[place + 2] = np.uint32(counting[at + 1] & _LOW)


@bare_kernel
def add_run(run, bits, counting):
    """Add a part of a run to a table with room for it; all hashes have the same first `bits` bits."""
    shift, known = _shift_of(counting), np.uint64(bits)
    for place in range(0, run.shape[0], 3):
        pair = np.uint64(run[place]) | (np.uint64(run[place + 1]) << _HALF)
        at = _settle(counting, 2 * np.int64((scatter(pair) << known) >> shift), pair)
        counting[at] = pair + _ONE
        counting[at + 1] += np.uint64(run[place + 2])
