"""The n-grams of texts, each once with how often it occurs: scored, and weighted into rows.

Terms of texts are int32 nodes (see `stoker.kernels.ngrams`) and int32 counts, and int64 of shape (n,): where
those of each text end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.ngrams import follow, longest_text, pair_up, words_of
from stoker.kernels.words import trailing_zeros

__all__ = ["add_scores", "find_terms", "weigh"]

Int32Array = npt.NDArray[np.int32]
IntArray = npt.NDArray[np.int64]
Uint64Array = npt.NDArray[np.uint64]
FloatArray = npt.NDArray[np.float64]

_NONE, _ONE = np.uint64(0), np.uint64(1)
_FACTOR, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_LEAST_SLOTS = 1 << 12
"""So many stay in a core's first cache, and of most texts few terms find theirs taken by another."""


@inner_kernel
def _add_terms(found, size, kept, first, end, mask, slots, nodes, counts):
    """Add nodes to those of a text, which stand in [first, end), each once; returns their new end.

    A slot holds the place behind its node's; one that is not above `first` is of an earlier text, and free.
    Whether a text has had a term before nobody can foresee: only a slot that another node took is branched
    on, which is rare.
    """
    num_kept = np.int64(0)
    for place in range(size):
        kept[num_kept] = found[place]
        num_kept += found[place] >= 0
    for which in range(num_kept):
        node = kept[which]
        slot = np.int64((np.uint64(node) * _FACTOR) >> _HALF) & mask
        behind = np.int64(slots[slot])
        at = behind - 1 if behind > first else end
        if behind > first and nodes[at] != node:
            while behind > first and nodes[behind - 1] != node:
                slot = (slot + 1) & mask
                behind = np.int64(slots[slot])
            at = behind - 1 if behind > first else end
        known = behind > first
        nodes[at] = node
        counts[at] = counts[at] * known + 1  # what is multiplied with 0 was never written
        slots[slot] = np.int32(at + 1)
        end += not known
    return end


def find_terms(
    stream: Int32Array, ends: IntArray, words: Int32Array, longest: int, finding: Uint64Array,
    nodes: Int32Array, counts: Int32Array, term_ends: IntArray,
) -> None:  # fmt: skip
    """Write the terms of some texts, shorter n-grams first.

    Parameters
    ----------
    stream, ends, words
        int32 numbers; int64 of shape (n,): where each text's end; int32: see `stoker.kernels.ngrams`.
    longest
        Words of the longest n-gram.
    finding
        Table of pairs.
    nodes, counts, term_ends
        int32 with room for `longest` terms a word, fewer than 2**31; int64 of shape (n,). Written.
    """
    most = longest_text(ends)
    _find_terms(
        stream, ends, words, longest, finding, nodes, counts, term_ends,
        *np.empty((3, most), np.int64), *np.empty((2, most), np.uint64),
        np.zeros(max(_LEAST_SLOTS, 4 * most * longest), np.int32),
    )  # fmt: skip


@bare_kernel
def _find_terms(
    stream, ends, words, longest, finding, nodes, counts, term_ends, given, found, kept, pairs, homes, slots
):
    end = np.int64(0)
    for row in range(ends.shape[0]):
        start, first = ends[row - 1] if row else np.int64(0), end
        size = np.int64(_LEAST_SLOTS)
        while size < 2 * longest * (ends[row] - start):
            size *= 2
        num_words = words_of(stream, start, ends[row], words, given)
        for place in range(num_words):  # assigning slices takes seconds to compile
            found[place] = given[place]
        for step in range(longest):
            if step:
                pair_up(found, given, step, num_words - step, pairs)
                follow(finding, pairs, num_words - step, homes, found)
            end = _add_terms(found, num_words - step, kept, first, end, size - 1, slots, nodes, counts)
        term_ends[row] = end


@inner_kernel
def _weigh_terms(nodes, counts, start, end, sublinear, weights, values):
    """Write the weights of a text's terms, 0 for those left out; returns their L2 norm, 1 where it is 0."""
    squares = 0.0
    for place in range(start, end):
        frequency = np.float64(counts[place])
        if sublinear:
            frequency = np.log(frequency) + 1.0
        value = frequency * weights[nodes[place], 0]
        values[place - start] = value
        squares += value * value
    return np.sqrt(squares) if squares else 1.0


