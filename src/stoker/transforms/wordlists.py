"""Words in memory: a dictionary that grows, and lists of words with how often and where they were met."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.kernels import dictionary as kernel
from stoker.kernels.dictionary import ENTRIES, LETTERS
from stoker.ledger import Ledger
from stoker.types import IntArray

__all__ = ["Dictionary", "Int32Array", "WordList"]

Int32Array = npt.NDArray[np.int32]

_TOGETHER = 1 << 14
"""So many words are moved at once: the places of their letters take as much memory as the letters."""

_SMALLEST = 1 << 10
_NOT_WANTED: Int32Array = np.empty(0, np.int32)
_EIGHTHS = 5
"""Of the slots of a dictionary, how many eighths are taken at most."""


class WordList(NamedTuple):
    """Different words.

    Attributes
    ----------
    counts
        int64 of shape (n,): how often each was met.
    entries
        int64 of shape (n, 3): row and place of its first occurrence, and where it begins in `letters`.
    letters
        uint64: of each word its length in bytes, then its bytes, eight in a word.
    """

    counts: IntArray
    entries: IntArray
    letters: npt.NDArray[np.uint64]

    @property
    def num_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.counts.nbytes + self.entries.nbytes + self.letters.nbytes

    @classmethod
    def of(cls, words: pa.LargeStringArray) -> Self:
        """Words that were never met."""
        count = len(words)
        offsets = np.frombuffer(words.buffers()[1], np.int64, count + 1, 8 * words.offset)
        lengths = np.diff(offsets)
        sizes = 1 + (lengths + 7) // 8
        entries = np.zeros((count, 3), np.int64)
        np.cumsum(sizes[:-1], out=entries[1:, 2])
        letters = np.zeros(int(sizes.sum()), np.uint64)
        letters[entries[:, 2]] = lengths
        data = np.frombuffer(words.buffers()[2] or b"", np.uint8)
        letters.view(np.uint8)[_places(8 * (entries[:, 2] + 1), lengths)] = data[offsets[0] : offsets[-1]]
        return cls(np.zeros(count, np.int64), entries, letters)

    def spelled(self) -> pa.LargeStringArray:
        """The words as Arrow holds them."""
        lengths = self.letters[self.entries[:, 2]].astype(np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        data = self.letters.view(np.uint8)[_places(8 * (self.entries[:, 2] + 1), lengths)]
        return pa.LargeStringArray.from_buffers(lengths.size, pa.py_buffer(offsets), pa.py_buffer(data))

    def take(self, order: IntArray) -> WordList:
        """Some of the words, in the order of `order`, which says where they are now."""
        entries = self.entries[order]
        begins = entries[:, 2].copy()
        sizes = 1 + (self.letters[begins].astype(np.int64) + 7) // 8
        ends = np.cumsum(sizes)
        entries[:, 2] = ends - sizes
        letters = np.empty(int(sizes.sum()), np.uint64)
        for first in range(0, order.size, _TOGETHER):
            some = slice(first, first + _TOGETHER)
            start, stop = entries[first, 2], ends[some][-1]
            letters[start:stop] = self.letters[_places(begins[some], sizes[some])]
        return WordList(self.counts[order], entries, letters)

    def digests(self) -> npt.NDArray[np.uint64]:
        """Hashes of the words, uint64 of shape (n,)."""
        digests = np.empty(self.counts.size, np.uint64)
        kernel.hash_words(self.entries, self.letters, self.letters.view(np.uint8), digests)
        return digests

    def joined(self, other: WordList) -> WordList:
        """These and the words of another list, which are different ones."""
        entries = np.concatenate([self.entries, other.entries])
        entries[self.counts.size :, 2] += self.letters.size
        return WordList(
            np.concatenate([self.counts, other.counts]),
            entries,
            np.concatenate([self.letters, other.letters]),
        )

    def most_frequent(self, most: int | None) -> WordList:
        """At most so many of the words, the most frequent first, of equals the one that was met first."""
        chosen = np.arange(self.counts.size)
        if most is not None and most < chosen.size:
            chosen = np.flatnonzero(self.counts >= np.partition(self.counts, -most)[-most])
        rows, places = self.entries[chosen, 0], self.entries[chosen, 1]
        return self.take(chosen[np.lexsort((places, rows, -self.counts[chosen]))][:most])


def _places(begins: IntArray, lengths: IntArray) -> IntArray:
    """All places of stretches that begin somewhere and have some lengths, one behind the other."""
    ends = np.cumsum(lengths)
    starts = np.repeat(begins - (ends - lengths), lengths)
    return np.asarray(starts + np.arange(starts.size), np.int64)


class Dictionary:
    """Words by id; see `stoker.kernels.dictionary` for the arrays. For one thread at a time while it grows.

    Parameters
    ----------
    ledger
        Charged for the arrays while they are held.

    Examples
    --------
    >>> met = Dictionary()
    >>> met.absorb(WordList.of(pa.array(["b", "a"], pa.large_string())))
    >>> met.words().spelled().to_pylist()
    ['b', 'a']
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = ledger
        room = _SMALLEST * _EIGHTHS // 8
        self.slots = self._charged(np.zeros(2 * _SMALLEST, np.uint64))
        self.counts = self._charged(np.empty(room, np.int64))
        self.entries = self._charged(np.empty((room, 3), np.int64))
        self.letters = self._charged(np.empty(4 * room, np.uint64))
        self.state = np.zeros(5, np.int64)

    @classmethod
    def of(cls, words: pa.LargeStringArray) -> Self:
        """The dictionary of different words, whose ids are in this order."""
        made = cls()
        made.absorb(WordList.of(words))
        return made

    def clear(self) -> None:
        """Forget all words; the room for them stays."""
        self.slots[:] = 0
        self.state[:] = 0

    def __len__(self) -> int:
        return int(self.state[ENTRIES])

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return self.slots.nbytes + self.counts.nbytes + self.entries.nbytes + self.letters.nbytes

    @property
    def nbytes_used(self) -> int:
        """Memory that the words take by themselves, in arrays without any room for more."""
        slots = 2 * self.slots.itemsize * 8 // _EIGHTHS
        return len(self) * (slots + 8 + 24) + 8 * int(self.state[LETTERS])

    @property
    def nbytes_to_grow(self) -> int:
        """Memory that the arrays would take if they grew, old and new ones together."""
        return 3 * self.nbytes

    def grow(self) -> None:
        """Make more room where there is none, for words or for their letters."""
        count, used = len(self), int(self.state[LETTERS])
        if count == self.counts.size:
            self.slots = self._charged(np.zeros(2 * self.slots.size, np.uint64))
            room = self.slots.size // 2 * _EIGHTHS // 8
            counts = self._charged(np.empty(room, np.int64))
            entries = self._charged(np.empty((room, 3), np.int64))
            counts[:count], entries[:count] = self.counts, self.entries
            self.counts, self.entries = counts, entries
            kernel.file_words(self.entries, self.letters, self.letters.view(np.uint8), count, self.slots)
        else:
            letters = self._charged(np.empty(2 * self.letters.size, np.uint64))
            letters[:used] = self.letters[:used]
            self.letters = letters

    def absorb(self, words: WordList, *, shift: int = 0, ids: Int32Array = _NOT_WANTED) -> None:
        """Count the words of a list whose rows are `shift` further on, and keep the earlier first places.

        The words' ids are written to `ids`, int32 of shape (n,), where it is given.
        """
        done = 0
        while True:
            done = int(
                kernel.absorb(
                    self.slots, self.counts, self.entries, self.letters, self.state,
                    *words, words.letters.view(np.uint8), shift, done, ids, False,
                )
            )  # fmt: skip
            if done == words.counts.size:
                return
            self.grow()

    def numbers_of(self, words: WordList) -> Int32Array:
        """Ids of the words of a list, int32 of shape (n,), -1 for those not held."""
        numbers = np.empty(words.counts.size, np.int32)
        kernel.absorb(
            self.slots, self.counts, self.entries, self.letters, self.state,
            *words, words.letters.view(np.uint8), 0, 0, numbers, True,
        )  # fmt: skip
        return numbers

    def words(self) -> WordList:
        """All words by id; the arrays are shared."""
        return WordList(
            self.counts[: len(self)], self.entries[: len(self)], self.letters[: int(self.state[LETTERS])]
        )

    def _charged(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array if self._ledger is None else self._ledger.attach("fitting", array)
