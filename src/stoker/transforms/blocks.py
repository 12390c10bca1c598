"""Consecutive texts as streams of word numbers, held or in a temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from stoker.transforms.spill import Extent, Spill
from stoker.transforms.wordlists import Int32Array
from stoker.types import IntArray

__all__ = ["Block", "StoredBlock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive texts as a stream of word numbers.

    Attributes
    ----------
    stream
        int32 numbers of a dictionary.
    ends
        int64 of shape (n,): where each text ends in the stream.
    labels
        int64 of shape (n,), or empty.
    first_row
        Row of the first text.
    dictionary
        Which dictionary.
    """

    stream: Int32Array
    ends: IntArray
    labels: IntArray
    first_row: int
    dictionary: int

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.stream.nbytes + self.ends.nbytes + self.labels.nbytes

    def parts(self, most: int) -> Iterator[Block]:
        """The same texts in blocks of at most so many words, unless a single text has more."""
        start = row = 0
        while row < self.ends.size:
            stop = max(row + 1, int(np.searchsorted(self.ends, start + most, "right")))
            end = int(self.ends[stop - 1])
            yield replace(
                self,
                stream=self.stream[start:end],
                ends=self.ends[row:stop] - start,
                labels=self.labels[row:stop],
                first_row=self.first_row + row,
            )
            start, row = end, stop


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block whose arrays lie in a temporary file.

    Attributes
    ----------
    first_row, dictionary
        See `Block`.
    spill, extents
        The file, and where the stream, the ends and the labels lie there.
    """

    first_row: int
    dictionary: int
    spill: Spill
    extents: list[Extent]

    @classmethod
    def of(cls, block: Block, spill: Spill) -> Self:
        """Write a block to the file."""
        extents = [spill.write(part) for part in (block.stream, block.ends, block.labels)]
        return cls(block.first_row, block.dictionary, spill, extents)

    def load(self) -> Block:
        """Read it."""
        stream, ends, labels = (self.spill.read(extent) for extent in self.extents)
        return Block(
            stream=stream, ends=ends, labels=labels, first_row=self.first_row, dictionary=self.dictionary
        )
