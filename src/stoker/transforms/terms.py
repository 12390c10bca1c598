"""The n-grams of some texts, each once with how often it occurs."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from stoker.kernels.terms import find_terms
from stoker.transforms.wordlists import Int32Array
from stoker.types import IntArray, Uint64Array

__all__ = ["Terms"]


class Terms(NamedTuple):
    """The terms of consecutive texts.

    Attributes
    ----------
    nodes
        int32 numbers of n-grams, see `stoker.transforms.nodes`.
    counts
        int32: how often each occurs in its text.
    ends
        int64 of shape (n,): where those of each text end.
    """

    nodes: Int32Array
    counts: Int32Array
    ends: IntArray

    @classmethod
    def of(
        cls, stream: Int32Array, ends: IntArray, words: Int32Array, *, longest: int, finding: Uint64Array
    ) -> Self:
        """The terms of a stream of word numbers; see `stoker.kernels.terms.find_terms`."""
        nodes, counts = np.empty((2, longest * stream.size), np.int32)
        term_ends = np.empty(ends.size, np.int64)
        find_terms(stream, ends, words, longest, finding, nodes, counts, term_ends)
        end = int(term_ends[-1]) if ends.size else 0
        return cls(nodes[:end], counts[:end], term_ends)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.nodes.nbytes + self.counts.nbytes + self.ends.nbytes

    def copy(self) -> Terms:
        """The same in arrays that are no larger than they must be."""
        return Terms(self.nodes.copy(), self.counts.copy(), self.ends)
