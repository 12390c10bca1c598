"""What training tells of itself: while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FitReport", "Snapshot", "Validation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of a running epoch, as a display shows it.

    ``logs`` are the running means of the epoch. ``waiting`` is the share of the epoch's training time so far
    that was spent waiting for data, from 0 to 1; `compile_seconds`, in which no data came because stoker's
    kernels were compiled, are no part of that time, nor of what ``rows_per_second`` goes by. Memory is in
    bytes; ``saved_seconds`` is the
    age of the last saved model.
    """

    epoch: int
    epochs: int
    batches: int
    num_batches: int
    num_rows: int | None
    rows_per_second: float
    eta_seconds: float | None
    logs: Mapping[str, float]
    waiting: float
    memory_bytes: int
    memory_limit: int | None
    process_bytes: int
    saved_seconds: float | None
    compile_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One validation: after which step of the run, in which epoch (from 0), and whether it was the best."""

    step: int
    epoch: int
    logs: Mapping[str, float]
    best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReport:
    """A finished or interrupted call of `fit`.

    Attributes
    ----------
    ended
        ``"finished"``, ``"early_stopping"``, ``"max_time"``, ``"stopped"`` (by a callback),
        ``"interrupted"`` or ``"failed"``.
    steps, rows
        Gradient steps taken and rows used by them.
    num_rows
        Rows of an epoch, None if nobody knows.
    epochs
        Epochs begun and ended, the last one perhaps cut short.
    seconds
        From the first step's preparation to the end, validation included.
    train_seconds
        Of these, without validation and saving.
    wait_seconds, validation_wait_seconds
        Time that the model had nothing to compute because data was not there.
    monitor, direction, best, best_step, best_epoch
        The monitored name, and its best value with step and epoch (from 0); None where there was none.
    metrics
        The last epoch's logs.
    validations
        Every validation, those within epochs included.
    ledger_peak_bytes
        The highest sum of stoker's own buffers.
    ledger_peaks
        The highest of each kind, by name; copies of the model for a checkpoint are told here alone.
    """

    ended: str
    steps: int
    rows: int
    num_rows: int | None
    epochs: int
    seconds: float
    train_seconds: float
    wait_seconds: float
    validation_wait_seconds: float
    monitor: str | None
    direction: str | None
    best: float | None
    best_step: int | None
    best_epoch: int | None
    metrics: Mapping[str, float]
    validations: tuple[Validation, ...] = field(default=())
    ledger_peak_bytes: int = 0
    ledger_peaks: Mapping[str, int] = field(default_factory=dict)
