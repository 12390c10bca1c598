"""What a checkpoint holds, as typed records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from stoker.runrecords import EpochRecord
from stoker.stored import Count, Seconds
from stoker.types import OrderSpec, Position

__all__ = [
    "DTYPES",
    "FORMAT",
    "ArrayRecord",
    "CallbackRecord",
    "Checkpoint",
    "Counters",
    "Identity",
    "Manifest",
    "MonitorRecord",
    "OwedRecord",
    "ValidationRecord",
    "VariableRecord",
]

FORMAT = 1

_WHOLE = ("bool", "int4", "int8", "int16", "int32", "int64", "uint4", "uint8", "uint16", "uint32", "uint64")
_REAL = ("float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2")
DTYPES = frozenset((*_WHOLE, *_REAL, "complex64", "complex128"))
"""Names of the types of numbers that a checkpoint keeps."""


Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
"""A digest modulo 2**128."""
End: TypeAlias = Annotated[str, msgspec.Meta(pattern="^(stopped|early_stopping|max_time)$")]
"""Why nothing is trained behind a checkpoint."""
_MOST_DIMENSIONS = 64  # as NumPy has it


class ArrayRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Where an array lies in ``arrays.bin``, and the XXH64 of its bytes in hexadecimal."""

    name: str
    dtype: str
    shape: Annotated[tuple[int, ...], msgspec.Meta(max_length=_MOST_DIMENSIONS)]
    offset: int
    num_bytes: int
    checksum: str


class VariableRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of the model: to what it belongs, its path, and the array that holds its value."""

    part: Literal["trainable", "non_trainable", "optimizer", "metrics", "others"]
    path: str
    array: str


class CallbackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A callback's class and packed state; None where nothing of it is kept, or where that is lost.

    `settings` are how one of Keras's was made, packed, where that decides what it does.
    """

    name: str
    settings: dict[str, Any] | None = None
    state: Any = None
    is_lost: bool = False


class MonitorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The best validation so far, how many came since, and the arrays of its weights where they are kept."""

    name: str
    direction: Annotated[str, msgspec.Meta(pattern="^(min|max)$")]
    best: float | None
    best_step: Count | None
    best_epoch: Count | None
    without: Count
    stopped: bool
    weights: list[str] | None


class OwedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The arrays of the best model where its file could not be written yet."""

    weights: list[str]
    optimizer: list[str]


class ValidationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A validation that has been; ``logs`` are packed."""

    step: Count
    epoch: Count
    logs: Any
    best: bool


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What the run has come to: of the whole of it, and of the epoch under way.

    Attributes
    ----------
    steps, rows, epochs, seconds, train_seconds, wait_seconds, validation_wait_seconds
        As in the report of a training.
    epoch_rows, epoch_seconds, epoch_train_seconds, epoch_wait_seconds
        Of the epoch under way; 0 where none is.
    since_validation
        Seconds since the last validation.
    """

    steps: Count = 0
    rows: Count = 0
    epochs: Count = 0
    seconds: Seconds = 0.0
    train_seconds: Seconds = 0.0
    wait_seconds: Seconds = 0.0
    validation_wait_seconds: Seconds = 0.0
    epoch_rows: Count = 0
    epoch_seconds: Seconds = 0.0
    epoch_train_seconds: Seconds = 0.0
    epoch_wait_seconds: Seconds = 0.0
    since_validation: Seconds = 0.0


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is of: it is the same from its first step to its last.

    Attributes
    ----------
    versions, backend
        Of the packages, and Keras's backend.
    order, rows, validation_rows
        The order of rows, and which of the files' rows are trained and validated on, as plain text.
    files, validation_files
        Digests of what the files hold.
    transform
        Digest of the fitted transforms, which run.json and transform.json hold.
    settings
        Options of the call that decide what is learned.
    """

    versions: dict[str, str]
    backend: str
    order: OrderSpec | None
    rows: str
    validation_rows: str | None
    files: list[str]
    validation_files: list[str]
    transform: str
    settings: dict[str, Any]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All of a checkpoint but its arrays.

    Attributes
    ----------
    format
        Of this layout.
    created
        When it was made, in UTC.
    identity
        What the run is of.
    position
        The epoch under way and its finished batches; ``(e + 1, 0)`` where epoch e ended.
    order_digest, member_digest
        Of the finished batches of that epoch, hexadecimal, modulo 2**128.
    ended
        Why training was over at this position, None if it was not.
    counters, monitor, metrics, validations
        What was seen so far; `metrics` are packed.
    owed
        The best model, whose file was not written by then; None where it was.
    unrecorded
        Finished epochs that run.json, which could not be written, did not hold by then.
    variables, callbacks
        The model's; the user's, and behind them the History.
    """

    format: int = FORMAT
    created: str
    identity: Identity
    position: Position
    order_digest: Digest
    member_digest: Digest
    ended: End | None = None
    counters: Counters
    monitor: MonitorRecord | None = None
    metrics: Any = None
    validations: list[ValidationRecord] = []
    owed: OwedRecord | None = None
    unrecorded: list[EpochRecord] = []
    variables: list[VariableRecord] = []
    callbacks: list[CallbackRecord] = []


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A manifest and its arrays by name."""

    manifest: Manifest
    arrays: Mapping[str, npt.NDArray[Any]]

    @property
    def step(self) -> int:
        """Steps of the run that were taken."""
        return self.manifest.counters.steps

    @property
    def num_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def array(self, name: str) -> npt.NDArray[Any]:
        """A copy of an array, which belongs to the caller."""
        return np.array(self.arrays[name])
