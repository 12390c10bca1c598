"""Runs of counted n-grams, held or in the temporary file, and their sums a range of hashes at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stoker.kernels import pairs as kernel
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.transforms.spill import Extent, Spill
from stoker.types import IntArray, Uint64Array

__all__ = ["LOAD", "RUN_BYTES", "SLOT_BYTES", "Found", "Runs", "WrittenRun", "collected"]

SLOT_BYTES = 16
"""Of a table that counts."""

LOAD = 0.7
"""Share of its slots that may be taken."""

RUN_BYTES = 13
"""What a run takes for an n-gram, with where each bucket of hashes begins."""

_TOGETHER = 1 << 16
"""So many numbers of a table are looked at at once: what is made of them stays in a core's cache."""

_SLOTS_A_BUCKET = 64
_SMALLEST = 1 << 4
_MERGE_BYTES = 64
"""What merging takes for an n-gram: slots, at most two for each that is taken, and a part of a run."""

_SHARES_A_WORKER = 4

Uint32Array = npt.NDArray[np.uint32]
Found = tuple[Uint64Array, IntArray]
WrittenRun = tuple[Uint32Array, Uint32Array, int]
"""Pairs, where their buckets begin, and the bits of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run, see `stoker.kernels.pairs`, and where its buckets begin: both held, or both in the file."""

    pairs: Uint32Array | Extent
    bounds: Uint32Array | Extent
    bits: int


class Runs:
    """What tables held when they were written down; any thread may add.

    Parameters
    ----------
    spill, ledger
        Where runs go that are not to be held; charged for those that are.

    Attributes
    ----------
    num_pairs
        How many all runs hold together.
    """

    def __init__(self, spill: Spill, ledger: Ledger) -> None:
        self._spill, self._ledger = spill, ledger
        self._runs: list[_Run] = []
        self._lock = threading.Lock()
        self.num_pairs = 0

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, table: Uint64Array, used: int, *, hold: bool) -> None:
        """Write down a table with so many slots taken."""
        bits = (table.size // 2 // _SLOTS_A_BUCKET).bit_length() - 1
        bounds = self._ledger.attach("n-grams", np.zeros((1 << bits) + 2, np.uint32))
        pairs = self._ledger.attach("n-grams", np.empty(3 * used, np.uint32))
        kernel.write_run(table, bits, bounds, pairs)
        if hold:
            run = _Run(pairs=pairs, bounds=bounds, bits=bits)
        else:
            run = _Run(pairs=self._spill.write(pairs), bounds=self._spill.write(bounds[:-1]), bits=bits)
        with self._lock:
            self._runs.append(run)
            self.num_pairs += used

    def written(self) -> Iterator[WrittenRun]:
        """The runs, for another to `take`."""
        for run in self._runs:
            bounds, pairs = (
                self._spill.read(part) if isinstance(part, Extent) else part
                for part in (run.bounds, run.pairs)
            )
            yield pairs, bounds, run.bits

    def take(self, run: WrittenRun) -> None:
        """Have a run that another wrote down, in the file."""
        pairs, bounds, bits = run
        held = _Run(pairs=self._spill.write(pairs), bounds=self._spill.write(bounds), bits=bits)
        with self._lock:
            self._runs.append(held)
            self.num_pairs += pairs.size // 3

    def merged(self, least: int, *, memory: int, workers: int) -> Iterator[Found]:
        """The pairs that at least so many texts hold and their counts, in no order; a worker's `memory`."""
        room = max(1, memory // _MERGE_BYTES)
        shares = max(1, _SHARES_A_WORKER * workers, -(-self.num_pairs // room))
        bits = min((shares - 1).bit_length(), *(run.bits for run in self._runs))

        def merge(share: int) -> Found:
            return self._merge(share, bits, least)

        with prefetch(
            merge, range(1 << bits), workers=workers, in_flight=workers + 1, name="n-grams"
        ) as found:
            yield from found

    def _merge(self, share: int, bits: int, least: int) -> Found:
        """What is in the runs whose hashes begin with these bits."""
        parts = [(run, *self._bounds(run, share, bits)) for run in self._runs]
        total = sum(stop - start for _, start, stop in parts)
        slots = max(_SMALLEST, 1 << int(total / LOAD).bit_length())
        table = self._ledger.attach("n-grams", np.zeros(2 * slots, np.uint64))
        for run, start, stop in parts:
            kernel.add_run(self._part(run, start, stop), bits, table)
        return collected(table, least)

    def _bounds(self, run: _Run, share: int, bits: int) -> tuple[int, int]:
        """Where the pairs begin whose hashes begin with these bits, and where they end."""
        each = 1 << (run.bits - bits)
        first, last, bounds = share * each, (share + 1) * each, run.bounds
        if isinstance(bounds, Extent):
            bounds, last, first = self._spill.read(bounds, first, last + 1), each, 0
        return int(bounds[first]), int(bounds[last])

    def _part(self, run: _Run, start: int, stop: int) -> Uint32Array:
        if isinstance(run.pairs, Extent):
            return self._spill.read(run.pairs, 3 * start, 3 * stop)
        return run.pairs[3 * start : 3 * stop]


def collected(table: Uint64Array, least: int) -> Found:
    """The pairs of a table that at least so many texts hold, in no order, and their counts."""
    pairs, counts = [], []
    for first in range(0, table.size, _TOGETHER):
        slots = table[first : first + _TOGETHER].reshape(-1, 2)
        texts = slots[:, 1].astype(np.uint32)  # the upper half is a row
        held = np.flatnonzero((slots[:, 0] != 0) & (texts >= least))
        pairs.append(slots[held, 0] - np.uint64(1))
        counts.append(texts[held].astype(np.int64))
    return np.concatenate(pairs), np.concatenate(counts)
