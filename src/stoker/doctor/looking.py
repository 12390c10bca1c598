"""Pulling batches and keeping what is to be known of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from stoker.doctor.batches import Glance, glance
from stoker.doctor.record import MAX_ROWS, Record
from stoker.errors import DataError, OptionError
from stoker.training.generators.kinds import is_arrays, kind_of, length_of

__all__ = ["Budget", "Look", "look_at", "rows_behind"]

EPOCHS = 2
"""Epochs that are compared."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """How much may be looked at.

    Attributes
    ----------
    batches
        Of each stream, None for two epochs whatever their length.
    limit
        Rows of each stream whose fingerprints are kept.
    progress
        Told the batches looked at and those to come.
    """

    batches: int | None = None
    limit: int = MAX_ROWS
    progress: Callable[[int, int], None] = lambda done, total: None


@dataclass(slots=True, kw_only=True)
class Look:
    """What was seen of one stream.

    Attributes
    ----------
    record
        The stream.
    length
        Batches in a pass of a Sequence.
    left_out
        New rows that a Sequence has behind its length.
    item
        The first batch as it came.
    cut
        Whether the budget ended before the first epoch did.
    """

    record: Record
    length: int | None = None
    left_out: int = 0
    item: Any = None
    cut: bool = False
    budget: Budget = field(default_factory=Budget)

    def take(self, item: Any, seconds: float) -> None:
        """Record a batch, or why it is none."""
        if self.record.num_batches == 0:
            self.item = item
        self.record.add(glance(item, seconds))

    @property
    def spent(self) -> bool:
        """Whether no more may be looked at."""
        return self.budget.batches is not None and self.record.num_batches >= self.budget.batches


def look_at(source: Any, *, steps: int | None, epochs: int, budget: Budget) -> Look:
    """Look at two epochs of a generator, a Sequence or arrays.

    Parameters
    ----------
    source
        Gives batches. A Sequence's ``on_epoch_begin`` and ``on_epoch_end`` are called once a pass.
    steps
        Batches an epoch of a generator.
    epochs
        Epochs asked for; behind them, what a generator does is not held against it.
    budget
        How much may be looked at.

    Raises
    ------
    OptionError
        If it gives no batches, is a Feed, or has neither length nor `steps`.
    """
    if is_arrays(source):
        return _look_at_arrays(source, budget)
    kind = kind_of(source)
    if kind == "feed":
        raise OptionError(
            "a stoker.Feed needs no examination: it uses every row once an epoch, in another order each time"
        )
    length = length_of(source) if kind == "sequence" else None
    if length is not None:
        return _look_at_sequence(source, length, epochs, budget)
    if steps is None:
        raise OptionError(f"steps are needed: a {type(source).__name__} has no length")
    batches = (source[place] for place in count()) if kind == "sequence" else iter(source)
    return _look_at_iterator(batches, steps, epochs, budget)


def _look_at_arrays(arrays: Any, budget: Budget) -> Look:
    look = Look(record=Record("arrays", limit=budget.limit), budget=budget)
    if _guarded(look, lambda: tuple(arrays), asked=True):
        look.record.end_epoch()
    return look


def _look_at_iterator(batches: Iterator[Any], steps: int, epochs: int, budget: Budget) -> Look:
    look = Look(record=Record("generator", limit=budget.limit), budget=budget)
    total = EPOCHS * steps if budget.batches is None else min(budget.batches, EPOCHS * steps)
    for epoch in range(EPOCHS):
        for _ in range(steps):
            if look.spent:
                look.cut = epoch == 0
                return look
            if not _guarded(look, lambda: next(batches), asked=epoch < epochs):
                return look
            budget.progress(look.record.num_batches, total)
        look.record.end_epoch()
    return look


def _look_at_sequence(sequence: Any, length: int, epochs: int, budget: Budget) -> Look:
    look = Look(record=Record("sequence", limit=budget.limit), length=length, budget=budget)
    for epoch in range(min(EPOCHS, epochs)):
        getattr(sequence, "on_epoch_begin", lambda: None)()
        total = min(EPOCHS, epochs) * length
        for place in range(length):
            if look.spent:
                look.cut = epoch == 0
                return look
            if not _guarded(look, lambda place=place: sequence[place], asked=True):  # type: ignore[misc]
                return look
            budget.progress(look.record.num_batches, total)
        look.record.end_epoch()
        if epoch == 0:
            look.left_out = rows_behind(sequence, length, look.record)
        getattr(sequence, "on_epoch_end", lambda: None)()
        length = length_of(sequence) or length
    return look


def _guarded(look: Look, make: Callable[[], Any], *, asked: bool) -> bool:
    """Take one batch; where there is none, note why."""
    start = time.perf_counter()
    try:
        item = make()
    except StopIteration:
        if asked:
            look.record.stopped = ("ends-early", "")
        return False
    except Exception as error:
        look.record.stopped = ("raises", f"{type(error).__name__}: {error}".rstrip(": "))
        return False
    try:
        look.take(item, time.perf_counter() - start)
    except DataError as error:
        look.record.stopped = ("no-batch", str(error))
        return False
    return True


def rows_behind(sequence: Any, length: int, record: Record) -> int:
    """Rows of ``sequence[length]``, all new: a length that was rounded down leaves them out."""
    try:
        behind: Glance = glance(sequence[length])
    except Exception:  # what lies behind the end may do anything
        return 0
    kept = behind.x[behind.x < np.uint64(min(record.rows.threshold, (1 << 64) - 1))]
    new = int((~np.isin(kept, record.rows.x)).sum())
    return behind.size if kept.size and new == kept.size else 0
