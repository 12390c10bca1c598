"""Generators that are looked at while they train: each batch passes through, and its fingerprints stay."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Lock
from typing import Any

from stoker.doctor.batches import Glance, glance
from stoker.doctor.looking import EPOCHS
from stoker.doctor.record import Record
from stoker.errors import DataError
from stoker.training.generators.kinds import kind_of, length_of

__all__ = ["watched"]


def watched(source: Any, steps: int | None) -> tuple[Any, Record]:
    """A generator or Sequence that gives what `source` gives, and the record of its first two epochs.

    A Sequence without a length has no passes, and is not looked at.

    Parameters
    ----------
    source
        Is advanced, or asked for batches, exactly as the one that is returned is.
    steps
        Batches an epoch of a generator.

    Examples
    --------
    >>> import numpy as np
    >>> batches, record = watched(iter([(np.zeros((4, 2)), np.zeros(4))] * 3), 3)
    >>> len(list(batches)), record.num_rows
    (3, 12)
    """
    if kind_of(source) == "iterator":
        record = Record("generator")
        iterator = source if hasattr(source, "__next__") else iter(source)
        return _Iterator(iterator, record, steps or 0), record
    record = Record("sequence")
    return (source if length_of(source) is None else _Sequence(source, record)), record


class _Iterator:
    """An iterator; one thread at a time advances it."""

    def __init__(self, iterator: Iterator[Any], record: Record, steps: int) -> None:
        self._iterator = iterator
        self._record = record
        self._steps = steps

    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> Any:
        record = self._record
        start = time.perf_counter()
        try:
            item = next(self._iterator)
        except StopIteration:
            record.stopped = record.stopped or ("ends-early", "")
            raise
        except Exception as error:
            record.stopped = ("raises", f"{type(error).__name__}: {error}".rstrip(": "))
            raise
        if record.stopped is None and len(record.epoch_ends) < EPOCHS:
            seen = _seen(record, item, time.perf_counter() - start)
            if seen is not None:
                record.add(seen)
            if self._steps and record.num_batches == self._steps * (len(record.epoch_ends) + 1):
                record.end_epoch()
        return item


class _Sequence:
    """A Sequence, asked by several threads in any order; what is not looked at is the Sequence's own."""

    def __init__(self, sequence: Any, record: Record) -> None:
        self._sequence = sequence
        self._record = record
        self._asked: dict[int, int] = {}
        self._passes: list[tuple[int, dict[int, Glance]]] = []
        self._lock = Lock()

    def __len__(self) -> int:
        return length_of(self._sequence) or 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._sequence, name)

    def __getitem__(self, place: int) -> Any:
        record = self._record
        with self._lock:
            turn = self._asked[place] = self._asked.get(place, -1) + 1
            while len(self._passes) <= min(turn, EPOCHS - 1):
                self._passes.append((len(self), {}))
        start = time.perf_counter()
        item = self._sequence[place]
        taken = time.perf_counter() - start
        if turn < EPOCHS and record.stopped is None:
            seen = _seen(record, item, taken)
            with self._lock:
                if seen is not None:
                    self._passes[turn][1][place] = seen
                self._record_full_passes()
        return item

    def _record_full_passes(self) -> None:
        """Record a pass when all of its batches were made, in the order of their numbers."""
        while len(self._record.epoch_ends) < len(self._passes):
            length, held = self._passes[len(self._record.epoch_ends)]
            if len(held) < length:
                return
            for place in sorted(held):
                self._record.add(held[place])
            held.clear()
            self._record.end_epoch()


def _seen(record: Record, item: Any, seconds: float) -> Glance | None:
    try:
        return glance(item, seconds)
    except DataError as error:
        record.stopped = ("no-batch", str(error))
        return None
