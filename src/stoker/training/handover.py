"""Hands a feed's batches to Keras: one stream an epoch, a clock on each wait, errors kept as they are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from stoker.errors import WorkerError
from stoker.kernels.compiling import compiled_seconds
from stoker.training.interrupts import Interrupts
from stoker.training.protocols import BatchStreamLike, ContinuingFeed, FeedLike
from stoker.training.shares import Share
from stoker.types import Batch
from stoker.waits import StageWait

__all__ = ["Handover"]

_DIGEST = 1 << 128
_STEPS_AHEAD = 2
"""Steps that may wait to be computed while one more begins. A backend that queues them holds their batches:
JAX queued 32, so that an epoch of 16,000 steps held 30 MB of batches where one of 160 held 9."""


class Handover:
    """The batches of one feed, pulled ahead of a step and handed to it.

    Batches are pulled by `fetch` between two steps, and only handed over by `take` inside of one. On JAX a
    step takes the weights out of the model before it asks for its batch, so an error or Ctrl-C that
    arrived inside would leave a model without weights.

    Parameters
    ----------
    feed
        The source of batches.
    wait_for
        Returns when the given result of a step is computed.
    interrupts
        Ctrl-C during a wait for data is raised at once.
    around
        Entered for every pull: what the computing of a batch in this thread needs.
    role
        What the batches are for, for the message about a long wait.
    share
        What this process takes of each batch; None for all of it.

    Attributes
    ----------
    num_batches
        Batches in an epoch, as of the last `refresh`.
    wait_seconds
        Time that the model had nothing to compute because no batch was ready.
    digests
        Order and membership digest of this epoch's batches whose step was taken. Among processes that train
        together each counts what it takes, and the first one also what the others had when they last met.
    rows
        Rows of all batches whose step was taken, over all epochs, likewise.
    stopping
        To be set: called where a wait for a batch ends because somebody asks to stop.
    """

    def __init__(
        self,
        feed: FeedLike,
        *,
        wait_for: Callable[[Any], None],
        interrupts: Interrupts,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
        role: str = "training",
        share: Share | None = None,
    ) -> None:
        self.feed = feed
        self.share = share
        self.num_batches = feed.num_batches
        self.wait_seconds = self.compile_seconds = 0.0
        self._wait_for = wait_for
        self._interrupts = interrupts
        self._around = around
        self._role = role
        self.digests = (0, 0)
        self.rows = 0
        self._epoch = 0
        self._fetched = 0
        self._stream: BatchStreamLike | None = None
        self._ahead: tuple[int, BatchStreamLike] | None = None
        self._waiting: deque[Batch] = deque()
        self._sizes: deque[int] = deque()
        self._digests: deque[tuple[int, int]] = deque()
        self._results: deque[Any] = deque()
        self._held: Exception | None = None
        self._failure: tuple[Exception, BaseException | None, Any] | None = None
        self.stopping: Callable[[], None] = lambda: None

    def begin(self, epoch: int, start_batch: int = 0) -> None:
        """Serve this epoch from now on; what `open_ahead` opened for it is used."""
        ahead, self._ahead = self._ahead, None
        self.close()
        self.digests = (0, 0)
        self._epoch = epoch
        self._fetched = start_batch
        self._sizes.clear()
        self._digests.clear()
        if ahead is not None and (epoch, start_batch) == (ahead[0], 0):
            self._stream = ahead[1]
        elif ahead is not None:
            ahead[1].close()

    def open_ahead(self, epoch: int) -> None:
        """Let the workers begin with an epoch that comes after this one; does not wait."""
        stream = self._open(epoch)
        stream.ready()
        self._ahead = (epoch, stream)

    @property
    def all_fetched(self) -> bool:
        """Whether the epoch's last batch was pulled."""
        return self._fetched >= self.num_batches

    def fetch(self, count: int, last_result: Any = None) -> None:
        """Have the next ``count`` batches at hand, or what is left of the epoch.

        Parameters
        ----------
        count
            Batches that the next call of the step function takes.
        last_result
            The result of the step before: with an empty queue it is awaited first, and only then does the
            clock of `wait_seconds` start.
        """
        if last_result is not None:
            self._results.append(last_result)
        if len(self._results) > _STEPS_AHEAD:
            self._wait_for(self._results.popleft())
        if self._held is not None:
            if not self._waiting:
                raise self._held
            return
        missing = min(count - len(self._waiting), self.num_batches - self._fetched)
        for _ in range(missing):
            try:
                self._waiting.append(self._pull(last_result))
            except Exception as error:
                # Batches before the failing one are good, and the model takes them first.
                if not self._waiting:
                    raise
                self._held = error
                break

    def take(self) -> Batch:
        """The next batch; StopIteration at the end of the epoch."""
        if not self._waiting:
            if self.all_fetched or self._held is not None:
                raise StopIteration
            self.fetch(1)
        return self._waiting.popleft()

    def raise_held(self) -> None:
        """Raise the error that came behind good batches, once the steps of all of these were taken."""
        if self._held is not None and not self._sizes:
            raise self._held

    @property
    def next_size(self) -> int:
        """Rows of the batch whose step comes next, 0 if it was not pulled yet."""
        return self._sizes[0] if self._sizes else 0

    def finish(self, count: int) -> int:
        """Take note that the steps of `count` batches were taken, or of those that were left; how many."""
        found = min(count, len(self._sizes))
        for _ in range(found):
            self.rows += self._sizes.popleft()
            (order, member), (more_order, more_member) = self.digests, self._digests.popleft()
            self.digests = (order + more_order) % _DIGEST, (member + more_member) % _DIGEST
        return found

    def turn(self, *, more: bool) -> None:
        """The epoch is over: a feed with something to do between epochs does it; `more` of them come."""
        if isinstance(self.feed, ContinuingFeed):
            self.feed.turn(more=more)

    def refresh(self) -> bool:
        """Ask the feed again how many batches an epoch has; True if that changed."""
        before, self.num_batches = self.num_batches, self.feed.num_batches
        return before != self.num_batches

    def end(self) -> None:
        """Close, and stop also the workers that go on from epoch to epoch; idempotent."""
        try:
            self.close()
        finally:
            if isinstance(self.feed, ContinuingFeed):
                self.feed.end()

    def close(self) -> None:
        """Stop the epoch's workers and drop what was pulled ahead; idempotent."""
        self._waiting.clear()
        self._results.clear()
        self._held = None
        self._close_stream()
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead[1].close()

    @property
    def has_failed(self) -> bool:
        """Whether a batch could not be had; steps were taken on all that came before it."""
        return self._failure is not None

    def raise_failure(self) -> None:
        """Raise the error of a worker once more, with the type and cause it had before Keras saw it."""
        if self._failure is not None:
            error, cause, traceback = self._failure
            self._failure = None
            raise error.with_traceback(traceback) from cause

    def _pull(self, last_result: Any) -> Batch:
        try:
            with self._around():
                batch = self._next(last_result)
        except Exception as error:
            self._failure = (error, error.__cause__, error.__traceback__)
            raise
        except (KeyboardInterrupt, SystemExit):
            self.stopping()
            raise
        self._fetched += 1
        self._sizes.append(batch.size)
        self._digests.append((batch.order_digest, batch.member_digest))
        if self.all_fetched:
            self._close_stream()
        return batch

    def _next(self, last_result: Any) -> Batch:
        if self._stream is None:
            with self._interrupts.immediate():
                self._stream = self._open(self._epoch, self._fetched)
        try:
            if self._stream.ready():
                return next(self._stream)
            with self._interrupts.immediate():
                self._wait_for(last_result)
                started, compiled = time.perf_counter(), compiled_seconds()
                number, epoch = self._fetched + 1, self._epoch + 1
                with StageWait(f"batch {number:,} of epoch {epoch:,} of the {self._role}"):
                    batch = next(self._stream)
        except StopIteration:
            raise WorkerError(
                f"epoch {self._epoch} ended after {self._fetched} batches, expected {self.num_batches}"
            ) from None
        waited, compiled = time.perf_counter() - started, compiled_seconds() - compiled
        self.compile_seconds += min(compiled, waited)
        self.wait_seconds += max(waited - compiled, 0.0)
        return batch

    def _open(self, epoch: int, start_batch: int = 0) -> BatchStreamLike:
        if self.share is None:
            return self.feed.epoch(epoch, start_batch)
        return self.share.open(self.feed, epoch, start_batch)

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
