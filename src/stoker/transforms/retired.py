"""Dictionaries of a corpus that were written to a temporary file, and what their numbers became."""

from __future__ import annotations

import numpy as np

from stoker.transforms.numbering import text_counts
from stoker.transforms.spill import Extent, Spill
from stoker.transforms.wordlists import Dictionary, Int32Array
from stoker.transforms.wordspill import SpilledWords, spilled

__all__ = ["Retired"]


class Retired:
    """A dictionary in a temporary file.

    Parameters
    ----------
    words
        Its words, by their hashes.
    order
        Where the numbers of these words lie in the file, int32.
    spill
        The file.

    Attributes
    ----------
    ranks
        int32: places in the merged list of the common numbers that `add_numbers` got.
    """

    def __init__(self, words: SpilledWords, order: Extent, spill: Spill) -> None:
        self.words, self.ranks = words, np.zeros(0, np.int32)
        self._order, self._spill = order, spill
        self._numbers: list[Extent] = []

    @classmethod
    def of(cls, dictionary: Dictionary, spill: Spill) -> Retired:
        """Write a dictionary to the file."""
        words = dictionary.words()._replace(counts=text_counts(dictionary))
        written, order = spilled(words, spill)
        return cls(written, spill.write(order.astype(np.int32)), spill)

    def copy(self) -> Retired:
        """The same dictionary for another merge."""
        return Retired(self.words, self._order, self._spill)

    def forget_numbers(self) -> None:
        """Begin a new merge."""
        self._numbers = []

    def add_numbers(self, numbers: Int32Array) -> None:
        """Note the common numbers of the next buckets' words."""
        self._numbers.append(self._spill.write(numbers))

    def table(self) -> Int32Array:
        """From this dictionary's numbers to places of the merged list, -1 for words left out."""
        out = np.empty(self._order.size, np.int32)
        numbers = np.concatenate([self._spill.read(extent) for extent in self._numbers])
        out[self._spill.read(self._order)] = self.ranks[numbers]
        return out
