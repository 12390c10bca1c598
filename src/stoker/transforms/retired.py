"""Lexicons in a temporary file, their words arranged by hash so that shares of them can be merged."""

from __future__ import annotations

import numpy as np

from stoker.kernels.lexicon import copy_words
from stoker.transforms.lexicon import Int32Array, Lexicon
from stoker.transforms.spill import Extent, Spill
from stoker.types import IntArray, Uint64Array

__all__ = ["Retired", "retire"]

_BUCKET_BITS = 10


class Retired:
    """A lexicon in a temporary file.

    Parameters
    ----------
    spill
        The file.
    order, letters, counts
        Numbers of the words in the order of the hashes' upper bits; their letters and counts in that order.
    bucket_sizes, letter_bounds
        int64: words of each bucket of hashes; where each bucket's letters begin, and the last ends.
    """

    def __init__(
        self,
        spill: Spill,
        *,
        order: Extent,
        letters: Extent,
        counts: Extent,
        bucket_sizes: IntArray,
        letter_bounds: IntArray,
    ) -> None:
        self._spill = spill
        self._order, self._letters, self._counts = order, letters, counts
        self._letter_bounds = letter_bounds
        self._word_bounds = np.concatenate([[0], np.cumsum(bucket_sizes)])
        self._numbers: list[Extent] = []
        self.bucket_sizes = bucket_sizes
        self.ranks: Int32Array = np.zeros(0, np.int32)

    def words(self, first: int, stop: int) -> tuple[Uint64Array, IntArray]:
        """Letters and counts of the words of the buckets [first, stop)."""
        letters = self._spill.read(
            self._letters, int(self._letter_bounds[first]), int(self._letter_bounds[stop])
        )
        counts = self._spill.read(self._counts, int(self._word_bounds[first]), int(self._word_bounds[stop]))
        return letters, counts

    def copy(self) -> Retired:
        """The same lexicon for another merge."""
        return Retired(
            self._spill,
            order=self._order,
            letters=self._letters,
            counts=self._counts,
            bucket_sizes=self.bucket_sizes,
            letter_bounds=self._letter_bounds,
        )

    def forget_numbers(self) -> None:
        """Begin a new merge."""
        self._numbers = []

    def add_numbers(self, numbers: Int32Array) -> None:
        """Note the common numbers of the next buckets' words."""
        self._numbers.append(self._spill.write(numbers))

    def table(self) -> Int32Array:
        """From this lexicon's numbers to places of the merged list, -1 for words left out."""
        out = np.empty(self._order.size, np.int32)
        numbers = np.concatenate([self._spill.read(extent) for extent in self._numbers])
        out[self._spill.read(self._order)] = self.ranks[numbers]
        return out


def retire(lexicon: Lexicon, spill: Spill) -> Retired:
    """Write a lexicon to the file."""
    counts, starts, digests = lexicon.tally()
    buckets = (digests >> np.uint64(64 - _BUCKET_BITS)).astype(np.int64)
    order = np.argsort(buckets, kind="stable")
    letters = np.empty(lexicon.letters.size, np.uint64)
    begins = np.empty(order.size, np.int64)
    copy_words(lexicon.letters, starts, order, letters, begins)
    sizes = np.bincount(buckets, minlength=1 << _BUCKET_BITS).astype(np.int64)
    firsts = np.concatenate([[0], np.cumsum(sizes)])
    bounds = np.append(begins, letters.size)[firsts]
    return Retired(
        spill,
        order=spill.write(order.astype(np.int32)),
        letters=spill.write(letters),
        counts=spill.write(counts[order]),
        bucket_sizes=sizes,
        letter_bounds=bounds,
    )
