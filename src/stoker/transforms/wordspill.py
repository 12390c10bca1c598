"""Word lists in a temporary file, arranged by hash so that shares of them can be merged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stoker.transforms.spill import Spill
from stoker.transforms.wordlists import WordList
from stoker.types import IntArray

__all__ = ["NUM_BUCKETS", "SpilledWords", "bucket_shares", "spilled"]

_BITS = 8
NUM_BUCKETS = 1 << _BITS
"""Buckets of hashes."""


class SpilledWords:
    """Words in a temporary file; `spilled` writes them.

    Parameters
    ----------
    words
        All different, in the order of their buckets.
    sizes
        int64 of shape (NUM_BUCKETS,): words of each bucket.
    spill
        The file.
    """

    def __init__(self, words: WordList, sizes: IntArray, spill: Spill) -> None:
        bounds = np.append(0, np.cumsum(sizes))
        letters = np.append(words.entries[:, 2], words.letters.size)[bounds]
        # There may be thousands of such lists: what is held of each is small.
        self._bounds, self._letter_bounds = bounds.astype(np.uint32), letters.astype(np.uint32)
        self._spill = spill
        self._extents = [spill.write(array) for array in words]

    @property
    def sizes(self) -> IntArray:
        """Words of each bucket, int64 of shape (NUM_BUCKETS,)."""
        bounds = self._bounds.astype(np.int64)
        return np.asarray(bounds[1:] - bounds[:-1])

    def count(self, first: int, stop: int) -> int:
        """How many words the buckets [first, stop) hold."""
        return int(self._bounds[stop]) - int(self._bounds[first])

    def read(self, first: int, stop: int) -> WordList:
        """The words of the buckets [first, stop)."""
        begin, end = self._bounds[[first, stop]].tolist()
        first_letter, last_letter = self._letter_bounds[[first, stop]].tolist()
        counts, entries, letters = self._extents
        held = self._spill.read(entries, 3 * begin, 3 * end).reshape(-1, 3)
        held[:, 2] -= first_letter
        return WordList(
            self._spill.read(counts, begin, end), held, self._spill.read(letters, first_letter, last_letter)
        )


def spilled(words: WordList, spill: Spill) -> tuple[SpilledWords, IntArray]:
    """Write different words to a file; also gives which of them stands at each place there, int64."""
    buckets = (words.digests() >> np.uint64(64 - _BITS)).astype(np.uint8)
    order: IntArray = np.argsort(buckets, kind="stable")
    sizes: IntArray = np.bincount(buckets, minlength=NUM_BUCKETS).astype(np.int64)
    return SpilledWords(words.take(order), sizes, spill), order


def bucket_shares(sizes: IntArray, room: int) -> Iterator[tuple[int, int]]:
    """Consecutive buckets that hold no more than `room` words together, unless a single one does.

    Examples
    --------
    >>> list(bucket_shares(np.array([3, 2, 9, 1]), 5))
    [(0, 2), (2, 3), (3, 4)]
    """
    first, held = 0, 0
    for bucket, size in enumerate(sizes.tolist()):
        if held and held + size > room:
            yield first, bucket
            first, held = bucket, 0
        held += size
    yield first, sizes.size
