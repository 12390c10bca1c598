"""Dictionaries of a corpus that were written to a temporary file, and what their numbers became."""

from __future__ import annotations

import numpy as np

from stoker.ledger import Ledger
from stoker.transforms.numbering import text_counts
from stoker.transforms.spill import Extent, Spill
from stoker.transforms.wordlists import Dictionary, Int32Array
from stoker.transforms.wordspill import SpilledWords, spilled

__all__ = ["Retired"]

_PIECE = 1 << 16
"""Numbers that are read at a time, beside the one table that is made of all of them."""
_NUMBER_BYTES = 4


class Retired:
    """A dictionary in a temporary file.

    Parameters
    ----------
    words
        Its words, by their hashes.
    order
        Where the numbers of these words lie in the file, int32.
    spill, ledger
        The file, and what is charged for what is read from it at once.
    """

    def __init__(self, words: SpilledWords, order: Extent, spill: Spill, ledger: Ledger) -> None:
        self.words = words
        self._order, self._spill, self._ledger = order, spill, ledger
        self._numbers: Extent | None = None
        self._num_known = 0

    @classmethod
    def of(cls, dictionary: Dictionary, spill: Spill, ledger: Ledger) -> Retired:
        """Write a dictionary to the file."""
        words = dictionary.words()._replace(counts=text_counts(dictionary))
        written, order = spilled(words, spill)
        return cls(written, spill.write(order.astype(np.int32)), spill, ledger)

    def copy(self) -> Retired:
        """The same dictionary for another merge."""
        return Retired(self.words, self._order, self._spill, self._ledger)

    def forget_numbers(self) -> None:
        """Begin a new merge."""
        self._num_known = 0

    def add_numbers(self, numbers: Int32Array) -> None:
        """Note the common numbers of the next buckets' words."""
        if self._numbers is None:
            self._numbers = self._spill.reserve(self._order.size, np.int32)
        self._spill.put(self._numbers, self._num_known, numbers)
        self._num_known += numbers.size

    def settle(self, ranks: Int32Array) -> None:
        """Once all have common numbers: note these numbers' places in the merged list, -1 for none."""
        if self._numbers is None:
            return
        size = self._order.size
        with self._ledger.charge("fitting", _NUMBER_BYTES * (size + 3 * min(size, _PIECE))):
            table = np.empty(size, np.int32)
            for start in range(0, size, _PIECE):
                numbers = self._spill.read(self._numbers, start, start + _PIECE)
                table[self._spill.read(self._order, start, start + _PIECE)] = ranks[numbers]
            self._spill.put(self._numbers, 0, table)

    def table(self) -> Int32Array:
        """From this dictionary's numbers to places of the merged list, -1 for words left out."""
        return np.empty(0, np.int32) if self._numbers is None else self._spill.read(self._numbers)
