"""The duties of those who read, order and transform rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy.typing as npt

from stoker.types.order import OrderSpec, Rank, ReadRequest
from stoker.types.rows import IntArray, Rows

__all__ = [
    "Progress",
    "RowReader",
    "RowSink",
    "Sampler",
    "Transform",
]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with what is done and what there is in all."""


@runtime_checkable
class RowReader(Protocol):
    """Rows addressable by row id: a surveyed file, the cache, or rows kept in memory.

    Duties: `read` is safe to call from several threads at once, never blocks on another reader, returns the
    same values for the same ids every time, and raises `ChangedDataError` when the bytes are not those of the
    survey. Instances hold no open descriptor between calls that `close` does not release.
    """

    @property
    def num_slots(self) -> int:
        """Record slots, bad rows included."""
        ...

    def read(self, ids: IntArray) -> Rows:
        """Rows of the given ids, which are strictly ascending, in that order."""
        ...

    def close(self) -> None:
        """Release descriptors and mappings; idempotent."""
        ...


class RowSink(Protocol):
    """Takes in every row of a source once, in order."""

    def add(self, rows: Rows, *, num_slots: int) -> None:
        """Take in the next rows; `num_slots` is an estimate of the rows in all."""
        ...

    def drop(self) -> None:
        """No more come, and those that came are of no use; idempotent."""
        ...


class Sampler(Protocol):
    """The order of rows as arithmetic: a pure function of (OrderSpec, epoch, window).

    Duties: stateless, picklable, the same answer on every machine and version.
    """

    spec: OrderSpec

    def request(self, epoch: int, window: int, rank: Rank | None = None) -> ReadRequest:
        """What to read for a window, and its order; of a rank, what it needs alone."""
        ...

    def positions(self, epoch: int, start: int, stop: int) -> IntArray:
        """View positions of the places [start, stop) of the epoch's order, int64."""
        ...


class Transform(Protocol):
    """Turns columns into arrays; learns what it needs in mergeable passes over the training rows.

    Duties: `__init__` only stores; learned names end in ``_``; `partial_fit` sees the rows in row order
    but in any chunking, and the result does not depend on the chunking; `merge` takes one fitted on the
    rows that follow; `apply` is thread-safe, changes nothing, and returns fresh arrays; `state` is plain data
    (None, bool, int, float, str, list, dict) from which `from_state` makes an equal transform.
    """

    def partial_fit(self, rows: Rows) -> Transform:
        """Learn from the next rows."""
        ...

    def merge(self, other: Transform) -> Transform:
        """Take in what `other` learned from the rows that follow."""
        ...

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Arrays for the given row numbers of `rows`, in the order of `take`."""
        ...

    def state(self) -> dict[str, Any]:
        """What was learned and chosen, as plain data."""
        ...
