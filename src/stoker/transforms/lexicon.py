"""Words by number that grow: each lexicon is taught by one thread at a time and read by any."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.kernels import lexicon
from stoker.kernels.characters import Characters
from stoker.kernels.tokens import DONE, LEXICON_FULL, STREAM_FULL, tokenize
from stoker.transforms.texts import text_buffers
from stoker.types import IntArray, Uint64Array

__all__ = ["Int32Array", "Lexicon"]

Int32Array = npt.NDArray[np.int32]


class Lexicon:
    """Words by number, and how many texts hold each; see `stoker.kernels.lexicon` for the arrays.

    Examples
    --------
    >>> from stoker.kernels.characters import characters
    >>> words, table = Lexicon(), characters(lowercase=True, strip_accents=True)
    >>> words.tokenize(pa.array(["To be or not to be", "be"], pa.large_string()), table, first_row=0)
    (array([0, 1, 2, 3, 0, 1, 1], dtype=int32), array([6, 7]))
    >>> words.counts.tolist()
    [1, 2, 1, 1]
    """

    def __init__(self, capacity: int = 1 << 12) -> None:
        capacity = 1 << max(capacity - 1, 15).bit_length()
        self._slots = np.zeros(4 * 2 * capacity, np.uint64)
        self._letters = np.empty(4 * capacity, np.uint64)
        self._state = np.zeros(2, np.int64)
        self._word = np.empty(32, np.uint64)

    @classmethod
    def of(cls, words: pa.LargeStringArray) -> Lexicon:
        """The lexicon of different words, numbered in this order."""
        data, bounds = text_buffers(words)
        letters = np.zeros(int(bounds[-1] - bounds[0]) // 8 + 2 * len(words), np.uint64)
        end = lexicon.lay_words(data, bounds, letters)
        made = cls(len(words))
        made.absorb(letters[:end], np.zeros(len(words), np.int64))
        return made

    @property
    def num_words(self) -> int:
        """Words so far."""
        return int(self._state[0])

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self._slots.nbytes + self._letters.nbytes

    @property
    def letters(self) -> Uint64Array:
        """All words one after the other: length in bytes, then the bytes in eights."""
        return self._letters[: int(self._state[1])]

    @property
    def counts(self) -> IntArray:
        """How many texts hold each word, int64 of shape (num_words,)."""
        return self.tally()[0]

    def tally(self) -> tuple[IntArray, IntArray, Uint64Array]:
        """By number: how many texts hold each word, where it begins in `letters`, and its hash."""
        counts, starts = np.empty((2, self.num_words), np.int64)
        digests = np.empty(self.num_words, np.uint64)
        lexicon.tally(self._slots, counts, starts, digests)
        return counts, starts, digests

    def tokenize(
        self, texts: pa.LargeStringArray, characters: Characters, *, first_row: int | None = None
    ) -> tuple[Int32Array, IntArray]:
        """Numbers of all words of the texts, and where those of each text end.

        Parameters
        ----------
        texts
            As `stoker.transforms.texts.as_texts` makes them.
        characters
            What each character becomes.
        first_row
            Row of the first text: texts are counted, and new words get the next numbers; for one thread at a
            time. None: unknown words are -1, and any thread may call.

        Returns
        -------
        int32 of shape (words,); int64 of shape (n,).
        """
        data, bounds = text_buffers(texts)
        table, lower_first = characters.covering(data[int(bounds[0]) : int(bounds[-1])])
        if lower_first:
            # The small form of a capital sigma depends on what stands around it.
            data, bounds = text_buffers(_lowered(texts))
            table, _ = characters.covering(data)
        learn = first_row is not None
        stream = np.empty(int(bounds[-1] - bounds[0]) // 4 + 16, np.int32)
        ends = np.empty(len(texts), np.int64)
        cursor = np.array([0, bounds[0], 0, 0, 0], np.int64)
        word = self._word if learn else np.empty(32, np.uint64)
        while True:
            status = tokenize(
                data, bounds, *table, self._slots, self._letters, self._state, word, learn, first_row or 0,
                stream, ends, cursor,
            )  # fmt: skip
            if status == DONE:
                return stream[: int(cursor[4])], ends
            if status == STREAM_FULL:
                stream = np.concatenate([stream, np.empty(stream.size, np.int32)])
            elif status == LEXICON_FULL:
                self._make_room(word.size)
            else:
                word = np.concatenate([word, word])
                self._word = word if learn else self._word

    def absorb(self, letters: Uint64Array, counts: IntArray) -> None:
        """Add words, one after the other as `letters` of a lexicon, each held by so many more texts."""
        cursor = np.zeros(2, np.int64)
        while not lexicon.absorb(self._slots, self._letters, self._state, letters, counts, cursor):
            self._make_room(int(letters[int(cursor[1])]) // 8 + 1)

    def numbers_of(self, letters: Uint64Array, count: int) -> Int32Array:
        """Number of each of `count` words, one after the other as `letters` of a lexicon; -1 for none."""
        out = np.empty(count, np.int32)
        lexicon.number_words(self._slots, self._letters, letters, out)
        return out

    def spelled(self, numbers: IntArray | None = None) -> pa.LargeStringArray:
        """The words of these numbers; all of them if None."""
        starts = self.tally()[1] if numbers is None else self.tally()[1][numbers]
        offsets = np.empty(starts.size + 1, np.int64)
        lexicon.spell_words(self._letters, starts, offsets, np.empty(0, np.uint8))
        out = np.empty(int(offsets[-1]), np.uint8)
        lexicon.spell_words(self._letters, starts, offsets, out)
        return pa.LargeStringArray.from_buffers(starts.size, pa.py_buffer(offsets), pa.py_buffer(out))

    def _make_room(self, size: int) -> None:
        """Make room for more words, one of `size` eights of letters among them."""
        if 8 * (self.num_words + 1) > self._slots.size:
            more = np.zeros(2 * self._slots.size, np.uint64)
            lexicon.rehash(self._slots, more)
            self._slots = more
        used = int(self._state[1])
        if used + size + 1 > self._letters.size:
            letters = np.empty(2 * self._letters.size + size, np.uint64)
            letters[:used] = self._letters[:used]
            self._letters = letters


def _lowered(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """The texts in lower case, as Python makes it."""
    data, bounds = text_buffers(texts)
    pieces = [data[start:stop].tobytes() for start, stop in pairwise(bounds.tolist())]
    return pa.array([piece.decode("utf-8", "replace").lower() for piece in pieces], pa.large_string())
