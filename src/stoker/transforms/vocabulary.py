"""The words that a sequence may hold, and texts as rows of their indices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from stoker.kernels.separated import lay_out
from stoker.prefetch import prefetch
from stoker.stored import require, require_counts
from stoker.transforms.chunks import TextChunk, held_texts, text_chunks
from stoker.transforms.cutting import Cutter
from stoker.transforms.numbering import stream_of
from stoker.transforms.wordlists import Dictionary, Int32Array, WordList
from stoker.types import IntArray

__all__ = ["End", "Vocabulary", "vocabulary_words"]

End: TypeAlias = Literal["pre", "post"]

_MOST_LENGTH = 1 << 26
"""Words that no text can have: a record is at most 64 MiB long."""


class Vocabulary:
    """Words and their indices, for any number of threads.

    Parameters
    ----------
    words
        In the order of their indices.
    num_words, num_texts
        Different words, these and others, and texts that they were met in.
    length
        Indices in a row.
    cutter
        Where words end.
    unknown
        Whether a word that is not among them has the index 1, and the others begin at 2; else it is left out,
        and they begin at 1.
    padding, truncating
        Where zeros go, and what is cut off: in front or at the end.
    """

    def __init__(
        self,
        words: WordList,
        *,
        num_words: int,
        num_texts: int,
        length: int,
        cutter: Cutter,
        unknown: bool,
        padding: End,
        truncating: End,
    ) -> None:
        self.words, self.counts = words.spelled(), words.counts
        self.num_words, self.num_texts, self.length = num_words, num_texts, length
        self._cutter, self._unknown = cutter, int(unknown)
        self._ends = (truncating == "post", padding == "pre")
        self._dictionary = Dictionary()
        self._dictionary.absorb(words)

    @property
    def num_bytes(self) -> int:
        """Memory that the words take."""
        return self._dictionary.nbytes

    def index(self, texts: pa.LargeStringArray, out: Int32Array) -> IntArray:
        """Write the indices of the words of n texts to `out`, int32 of shape (n, width), cut and padded.

        Returns
        -------
        Indices of each text before it is cut, int64 of shape (n,).
        """
        stream, ends = stream_of(texts, self._cutter, self._dictionary, known_only=not self._unknown)
        lay_out(stream, ends, 1 + self._unknown, *self._ends, out)  # unknown words are -1, or none
        return np.diff(ends, prepend=0)

    def transform(self, texts: Any, *, workers: int) -> Int32Array:
        """Rows of the indices of n texts, in the forms that `as_texts` takes: int32 of shape (n, length)."""
        held = held_texts(texts)
        out = np.empty((len(held), self.length), np.int32)

        def index(task: tuple[TextChunk, int]) -> None:
            chunk, row = task
            self.index(chunk.texts, out[row : row + len(chunk.texts)])

        tasks = _with_rows(text_chunks(held))
        with prefetch(index, tasks, workers=workers, in_flight=workers + 1, name="sequences") as done:
            for _ in done:
                pass
        return out

    def state(self) -> dict[str, Any]:
        """What was learned as plain data; `vocabulary_words` reads it."""
        return {
            "words": self.words.to_pylist(),
            "counts": self.counts.tolist(),
            "num_words": self.num_words,
            "num_texts": self.num_texts,
            "length": self.length,
        }

    def lengths(self, texts: pa.LargeStringArray) -> IntArray:
        """Indices of each of n texts, int64 of shape (n,)."""
        return self.index(texts, np.empty((len(texts), 1), np.int32))


def vocabulary_words(state: dict[str, Any], longest: int) -> tuple[WordList, dict[str, int]]:
    """The words of a stored vocabulary, and the numbers that it was made with.

    Parameters
    ----------
    state
        What `Vocabulary.state` gave.
    longest
        Indices in a row, at most.

    Raises
    ------
    ValueError, KeyError, TypeError, OverflowError
        If it gave nothing of the kind.
    """
    words = WordList.of(pa.array(state["words"], pa.large_string()))
    counts = np.array(state["counts"], np.int64)
    require(counts.shape == words.counts.shape, "words that are not counted")
    numbers = {name: state[name] for name in ("num_words", "num_texts", "length")}
    for name, number in numbers.items():
        require_counts(number, what=name)
    require(numbers["length"] <= min(longest, _MOST_LENGTH), f"rows of {numbers['length']:,} words")
    return words._replace(counts=counts), numbers


def _with_rows(chunks: Iterator[TextChunk]) -> Iterator[tuple[TextChunk, int]]:
    """Chunks, each with the number of its first text."""
    row = 0
    for chunk in chunks:
        yield chunk, row
        row += len(chunk.texts)
