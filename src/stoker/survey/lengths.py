"""How long the texts of a source's rows are: what plan and choice of model go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.kernels.frozen import frozen
from stoker.kernels.lengths import add_lengths
from stoker.stored import require_counts
from stoker.survey.lengthcounts import LengthCounts
from stoker.types import IntArray

__all__ = ["TextLengths"]


class TextLengths:
    """Bytes and words of rows' texts: exact sums, and histograms to less than a hundredth.

    A row's text are its text features, joined by one blank. Merging is addition, in any order.

    Examples
    --------
    >>> lengths = TextLengths().update({"text": pa.array(["a b c", "", "héllo"])}, ["text"])
    >>> lengths.num_rows, lengths.num_bytes, lengths.longest, lengths.median_words
    (3, 11, 6, 1.0)
    """

    def __init__(self) -> None:
        self.num_rows = 0
        self.num_bytes = 0
        self.longest = 0
        self._bytes, self._words = LengthCounts(), LengthCounts()

    def update(self, columns: Mapping[str, Any], names: Sequence[str]) -> Self:
        """Take in rows: the named columns, Arrow arrays of strings of one length."""
        if not names:
            return self
        num_rows = len(columns[names[0]])
        num_bytes = np.full(num_rows, len(names) - 1, np.int64)
        num_words = np.zeros(num_rows, np.int64)
        for name in names:
            row = 0
            for piece in _pieces(columns[name]):
                part = slice(row, row + len(piece))
                add_lengths(*_buffers(piece), num_bytes[part], num_words[part])
                row += len(piece)
        self._bytes.update(num_bytes)
        self._words.update(num_words)
        self.num_rows += num_rows
        self.num_bytes += int(num_bytes.sum())
        self.longest = max(self.longest, int(num_bytes.max(initial=0)))
        return self

    def merge(self, other: TextLengths) -> Self:
        """Take in what another has seen."""
        self.num_rows += other.num_rows
        self.num_bytes += other.num_bytes
        self.longest = max(self.longest, other.longest)
        self._bytes.merge(other._bytes)
        self._words.merge(other._words)
        return self

    @property
    def median_words(self) -> float:
        """Median of the words a row; exact below 256."""
        if not self.num_rows:
            return 0.0
        low, high = (self._words.at(rank) for rank in ((self.num_rows - 1) // 2, self.num_rows // 2))
        return (low[0] + high[0]) / 2

    def words(self) -> tuple[tuple[int, int], ...]:
        """(words, rows) with the shortest rows first; from 256 words on to less than a hundredth."""
        return self._words.shortest_first()

    def longest_first(self) -> tuple[tuple[int, int], ...]:
        """(bytes, rows) with the longest rows first: so many rows, none longer than that."""
        return self._bytes.longest_first(self.longest)

    def state(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "rows": self.num_rows,
            "bytes": self.num_bytes,
            "longest": self.longest,
            "byte_counts": self._bytes.state(),
            "word_counts": self._words.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """An equal one from what `state` gave.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is nothing that `state` gives.
        """
        made = cls()
        made.num_rows, made.num_bytes, made.longest = state["rows"], state["bytes"], state["longest"]
        for number in (made.num_rows, made.num_bytes, made.longest):
            require_counts(number, what="lengths of texts")
        made._bytes = LengthCounts.from_state(state["byte_counts"], made.num_rows)
        made._words = LengthCounts.from_state(state["word_counts"], made.num_rows)
        return made


def _pieces(column: Any) -> Iterator[Any]:
    yield from column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _buffers(texts: Any) -> tuple[IntArray, npt.NDArray[np.uint8]]:
    """Offsets and bytes of an Arrow array of strings; a null has no bytes."""
    _, offsets, data = texts.buffers()
    wide = pa.types.is_large_string(texts.type) or pa.types.is_large_binary(texts.type)
    if offsets is None or not len(texts):
        return frozen(np.zeros(len(texts) + 1, np.int64)), frozen(np.zeros(0, np.uint8))
    found = np.frombuffer(offsets, np.int64 if wide else np.int32)[texts.offset :][: len(texts) + 1]
    held = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return frozen(found.astype(np.int64, copy=False)), frozen(held)
