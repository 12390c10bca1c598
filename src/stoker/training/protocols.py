"""What training asks of a feed; `stoker.feed.Feed` has it, and so may any other source of batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from stoker.types import Batch, FeedSpec

__all__ = ["BatchStreamLike", "ContinuingFeed", "Expected", "ExpectedBatch", "FeedLike"]

ExpectedBatch: TypeAlias = tuple[Any, Any, Any]
"""Inputs, targets and sample weights of the shapes and types of a batch, whatever they hold."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a feed's batches before they come.

    Attributes
    ----------
    batches
        Of the shapes and types that they will have, as far as these are known.
    rare_rows
        Batches of fewer rows come so rarely that it matters more how long their program takes to compile than
        how long it takes to run; 0 where that is true of none.
    """

    batches: tuple[ExpectedBatch, ...] = ()
    rare_rows: int = 0


class BatchStreamLike(Protocol):
    """The batches of one epoch, in order; owned by one thread.

    Duties: `ready` never blocks and is True when the next batch can be had without waiting, or when the
    next call raises at once; `close` is idempotent and stops every worker of the stream.
    """

    def __iter__(self) -> Iterator[Batch]:
        """The stream itself."""
        ...

    def __next__(self) -> Batch:
        """The next batch, waiting for it if need be."""
        ...

    def ready(self) -> bool:
        """Whether the next batch can be had without waiting."""
        ...

    def close(self) -> None:
        """Stop all workers and free all buffers."""
        ...


class FeedLike(Protocol):
    """Batches by epoch, and what is known of them beforehand."""

    @property
    def spec(self) -> FeedSpec:
        """The shape of the task."""
        ...

    @property
    def num_batches(self) -> int:
        """Batches in an epoch, the short last one included."""
        ...

    @property
    def num_rows(self) -> int | None:
        """Rows in an epoch, None if nobody knows."""
        ...

    @property
    def batch_size(self) -> int | None:
        """Rows in every batch but the last, None if nobody knows."""
        ...

    @property
    def ledger(self) -> Any:
        """The memory ledger: ``current``, ``peak``, ``limit`` in bytes."""
        ...

    def epoch(self, epoch: int, start_batch: int = 0) -> BatchStreamLike:
        """The batches of an epoch from ``start_batch`` on."""
        ...

    def derive(self, source: Any, /) -> FeedLike:
        """A feed over other rows that shares transforms, classes and the memory budget."""
        ...


@runtime_checkable
class ContinuingFeed(Protocol):
    """A feed whose workers go on from epoch to epoch, and which has something to do between two of them."""

    def turn(self, *, more: bool) -> None:
        """An epoch and its validation are over; more of them come, or none."""
        ...

    def end(self) -> None:
        """Stop all workers; idempotent."""
        ...