def add_scores(
    nodes: Int32Array, counts: Int32Array, ends: IntArray, sublinear: bool, weights: FloatArray,
    classes: IntArray, low: int, high: int, sums: IntArray,
) -> None:  # fmt: skip
    """Add the terms of some texts to the sums that scores are made of, in fixed point.

    Parameters
    ----------
    nodes, counts, ends, sublinear
        As for `weigh`.
    weights
        float64 of shape (nodes, 2): idf, 0 for a node that is no term; the power of two that a value is
        multiplied with.
    classes
        int64 of shape (n,).
    low, high
        Nodes to take.
    sums
        int64 of shape (high - low, classes + 1): sums of values by class, and of their squares. Written.
    """
    most = longest_text(ends)
    _add_scores(
        nodes, counts, ends, sublinear, weights, classes, low, high, sums,
        np.empty(most, np.float64), *np.empty((3, most), np.int64),
    )  # fmt: skip


@bare_kernel
def _add_scores(
    nodes, counts, ends, sublinear, weights, classes, low, high, sums, values, taken, sum_parts, square_parts
):
    squares = sums.shape[1] - 1
    for row in range(ends.shape[0]):
        start = ends[row - 1] if row else np.int64(0)
        norm = _weigh_terms(nodes, counts, start, ends[row], sublinear, weights, values)
        # Two loops: sums are far away in memory, and many are fetched at a time where nothing else is done.
        size = np.int64(0)
        for place in range(ends[row] - start):
            node, value = np.int64(nodes[start + place]), values[place] / norm
            value = value if value < 1.0 else 1.0
            scale = weights[node, 1]
            taken[size] = node - low
            sum_parts[size] = np.int64(value * scale + 0.5)
            square_parts[size] = np.int64(value * value * scale + 0.5)
            size += (low <= node) & (node < high)
        for place in range(size):
            sums[taken[place], classes[row]] += sum_parts[place]
            sums[taken[place], squares] += square_parts[place]


def weigh(
    nodes: Int32Array, counts: Int32Array, ends: IntArray, sublinear: bool, weights: FloatArray,
    num_features: int, indices: Int32Array, values: npt.NDArray[np.float32], row_ends: IntArray,
) -> None:  # fmt: skip
    """Rows of tf-idf with an L2 norm of 1 over all terms, of which only the chosen features are written.

    Parameters
    ----------
    nodes, counts, ends
        The terms of texts; see the module.
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
    most = longest_text(ends)
    # Columns met, a bit for each, and a bit for each 64 of these: found in order without sorting.
    met = np.zeros((num_features >> 6) + 1, np.uint64)
    held = np.zeros((num_features >> 12) + 1, np.uint64)
    _weigh(
        nodes, counts, ends, sublinear, weights, indices, values, row_ends,
        *np.empty((2, most), np.float64), np.empty(most, np.int64), np.empty(num_features, np.float32),
        met, held,
    )  # fmt: skip


@bare_kernel
def _weigh(
    nodes, counts, ends, sublinear, weights, indices, values, row_ends,
    weighed, chosen, columns, by_column, met, held,
):  # fmt: skip
    end = np.int64(0)
    for row in range(ends.shape[0]):
        start = ends[row - 1] if row else np.int64(0)
        norm = _weigh_terms(nodes, counts, start, ends[row], sublinear, weights, weighed)
        # Which terms are features nobody can foresee: without a branch, those that are none are written over.
        size = np.int64(0)
        for place in range(ends[row] - start):
            columns[size] = np.int64(weights[nodes[start + place], 1])
            chosen[size] = weighed[place]
            size += (columns[size] >= 0) & (weighed[place] != 0.0)
        for place in range(size):
            column = columns[place]
            by_column[column] = np.float32(chosen[place] / norm)
            met[column >> 6] |= _ONE << np.uint64(column & 63)
            held[column >> 12] |= _ONE << np.uint64((column >> 6) & 63)
        for upper in range(held.shape[0]):
            while held[upper] != _NONE:
                middle = (upper << 6) + trailing_zeros(held[upper])
                held[upper] &= held[upper] - _ONE
                while met[middle] != _NONE:
                    column = (middle << 6) + trailing_zeros(met[middle])
                    met[middle] &= met[middle] - _ONE
                    indices[end], values[end] = np.int32(column), by_column[column]
                    end += 1
        row_ends[row] = end
