"""The vocabulary that the rooms share: rows, requests, batches, and the duties of those who make them.

Shapes are written with ``n`` rows, ``k`` numeric feature columns and ``B`` rows a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = [
    "Arrays",
    "Batch",
    "ColumnKind",
    "ColumnSpec",
    "FeedSpec",
    "IntArray",
    "Matrix",
    "OrderKind",
    "OrderSpec",
    "Position",
    "ReadRequest",
    "RowReader",
    "Rows",
    "Sampler",
    "Shard",
    "StreamLimits",
    "Task",
    "Transform",
    "Uint64Array",
]

IntArray: TypeAlias = npt.NDArray[np.int64]
Uint64Array: TypeAlias = npt.NDArray[np.uint64]
Arrays: TypeAlias = "npt.NDArray[Any] | Mapping[str, npt.NDArray[Any]]"
ColumnKind: TypeAlias = Literal["int", "float", "text"]
Task: TypeAlias = Literal["binary", "classes", "regression"]
OrderKind: TypeAlias = Literal["sequential", "exact", "block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column as it is held for a whole run: inferred from a sample, confirmed by the survey."""

    name: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """What a model must know of the data: what comes in, what is asked for.

    Attributes
    ----------
    input_shape
        Shape of one row of x.
    input_dtype
        dtype of x.
    features
        Names of the columns of x.
    task
        ``binary``: y is 0 or 1, int32 (B,); ``classes``: y is a class index, int32 (B,); ``regression``: y is
        float32 (B,).
    classes
        The labels behind the class indices, sorted; None for regression.
    num_outputs
        Units of the last layer: 1 for binary and regression, the number of classes otherwise.
    label
        Name of the label column.
    """

    input_shape: tuple[int, ...]
    input_dtype: str
    features: tuple[str, ...]
    task: Task
    classes: tuple[str | int | float, ...] | None
    num_outputs: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of ``count`` equal contiguous parts, counted from 0."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= self.index < self.count:
            raise ValueError(f"shard index must lie in [0, count), got {self.index} of {self.count}")


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
        if self.batch_size < 1 or self.num_rows < 1 or self.block < 1:
            raise ValueError(f"batch_size, num_rows and block must be at least 1, got {self}")
        if self.window < self.batch_size or self.window % self.batch_size:
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
        int64 of shape (n,): place i of the window holds row ``order[i]`` of the concatenated ranges.
    first_batch
        The epoch's number of the window's first batch.
    """

    epoch: int
    window: int
    ranges: IntArray
    order: IntArray
    first_batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Row-major numeric columns, in memory or mapped, perhaps in several pieces of one flat buffer.

    Row ``i`` begins at element ``starts[i // rows_per_piece] + (i % rows_per_piece) * num_columns`` of
    ``values``. A plain array is one piece that starts at 0.
    """

    values: npt.NDArray[Any]
    starts: IntArray
    rows_per_piece: int
    num_columns: int

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> Matrix:
        """Wrap a C-contiguous array of shape (n, k)."""
        if array.ndim != 2 or not array.flags.c_contiguous:
            raise ValueError(f"expected a C-contiguous array of two dimensions, got shape {array.shape}")
        return cls(
            values=array.reshape(-1),
            starts=np.zeros(1, np.int64),
            rows_per_piece=max(1, array.shape[0]),
            num_columns=array.shape[1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Parsed rows: numeric features packed in one matrix, every other column beside it.

    Attributes
    ----------
    num_rows
        n.
    features
        Names of the matrix's columns, k of them.
    matrix
        One dtype for all; missing values are NaN (so a column with blanks makes the matrix float64).
    columns
        The other columns by name, the label among them: a NumPy array (int64 or float64) or a
        ``pyarrow.Array``/``ChunkedArray`` of strings. Stored like the matrix: see `index`.
    index
        int64 of shape (n,): row i is stored at place ``index[i]`` of matrix and columns; None means place i.
    """

    num_rows: int
    features: tuple[str, ...]
    matrix: Matrix | None
    columns: Mapping[str, Any] = field(default_factory=dict)
    index: IntArray | None = None

    def places(self, rows: IntArray) -> IntArray:
        """Storage places of the given row numbers, int64 of the same shape."""
        return rows if self.index is None else self.index[rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a model takes in one step. The arrays belong to the receiver: stoker never writes them again.

    ``ids`` are the row ids, ``kept`` the columns that were asked to come along, both in batch order.
    ``digest_words`` are this batch's terms of the epoch's two digests, uint64 of shape (4,): the order
    digest's lower and upper word, then the membership digest's.
    """

    x: Arrays
    y: npt.NDArray[Any] | None
    sample_weight: npt.NDArray[np.float32] | None = None
    size: int
    position: Position
    ids: IntArray | None = None
    digest_words: Uint64Array | None = None
    kept: Mapping[str, Any] | None = None

    @property
    def order_digest(self) -> int:
        """The batch's term of the epoch's order digest, modulo 2**128; 0 where rows have no ids."""
        return self._digest(0)

    @property
    def member_digest(self) -> int:
        """The batch's term of the epoch's membership digest, modulo 2**128; 0 where rows have no ids."""
        return self._digest(2)

    def _digest(self, first: int) -> int:
        words = self.digest_words
        return 0 if words is None else int(words[first]) + (int(words[first + 1]) << 64)


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


class Sampler(Protocol):
    """The order of rows as arithmetic: a pure function of (OrderSpec, epoch, window).

    Duties: stateless, picklable, the same answer on every machine and version.
    """

    spec: OrderSpec

    def request(self, epoch: int, window: int) -> ReadRequest:
        """What to read for a window, and its order."""
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


Progress: TypeAlias = Callable[[int, int], None]
