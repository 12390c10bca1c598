"""A training as a checkpoint, and a checkpoint as a training that goes on."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from stoker.checkpoints import Checkpoint, Identity, Manifest, ValidationRecord, pack, unpack
from stoker.ledger import Ledger
from stoker.runrecords import RunRecord
from stoker.training.callback_states import copy_callbacks, make_ready, put_back_callbacks
from stoker.training.captured import Captured
from stoker.training.monitor import Monitor
from stoker.training.owed import OwedModel
from stoker.training.report import FitReport, Validation
from stoker.training.supervisor import TrainingSupervisor
from stoker.training.variables import copy_variables, put_back_variables
from stoker.types import Position

__all__ = ["Resumption", "capture"]


def capture(
    identity: Identity,
    model: Any,
    callbacks: Sequence[Any],
    supervisor: TrainingSupervisor,
    monitor: Monitor | None,
    lost: Callable[[str, str], None] | None = None,
) -> Checkpoint:
    """Everything that a training is, between two steps or two epochs; all arrays are copies.

    Parameters
    ----------
    identity
        What the run is of.
    model
        What is trained.
    callbacks
        The user's, and the History.
    supervisor, monitor
        Who knows the place and the best validation.
    lost
        Called with the name of a callback whose state cannot be had, and why; None raises instead.
    """
    captured = supervisor.capture()
    variables, arrays = copy_variables(model)
    states = copy_callbacks(callbacks, arrays, lost)
    order, member = captured.digests
    manifest = Manifest(
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        identity=identity,
        position=captured.position,
        order_digest=f"{order:032x}",
        member_digest=f"{member:032x}",
        ended=captured.ended,
        counters=captured.counters,
        monitor=None if monitor is None else monitor.record(arrays),
        metrics=_packed(captured.metrics),
        validations=[
            ValidationRecord(step=each.step, epoch=each.epoch, logs=_packed(each.logs), best=each.best)
            for each in captured.validations
        ],
        owed=None if captured.owed is None else captured.owed.record(arrays),
        unrecorded=list(captured.unrecorded),
        variables=variables,
        callbacks=states,
    )
    return Checkpoint(manifest=manifest, arrays=arrays)


class Resumption:
    """What a training that goes on takes from a checkpoint, and when.

    Parameters
    ----------
    checkpoint
        Where it goes on.
    max_seconds
        What the whole run may take.

    Attributes
    ----------
    step
        Steps that were taken by the checkpoint.
    position
        The epoch, and its batches that are finished.
    ended
        Why there is nothing to train behind it, None if there is.
    unrecorded
        Finished epochs that run.json did not hold by then.
    """

    def __init__(self, checkpoint: Checkpoint, max_seconds: float | None = None) -> None:
        manifest = checkpoint.manifest
        self._checkpoint: Checkpoint | None = checkpoint
        self.step = checkpoint.step
        self.position: Position = manifest.position
        self.unrecorded = tuple(manifest.unrecorded)
        has_time = max_seconds is None or manifest.counters.seconds < max_seconds
        self.ended = manifest.ended or (None if has_time else "max_time")
        self._counts: Callable[[], None] = lambda: None

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, until `release`."""
        assert self._checkpoint is not None, "the checkpoint was let go of, and is needed again"
        return self._checkpoint

    @property
    def is_within_epoch(self) -> bool:
        """Whether an epoch goes on that had begun, so that all is put back twice."""
        return self.ended is None and self.position.batches > 0

    def charge(self, ledger: Any) -> None:
        """Have a feed's ledger tell the arrays for as long as anybody holds them."""
        if isinstance(ledger, Ledger):
            for array in self.checkpoint.arrays.values():
                ledger.tie_aside("checkpoint", array.nbytes, array)

    def release(self) -> None:
        """Let go of the checkpoint: all is put back, and its arrays are as large as the training."""
        self._checkpoint = None

    def bind(self, supervisor: TrainingSupervisor, monitor: Monitor | None) -> None:
        """Who counts and compares."""
        self._counts = lambda: self._put_back_counts(supervisor, monitor)

    def first_epoch(self, epochs: int) -> int:
        """The epoch to go on with, `epochs` if there is nothing left to train."""
        return epochs if self.ended is not None else self.position.epoch

    def start_batch(self, epoch: int) -> int:
        """Batches of an epoch that are finished."""
        return self.position.batches if epoch == self.position.epoch else 0

    def report(self, record: RunRecord) -> FitReport:
        """Of a run that has nothing left to train: how it ended.

        Parameters
        ----------
        record
            Of the run as it ended, which knows its rows, its whole time, and what its buffers held.
        """
        manifest, outcome = self.checkpoint.manifest, record.outcome
        counters, best = manifest.counters, manifest.monitor
        return FitReport(
            ended=self.ended or "finished",
            steps=counters.steps,
            rows=counters.rows,
            num_rows=None if record.plan is None else record.plan.order.num_rows,
            epochs=counters.epochs,
            seconds=outcome.seconds,
            train_seconds=counters.train_seconds,
            wait_seconds=counters.wait_seconds,
            validation_wait_seconds=counters.validation_wait_seconds,
            monitor=None if best is None else best.name,
            direction=None if best is None else best.direction,
            best=None if best is None else best.best,
            best_step=None if best is None else best.best_step,
            best_epoch=None if best is None else best.best_epoch,
            metrics=unpack(manifest.metrics, {}) or {},
            validations=_validations(manifest),
            ledger_peak_bytes=outcome.ledger_peak_bytes,
            ledger_peaks=outcome.ledger_peaks,
        )

    def before_training(self, callbacks: Sequence[Any]) -> None:
        """Have callbacks that would begin anew go on."""
        make_ready(callbacks, self.checkpoint)

    def put_back(self, model: Any, callbacks: Sequence[Any]) -> None:
        """Give everything its state: after all ``on_train_begin``, which may change both.

        Within an epoch once more after all ``on_epoch_begin``, which the run has been through already.
        """
        put_back_variables(model, self.checkpoint)
        put_back_callbacks(callbacks, self.checkpoint)
        self._counts()

    def _put_back_counts(self, supervisor: TrainingSupervisor, monitor: Monitor | None) -> None:
        manifest = self.checkpoint.manifest
        owed = manifest.owed
        supervisor.go_on(
            Captured(
                position=manifest.position,
                digests=(int(manifest.order_digest, 16), int(manifest.member_digest, 16)),
                counters=manifest.counters,
                ended=self.ended,
                metrics=unpack(manifest.metrics, {}) or {},
                validations=_validations(manifest),
                owed=None if owed is None else OwedModel.recorded(owed, self.checkpoint),
            )
        )
        if monitor is not None and manifest.monitor is not None:
            monitor.go_on(manifest.monitor, self.checkpoint)
            supervisor.best.charge(monitor.weights)


def _validations(manifest: Manifest) -> tuple[Validation, ...]:
    return tuple(
        Validation(step=each.step, epoch=each.epoch, logs=unpack(each.logs, {}), best=each.best)
        for each in manifest.validations
    )


def _packed(logs: Any) -> Any:
    """Logs, of which callbacks may have made anything: what is no number is left out."""
    kept = {name: value for name, value in logs.items() if isinstance(value, bool | int | float)}
    return pack({name: float(value) for name, value in kept.items()}, lambda array: "", what="the logs")
