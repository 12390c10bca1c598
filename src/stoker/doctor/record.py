"""What is kept of a stream of batches: 24 bytes a row up to a limit, a few numbers a batch.

Beyond the limit the rows whose fingerprint lies below a threshold are kept, and the threshold is halved until
they fit. The sample is by content: a row is in it each time that it comes or never, so that what repeats in
the sample repeats in the stream.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

import numpy as np

from stoker.doctor.batches import Glance, Signature
from stoker.doctor.findings import Place
from stoker.types import IntArray, Uint64Array

__all__ = ["MAX_ROWS", "KeptRows", "Record"]

MAX_ROWS = 1 << 21
"""Rows of a stream whose fingerprints are kept: 50 MB."""

_ALL = 1 << 64


class KeptRows:
    """Fingerprints of rows, with their places in the stream.

    Parameters
    ----------
    limit
        Rows to keep at most.

    Attributes
    ----------
    threshold
        Rows are kept whose fingerprint is below it: 2**64 keeps all.

    Examples
    --------
    >>> rows = KeptRows(limit=4)
    >>> rows.add(np.arange(8, dtype=np.uint64) << np.uint64(61), np.zeros(8, np.uint64), 0)
    >>> rows.share, rows.x.size, rows.place.tolist()
    (0.5, 4, [0, 1, 2, 3])
    """

    def __init__(self, limit: int = MAX_ROWS) -> None:
        self.threshold = _ALL
        self._limit = limit
        self._parts: list[tuple[Uint64Array, Uint64Array, IntArray]] = []
        self._held = 0

    def add(self, x: Uint64Array, y: Uint64Array, first: int) -> None:
        """Take in rows whose places are `first` and those that follow."""
        places = np.arange(first, first + x.size, dtype=np.int64)
        self._parts.append(self._below(x, y, places))
        self._held += self._parts[-1][0].size
        while self._held > self._limit and self.threshold > 1:
            self.threshold //= 2
            self._parts = [self._below(*self._joined())]
            self._held = self._parts[0][0].size

    def _below(
        self, x: Uint64Array, y: Uint64Array, place: IntArray
    ) -> tuple[Uint64Array, Uint64Array, IntArray]:
        if self.threshold >= _ALL:
            return x, y, place
        kept = x < np.uint64(self.threshold)
        return x[kept], y[kept], place[kept]

    def _joined(self) -> tuple[Uint64Array, Uint64Array, IntArray]:
        if len(self._parts) != 1:
            empty = np.zeros(0, np.uint64)
            parts = self._parts or [(empty, empty, np.zeros(0, np.int64))]
            x, y, place = (np.concatenate(column) for column in zip(*parts, strict=True))
            self._parts = [(x, y, place)]
        return self._parts[0]

    @property
    def share(self) -> float:
        """The share of rows that is kept, 1.0 where all are."""
        return self.threshold / _ALL

    @property
    def x(self) -> Uint64Array:
        """Fingerprints of inputs, in the stream's order."""
        return self._joined()[0]

    @property
    def y(self) -> Uint64Array:
        """Fingerprints of targets."""
        return self._joined()[1]

    @property
    def place(self) -> IntArray:
        """Places in the stream, counted from 0, ascending."""
        return self._joined()[2]


class Record:
    """A stream of batches, cut into epochs.

    Parameters
    ----------
    kind
        ``"generator"``: an epoch is what `end_epoch` closes; ``"sequence"``: an epoch is a pass;
        ``"arrays"``: there is one.
    limit
        Rows whose fingerprints are kept.

    Attributes
    ----------
    rows
        The kept fingerprints.
    sizes, whole, seconds
        Of each batch: rows, the sum of its rows' fingerprints, seconds that it took.
    epoch_ends
        Numbers of batches seen when each epoch ended.
    x_signatures, y_signatures
        How often each shape and dtype came, and where first.
    notes
        What ended or broke the stream.
    """

    def __init__(
        self, kind: Literal["generator", "sequence", "arrays"] = "generator", *, limit: int = MAX_ROWS
    ) -> None:
        self.kind = kind
        self.rows = KeptRows(limit)
        self.sizes: list[int] = []
        self.whole: list[int] = []
        self.seconds: list[float] = []
        self.epoch_ends: list[int] = []
        self.x_signatures: Counter[Signature] = Counter()
        self.y_signatures: Counter[Signature] = Counter()
        self.first_batch: dict[tuple[str, Signature], int] = {}
        self.target_prints: Counter[int] = Counter()
        self.row_ends: list[int] = []
        self.stopped: tuple[str, str] | None = None
        self._lock = threading.Lock()

    @property
    def num_batches(self) -> int:
        """Batches seen."""
        return len(self.sizes)

    @property
    def num_rows(self) -> int:
        """Rows seen."""
        return self.row_ends[-1] if self.row_ends else 0

    def add(self, seen: Glance) -> None:
        """Take in the next batch; safe to call from several threads."""
        with self._lock:
            number = len(self.sizes)
            self.rows.add(seen.x, seen.y, self.num_rows)
            self.row_ends.append(self.num_rows + seen.size)
            self.sizes.append(seen.size)
            self.whole.append(seen.whole)
            self.seconds.append(seen.seconds)
            for part, signature in (("x", seen.x_signature), ("y", seen.y_signature)):
                self.first_batch.setdefault((part, signature), number)
            self.x_signatures[seen.x_signature] += 1
            self.y_signatures[seen.y_signature] += 1
            if len(self.target_prints) < 2:
                self.target_prints.update(np.unique(seen.y)[:2].tolist())

    def end_epoch(self) -> None:
        """Say that an epoch ends behind the last batch."""
        self.epoch_ends.append(self.num_batches)

    def epoch_rows(self, epoch: int) -> slice:
        """The kept rows of a finished epoch, counted from 0."""
        bounds = [0, *(self.row_ends[end - 1] if end else 0 for end in self.epoch_ends)]
        start, stop = np.searchsorted(self.rows.place, bounds[epoch : epoch + 2])
        return slice(int(start), int(stop))

    def epoch_size(self, epoch: int) -> int:
        """All rows of a finished epoch."""
        bounds = [0, *(self.row_ends[end - 1] if end else 0 for end in self.epoch_ends)]
        return bounds[epoch + 1] - bounds[epoch]

    def batch_place(self, batch: int) -> Place:
        """Where the stream's batch of that number, counted from 0, stands."""
        epoch = int(np.searchsorted(self.epoch_ends, batch, side="right"))
        first = self.epoch_ends[epoch - 1] if epoch else 0
        return Place(epoch=epoch + 1, batch=batch - first + 1)

    def row_place(self, row: int) -> Place:
        """Where the stream's row of that number, counted from 0, stands."""
        batch = int(np.searchsorted(self.row_ends, row, side="right"))
        found = self.batch_place(batch)
        start = self.row_ends[batch - 1] if batch else 0
        return Place(epoch=found.epoch, batch=found.batch, row=row - start + 1)
