"""The n-grams that were learned: words, longer ones as pairs, and their order as texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.stored import require
from stoker.types import IntArray, Uint64Array

__all__ = ["Nodes"]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nodes:
    """N-grams that enough texts hold: words first, then pairs, and so on; see `stoker.kernels.ngrams`.

    Attributes
    ----------
    words
        Arrow large strings, ascending by their bytes: the nodes 0, 1, and so on.
    levels
        For each further length the n-grams: ``node << 32 | word``, uint64, ascending.
    counts
        int64 of shape (nodes,): how many texts hold each.
    """

    words: pa.LargeStringArray
    levels: tuple[Uint64Array, ...]
    counts: IntArray

    def check(self) -> None:
        """Refuse nodes that no texts can have taught: kernels follow them wherever they lead.

        Raises
        ------
        ValueError
            If they are none.
        """
        bounds, num_words = self.bounds, len(self.words)
        require(self.counts.shape == (int(bounds[-1]),), "n-grams that are not counted")
        for level, pairs in enumerate(self.levels):
            require(bool((pairs[1:] > pairs[:-1]).all()), "n-grams that do not ascend")
            if pairs.size:
                begins = (int(pairs[0] >> _HALF), int(pairs[-1] >> _HALF))
                inside = int(bounds[level]) <= begins[0] and begins[1] < int(bounds[level + 1])
                require(
                    inside and int((pairs & _LOW).max()) < num_words, "n-grams of words that are not there"
                )

    @property
    def bounds(self) -> IntArray:
        """Where the nodes of each length begin, and the last end."""
        return np.cumsum([0, len(self.words), *(pairs.size for pairs in self.levels)])

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return int(self.words.nbytes + sum(pairs.nbytes for pairs in self.levels) + self.counts.nbytes)

    def order(self) -> IntArray:
        """Place of each node among all when sorted as texts, int64 of shape (nodes,).

        An n-gram stands right before those that begin with it, because a blank comes before every character
        of a word: the order is that of a tree, parents first.
        """
        bounds = self.bounds
        sizes = np.ones(int(bounds[-1]), np.int64)
        for level in range(len(self.levels) - 1, -1, -1):
            first, stop = bounds[level + 1], bounds[level + 2]
            parents = (self.levels[level] >> _HALF).astype(np.int64)
            # Sums of integers, which float64 holds exactly: they are below 2**53.
            added = np.bincount(parents, sizes[first:stop], minlength=int(bounds[level + 1]))
            sizes[: bounds[level + 1]] += added[: bounds[level + 1]].astype(np.int64)
        places = np.empty_like(sizes)
        places[: bounds[1]] = np.cumsum(sizes[: bounds[1]]) - sizes[: bounds[1]]
        for level, pairs in enumerate(self.levels):
            if not pairs.size:
                continue
            own = sizes[bounds[level + 1] : bounds[level + 2]]
            parents = (pairs >> _HALF).astype(np.int64)
            before = np.cumsum(own) - own
            firsts = np.flatnonzero(np.append(True, parents[1:] != parents[:-1]))
            of_siblings = np.repeat(before[firsts], np.diff(np.append(firsts, pairs.size)))
            places[bounds[level + 1] : bounds[level + 2]] = places[parents] + 1 + before - of_siblings
        return places

    def spelled(self, nodes: IntArray) -> pa.LargeStringArray:
        """The n-grams of these nodes, words joined by a blank."""
        bounds = self.bounds
        lengths = np.searchsorted(bounds, nodes, "right")
        parts: list[pa.Array] = []
        places: list[npt.NDArray[np.int64]] = []
        for length in np.unique(lengths).tolist():
            chosen = np.flatnonzero(lengths == length)
            parts.append(self._spelled(nodes[chosen], length))
            places.append(chosen)
        if not parts:
            return pa.array([], pa.large_string())
        back = np.argsort(np.concatenate(places))
        return pa.concat_arrays(parts).take(pa.array(back))

    def _spelled(self, nodes: IntArray, length: int) -> pa.Array:
        if length == 1:
            return self.words.take(pa.array(nodes))
        pairs = self.levels[length - 2][nodes - self.bounds[length - 1]]
        first = self._spelled((pairs >> _HALF).astype(np.int64), length - 1)
        last = self.words.take(pa.array((pairs & _LOW).astype(np.int64)))
        return pc.binary_join_element_wise(first, last, pa.scalar(" ", pa.large_string()))
