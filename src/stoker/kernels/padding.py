"""Rows of a sparse matrix side by side: (index, value) pairs in arrays of a few widths."""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import kernel

__all__ = ["LEAST_WIDTH", "longest_row", "pad_pairs", "padded_width"]

LEAST_WIDTH = 32


def padded_width(longest: int) -> int:
    """The width for rows of so many entries at most: 32, 64, 128 and so on.

    A function of the batch alone, and one of few values: a compiled step serves all batches of one width.

    Examples
    --------
    >>> padded_width(0), padded_width(32), padded_width(33), padded_width(700)
    (32, 32, 64, 1024)
    """
    width = LEAST_WIDTH
    while width < longest:
        width *= 2
    return width


@kernel
def longest_row(indptr, first, stop):
    """Entries of the longest of the rows [first, stop)."""
    longest = np.int64(0)
    for row in range(first, stop):
        longest = max(longest, np.int64(indptr[row + 1] - indptr[row]))
    return longest


@kernel
def pad_pairs(indptr, indices, data, first, out_indices, out_values):
    """Copy the rows from `first` on into rows of one width; what is left over is index 0 with value 0.

    Parameters
    ----------
    indptr, indices, data
        A CSR matrix.
    first
        Its first row that is wanted.
    out_indices, out_values
        int32 and float32 of shape (B, P), written; no row has more than P entries.
    """
    for row in range(out_indices.shape[0]):
        start = indptr[first + row]
        count = indptr[first + row + 1] - start
        for place in range(count):
            out_indices[row, place] = indices[start + place]
            out_values[row, place] = data[start + place]
        for place in range(count, out_indices.shape[1]):
            out_indices[row, place] = 0
            out_values[row, place] = 0.0
