"""A generator, a Sequence or a feed as one stream of batches that goes on from epoch to epoch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

from stoker.prefetch import Prefetched, prefetch
from stoker.training.generators.batches import BatchMaker
from stoker.training.generators.items import Advance, Item, Place
from stoker.training.generators.passes import Passes
from stoker.training.generators.workers import Workers, remote
from stoker.types import Batch

__all__ = ["FeedStream", "IteratorStream", "SequenceStream", "Stream"]


class Stream(Protocol):
    """Batches without end, owned by one thread.

    Duties: those of `BatchStreamLike`; beside them `turn`, `restart` and `pass_length`.
    """

    def __next__(self) -> Batch:
        """The next batch, waiting for it if need be."""
        ...

    def ready(self) -> bool:
        """Whether the next batch can be had without waiting."""
        ...

    def turn(self, *, more: bool) -> None:
        """If a pass is complete, end it (``on_epoch_end``), and if more is wanted, begin the next."""
        ...

    def restart(self, batches: int | None) -> None:
        """Go back to the first batch, where that is possible; that many are wanted."""
        ...

    def pass_length(self) -> int | None:
        """Batches in the pass under way, or in the next one; None if nobody knows."""
        ...

    def close(self) -> None:
        """Stop all workers; idempotent."""
        ...


class IteratorStream:
    """What ``next`` gives, each item once and in order, whatever the number of workers.

    Parameters
    ----------
    iterator, make
        The user's iterator, and what turns its items into batches.
    workers
        One thread or one process advances the iterator, unless there is none.
    wanted
        Batches that can be needed in all; the iterator is never advanced beyond them. None: no bound.
    asked
        How many batches were asked for, for the message about a generator that ends early.
    lock
        Shared with another stream over the same iterator.
    """

    def __init__(
        self,
        iterator: Any,
        make: BatchMaker,
        *,
        workers: Workers,
        wanted: int | None,
        asked: str,
        lock: Lock | None = None,
    ) -> None:
        advance = Advance(iterator, make, asked, None if workers.in_processes else lock or Lock())
        self._compute, self._close_workers = remote(advance, workers.one, "generator", repeatable=False)
        numbers = itertools.count() if wanted is None else range(wanted)
        self._results = _prefetch(self._compute, numbers, workers.one)

    def __next__(self) -> Batch:
        """The next batch."""
        return next(self._results)

    def ready(self) -> bool:
        """Whether it can be had without waiting."""
        return self._results.ready()

    def turn(self, *, more: bool) -> None:
        """An iterator has no passes."""

    def restart(self, batches: int | None) -> None:
        """An iterator goes on where it is."""

    def pass_length(self) -> int | None:
        """Nobody knows."""
        return None

    def close(self) -> None:
        """Stop the worker."""
        _close(self._results, self._close_workers)


class SequenceStream:
    """Batches by index, computed in parallel and given in order, pass after pass.

    Parameters
    ----------
    sequence, make
        The user's Sequence, and what turns its items into batches.
    workers
        Threads or processes.
    wanted
        Batches that can be needed in all, None for no bound.
    seed
        Of the order of batches, None for the order of indices.
    first_pass
        Number of the first pass, for its order.
    quiet
        Call neither ``on_epoch_begin`` nor ``on_epoch_end``: another stream over the same Sequence does.
    """

    def __init__(
        self,
        sequence: Any,
        make: BatchMaker,
        *,
        workers: Workers,
        wanted: int | None,
        seed: int | None = None,
        first_pass: int = 0,
        quiet: bool = False,
    ) -> None:
        self._sequence, self._make, self._workers = sequence, make, workers
        self._passes = Passes(
            sequence, seed=seed, wanted=wanted, number=first_pass, quiet=quiet, changed=self._send_again
        )
        item = Item(sequence, make)
        self._compute, self._close_workers = remote(item, workers, "sequence", repeatable=True)
        self._results: Prefetched[Place, Batch] | None = None

    def _send_again(self) -> None:
        """Children have a Sequence of their own: it becomes what its two methods made of the parent's."""
        replace = getattr(self._compute, "replace", None)
        if replace is not None:
            replace(Item(self._sequence, self._make))

    def _opened(self) -> Prefetched[Place, Batch]:
        if self._results is None:
            self._results = _prefetch(self._compute, self._passes, self._workers)
        return self._results

    def __next__(self) -> Batch:
        """The next batch; a pass that is complete is ended before."""
        batch = next(self._opened())
        self._passes.taken += 1
        return batch

    def ready(self) -> bool:
        """Whether it can be had without waiting."""
        if not self._passes.begun and self._passes.taken == 0:
            self._passes.begin()
        return self._opened().ready()

    def turn(self, *, more: bool) -> None:
        """End the pass if it is complete, and begin the next if more is wanted."""
        if not self._passes.complete:
            return
        self._passes.end()
        if more:
            self._passes.begin()
            if self._results is not None:
                self._results.ready()

    def restart(self, batches: int | None) -> None:
        """Begin again at the first batch."""
        if self._results is not None and self._passes.drawn != self._passes.taken:
            self._results.close()
            self._results = None
        self._passes.restart(batches)

    def pass_length(self) -> int | None:
        """Batches in the pass under way, or in the next one."""
        return self._passes.length()

    def close(self) -> None:
        """Stop all workers."""
        _close(self._results, self._close_workers)


class FeedStream:
    """The epochs of a feed one after another; it has its own threads, and its own order.

    Parameters
    ----------
    feed, make
        The feed, and what multiplies class weights in.
    first_pass
        The feed's epoch to begin with.
    """

    def __init__(self, feed: Any, make: BatchMaker, *, first_pass: int = 0) -> None:
        self._feed, self._make = feed, make
        self._first = self._pass = first_pass
        self._taken = 0
        self._stream: Any = None

    def __next__(self) -> Batch:
        """The next batch of the epoch under way, or the first of the next."""
        batch = next(self._opened())
        self._taken += 1
        if self._taken == self._feed.num_batches:
            self._end_pass()
        return self._make.reweighted(batch, f"batch {batch.position.batches}")

    def ready(self) -> bool:
        """Whether it can be had without waiting."""
        return bool(self._opened().ready())

    def _opened(self) -> Any:
        if self._stream is None:
            self._stream = self._feed.epoch(self._pass)
        return self._stream

    def _end_pass(self) -> None:
        self.close()
        self._pass, self._taken = self._pass + 1, 0

    def turn(self, *, more: bool) -> None:
        """A feed needs no word between its epochs."""

    def restart(self, batches: int | None) -> None:
        """Begin again with the first epoch."""
        self.close()
        self._pass, self._taken = self._first, 0

    def pass_length(self) -> int | None:
        """Batches in an epoch."""
        return int(self._feed.num_batches)

    def close(self) -> None:
        """End the epoch under way."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def _prefetch(compute: Callable[[Any], Batch], tasks: Any, workers: Workers) -> Prefetched[Any, Batch]:
    return prefetch(compute, tasks, workers=workers.count, in_flight=workers.in_flight, name=workers.name)


def _close(results: Prefetched[Any, Batch] | None, close_workers: Callable[[], None]) -> None:
    try:
        if results is not None:
            results.close()
    finally:
        close_workers()
