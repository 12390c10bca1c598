"""A stream's rows beside what the training call asks of them, for the judges."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from stoker.doctor.findings import Place, Stream
from stoker.doctor.passes import Difference, compare, earlier, first_pass, repeats_with_lag
from stoker.doctor.record import Record
from stoker.types import IntArray, Uint64Array

__all__ = ["Asked", "StreamRows"]

_ALMOST_NONE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the training call asks of a stream.

    Attributes
    ----------
    stream
        Training or validation.
    steps
        Batches an epoch, None where a Sequence's own length is taken.
    epochs
        Epochs that are asked for; with one, what differs between epochs is of no account.
    shuffle
        Whether the training call shuffles a Sequence's batches.
    length
        Batches in a pass of a Sequence, None where nobody knows.
    left_out
        Rows that a Sequence has behind its length.
    """

    stream: Stream = "training"
    steps: int | None = None
    epochs: int = 2
    shuffle: bool = True
    length: int | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class StreamRows:
    """A record's rows, with what every question about them needs.

    Attributes
    ----------
    before
        For each kept row the place among them of the same row before it, or -1.
    pass_length
        Kept rows of one pass of the data, None where that cannot be told.
    periodic
        Whether the passes that follow have the order of the first.
    difference
        Between the first two epochs, None where they were not seen to their end.
    """

    record: Record
    asked: Asked
    before: IntArray = field(init=False)
    pass_length: int | None = field(init=False)
    periodic: bool = field(init=False)
    difference: Difference | None = field(init=False)

    def __post_init__(self) -> None:
        before = earlier(self.prints)
        length = first_pass(before)
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "pass_length", length)
        object.__setattr__(self, "periodic", length is not None and repeats_with_lag(self.prints, length))
        object.__setattr__(self, "difference", self._compared())

    def _compared(self) -> Difference | None:
        if self.finished < 2:
            return None
        return compare(self.prints[self.record.epoch_rows(0)], self.prints[self.record.epoch_rows(1)])

    @property
    def prints(self) -> Uint64Array:
        """Fingerprints of the kept rows."""
        return self.record.rows.x

    @property
    def finished(self) -> int:
        """Epochs seen to their end."""
        return len(self.record.epoch_ends)

    @property
    def first_epoch(self) -> int:
        """Kept rows of the first epoch, as far as it was seen."""
        return self.record.epoch_rows(0).stop if self.finished else self.prints.size

    @property
    def same_rows(self) -> bool:
        """Whether both epochs hold the same rows, however often."""
        if self.finished < 2:
            return False
        first, second = (self.prints[self.record.epoch_rows(epoch)] for epoch in range(2))
        return np.array_equal(np.unique(first), np.unique(second))

    @property
    def is_fresh(self) -> bool:
        """Whether the second epoch has hardly a row of the first."""
        return self.difference is not None and self.difference.common < _ALMOST_NONE * self.first_epoch

    def counted(self, kept: int) -> str:
        """A number of kept rows as one of all rows."""
        share = self.record.rows.share
        number = f"{round(kept / share):,}".replace(",", " ")
        return number if share == 1 else f"about {number}"

    def extent(self, kept: int) -> int:
        """How many rows of the stream the first so many kept ones stand for; nearly, of a sample."""
        if self.finished and kept == self.first_epoch:
            return self.record.epoch_size(0)
        return int(self.record.rows.place[kept - 1]) + 1 if kept else 0

    def reach(self, kept: int) -> str:
        """`extent` in words."""
        exact = self.record.rows.share == 1 or (self.finished and kept == self.first_epoch)
        number = f"{self.extent(kept):,}".replace(",", " ")
        return number if exact else f"about {number}"

    def place(self, kept: int) -> Place:
        """Where a kept row stands."""
        return self.record.row_place(int(self.record.rows.place[kept]))

    def steps_for(self, kept: int) -> int:
        """Batches that the rows of the stream up to so many kept ones make."""
        return math.ceil(self.extent(kept) / int(np.median(self.record.sizes)))
