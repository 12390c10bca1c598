"""The order of rows: what decides it, where a run is in it, and what is read for a stretch of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from stoker.types.rows import IntArray

__all__ = [
    "OrderKind",
    "OrderSpec",
    "Position",
    "Rank",
    "ReadRequest",
    "StreamLimits",
]

OrderKind: TypeAlias = Literal["sequential", "exact", "block"]

_MOST_ROWS = (1 << 60) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a run is: the epoch and the number of its batches that are finished."""

    epoch: int
    batches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSpec:
    """All that decides the order of rows; resolved once by the plan and stored with the run.

    ``window`` is a multiple of ``batch_size``; ``lanes`` is the largest power of two, at most 16, that
    divides ``batch_size``. ``block`` is 1 for the sequential and the exact order.
    """

    kind: OrderKind
    seed: int
    batch_size: int
    num_rows: int
    block: int
    window: int
    lanes: int

    def __post_init__(self) -> None:
        if self.kind not in ("sequential", "exact", "block"):
            raise ValueError(f"order kind must be sequential, exact or block, got {self.kind!r}")
        if not all(1 <= number <= _MOST_ROWS for number in (self.batch_size, self.num_rows, self.block)):
            raise ValueError(f"batch_size, num_rows and block must be at least 1 and below 2**60, got {self}")
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"seed must lie in [0, 2**64), got {self.seed}")
        if not self.batch_size <= self.window <= _MOST_ROWS or self.window % self.batch_size:
            raise ValueError(
                f"window must be a positive multiple of batch_size, got {self.window} and {self.batch_size}"
            )
        if self.lanes < 1 or self.batch_size % self.lanes:
            raise ValueError(f"lanes must divide batch_size, got {self.lanes} and {self.batch_size}")

    @property
    def num_batches(self) -> int:
        """Batches in an epoch, the short last one included."""
        return -(-self.num_rows // self.batch_size)

    @property
    def num_windows(self) -> int:
        """Windows in an epoch, the short last one included."""
        return -(-self.num_rows // self.window)


@dataclass(frozen=True, slots=True)
class Rank:
    """One of several processes that train together, each on places of its own of every batch.

    Of n ranks, rank r takes the places [rB // n, (r + 1)B // n) of every batch of B places, and of a short
    last batch those of them that there are. How many ranks there are enters nothing else: neither which row
    stands at which place, nor how many batches an epoch has.

    Attributes
    ----------
    index, count
        r and n.

    Raises
    ------
    ValueError
        If `index` does not lie in [0, `count`).

    Examples
    --------
    >>> [Rank(index, 3).places(8) for index in range(3)]
    [(0, 2), (2, 5), (5, 8)]
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f"a rank's index must lie in [0, {self.count}), got {self.index}")

    def places(self, batch_size: int) -> tuple[int, int]:
        """The first place of a batch that is this rank's, and the one behind its last."""
        return self.index * batch_size // self.count, (self.index + 1) * batch_size // self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Which rows to read for one window, and how to split them into batches.

    Attributes
    ----------
    epoch, window
        Whose rows these are.
    ranges
        int64 of shape (r, 2): half-open ranges of view positions, ascending and disjoint.
    order
        int64 of shape (n,): the i-th of the covered places of the window, batch after batch, holds row
        ``order[i]`` of the concatenated ranges.
    first_batch
        The epoch's number of the window's first batch.
    places
        Which places of each batch are covered, from the first to the one behind the last: all, or a rank's.
        The short last batch has those of them that there are, which may be none.
    """

    epoch: int
    window: int
    ranges: IntArray
    order: IntArray
    first_batch: int
    places: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """How far a stream works ahead; none of it changes what it yields.

    Attributes
    ----------
    workers
        Threads of each stage; 0 reads and transforms in the consuming thread.
    windows_in_flight
        Windows read ahead of the one in use; 0 reads the next when the last is used up.
    group_batches
        Batches that are made in one go.
    groups_in_flight
        Groups of batches made ahead.
    """

    workers: int
    windows_in_flight: int
    group_batches: int
    groups_in_flight: int
