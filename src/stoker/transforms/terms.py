"""The n-grams of some texts, each once with how often it occurs."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from stoker.kernels.terms import find_terms
from stoker.transforms.wordlists import Int32Array
from stoker.types import IntArray, Uint64Array

__all__ = ["Terms", "most_words"]

_FOUR_WORDS = 11
"""Of all characters U+FDFA alone becomes so many times its bytes: four words, which is one a byte."""


def most_words(num_bytes: int, growth: int) -> int:
    """Words of two characters or more that a text of so many bytes has at most.

    A word takes two characters and one that ends it. A character may stand for several; but for one of all
    in Unicode, such a character is not more than a word of two bytes.

    Parameters
    ----------
    growth
        Bytes that a byte of text becomes at most; see `stoker.kernels.characters.Characters`.

    Examples
    --------
    >>> most_words(300, 1), most_words(300, 17)
    (150, 301)
    """
    return num_bytes + 1 if growth >= _FOUR_WORDS else max(1, num_bytes // 2)


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
        cls,
        stream: Int32Array,
        ends: IntArray,
        words: Int32Array,
        *,
        longest: int,
        finding: Uint64Array,
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
