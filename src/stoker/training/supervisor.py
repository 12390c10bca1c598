"""Decides between the steps of one `fit`: what to show, when to validate, what to save, when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from stoker.rundir import EpochRecord
from stoker.training.adapter import copy_values
from stoker.training.artifacts import ModelFiles
from stoker.training.finite import LossGuard
from stoker.training.handover import Handover
from stoker.training.monitor import Monitor
from stoker.training.pass_callbacks import plain_logs
from stoker.training.progress import Display
from stoker.training.recording import RunRecorder
from stoker.training.report import FitReport, Snapshot, Validation
from stoker.training.schedule import Interval

__all__ = ["TrainingSupervisor"]


class TrainingSupervisor:
    """The supervisor of `TrainingCallbacks`.

    Parameters
    ----------
    model, training, validation
        What is trained, on what, and validated on what.
    display, monitor, files, recorder
        Where to show, what decides on the best model (None: nothing), where to save it and keep the record
        (None: nowhere).
    epochs
        The epoch at which training ends, for display.
    validate_every
        Validation within epochs; None validates at their ends alone.
    max_seconds
        Training stops at the first step that ends later.
    guard
        Watches the loss; None where nobody does.

    Attributes
    ----------
    ended
        Why training was stopped, None if it was not.
    evaluate, finished
        To be set: validates between two steps; tells the epoch's finished batches.
    """

    def __init__(
        self,
        *,
        model: Any,
        training: Handover,
        validation: Handover | None,
        display: Display,
        monitor: Monitor | None,
        files: ModelFiles | None,
        recorder: RunRecorder | None,
        epochs: int,
        validate_every: Interval | None,
        max_seconds: float | None,
        guard: LossGuard | None = None,
    ) -> None:
        self._model = model
        self._training = training
        self._validation = validation
        self._display = display
        self._monitor = monitor
        self._files = files
        self._recorder = recorder
        self._epochs = epochs
        self._every = validate_every
        self._guard = guard
        self._process = psutil.Process()
        self._started = time.perf_counter()
        self._deadline = math.inf if max_seconds is None else self._started + max_seconds
        self._epoch = 0
        self._finished = 0
        self._steps_before = 0
        self._rows_at_epoch = 0
        self._epochs_ended = 0
        self._epoch_started = self._started
        self._waited_before = 0.0
        self._train_seconds = self._trained_before = 0.0
        self._running_since: float | None = None
        self._shown_at = self._started
        self._shown_rows = 0
        self._rate = 0.0
        self._validated_at = self._started
        self._validations: list[Validation] = []
        self._metrics: dict[str, float] = {}
        self.ended: str | None = None
        self.evaluate: Callable[[], dict[str, float]] | None = None
        self.finished: Callable[[], int] = lambda: 0

    @property
    def steps(self) -> int:
        """Steps taken in this call."""
        return self._steps_before + self._finished

    def epoch_began(self, epoch: int) -> None:
        """Start the epoch's clock."""
        now = time.perf_counter()
        self._epoch, self._finished = epoch, 0
        self._rows_at_epoch = self._training.rows
        self._running_since = self._shown_at = self._epoch_started = now
        self._waited_before = self._training.wait_seconds
        self._trained_before = self._train_seconds
        self._shown_rows = 0

    def due_in(self, finished: int, now: float) -> tuple[int, float]:
        """The next count of batches, and the next time, at which `look` has something to do."""
        self._finished = finished
        batch = self._training.num_batches
        if self._guard is not None:
            batch = min(batch, finished + self._guard.due_in(self.steps))
        when = min(self._deadline, self._shown_at + self._display.interval)
        if self._every is not None and self._every.steps is not None:
            into_interval = (self._steps_before + finished) % self._every.steps
            batch = min(batch, finished + self._every.steps - into_interval)
        elif self._every is not None and self._every.seconds is not None:
            when = min(when, self._validated_at + self._every.seconds)
        return batch, when

    def look(self, finished: int, logs: Any) -> None:
        """Show, validate and stop as far as each is due."""
        crossed = self._crossed(finished)
        self._finished = finished
        last = finished >= self._training.num_batches
        if self._guard is not None:
            self._guard.look(self.steps, logs, wait=last)
        now = time.perf_counter()
        if last or now >= self._shown_at + self._display.interval:
            self._show(finished, plain_logs(logs), last=last)
        if last:
            self._stop_clock()
            return
        if crossed or self._time_to_validate(now):
            self._validate_within_epoch()
        if time.perf_counter() >= self._deadline:
            self._stop("max_time")

    def epoch_ended(self, epoch: int, finished: int, logs: Mapping[str, float]) -> None:
        """Take note of an epoch's result; save and stop by it."""
        self._stop_clock()
        self._finished = finished
        if self._guard is not None:
            self._guard.look(self.steps, logs, wait=True)
        self._epochs_ended += 1
        self._metrics = dict(logs)
        known = bool(self._validations) and self._validations[-1].step == self.steps
        best = False if known and self._by_validation else self._observe(logs)
        validated = {name: value for name, value in logs.items() if name.startswith("val_")}
        if self._validation is not None and validated and not known:
            self._take_validation(validated, best)
        if self._recorder is not None:
            self._recorder.add_epoch(self._record(epoch, finished, logs), self.report("running"))
        self._steps_before += finished
        self._finished = 0
        if time.perf_counter() >= self._deadline and epoch + 1 < self._epochs:
            self._stop("max_time")

    def report(self, ended: str) -> FitReport:
        """The account of the call so far."""
        self._stop_clock()
        self._finished = self.finished()
        ledger, best = getattr(self._training.feed, "ledger", None), self._monitor
        return FitReport(
            ended=ended,
            steps=self.steps,
            rows=self._training.rows,
            num_rows=self._training.feed.num_rows,
            epochs=self._epochs_ended,
            seconds=time.perf_counter() - self._started,
            train_seconds=self._train_seconds,
            wait_seconds=self._training.wait_seconds,
            validation_wait_seconds=self._validation.wait_seconds if self._validation else 0.0,
            monitor=best.name if best else None,
            direction=best.direction if best else None,
            best=best.best if best else None,
            best_step=best.best_step if best else None,
            best_epoch=best.best_epoch if best else None,
            metrics=self._metrics,
            validations=tuple(self._validations),
            ledger_peak_bytes=int(getattr(ledger, "peak", 0)),
        )

    def _record(self, epoch: int, finished: int, logs: Mapping[str, float]) -> EpochRecord:
        order, member = self._training.digests
        return EpochRecord(
            epoch=epoch,
            metrics={name: value for name, value in logs.items() if isinstance(value, float)},
            rows=self._rows,
            seconds=time.perf_counter() - self._epoch_started,
            wait_seconds=self._training.wait_seconds - self._waited_before,
            order_digest=f"{order:032x}",
            member_digest=f"{member:032x}",
        )

    def _crossed(self, finished: int) -> bool:
        if self._every is None or self._every.steps is None:
            return False
        before = (self._steps_before + self._finished) // self._every.steps
        return (self._steps_before + finished) // self._every.steps > before

    def _time_to_validate(self, now: float) -> bool:
        every = self._every
        return every is not None and every.seconds is not None and now >= self._validated_at + every.seconds

    def _validate_within_epoch(self) -> None:
        if self.evaluate is None:
            return
        self._stop_clock()
        logs = self.evaluate()
        best = self._observe(logs) if self._by_validation else False
        self._take_validation(logs, best)
        self._running_since = time.perf_counter()

    @property
    def _by_validation(self) -> bool:
        return self._monitor is not None and self._monitor.name.startswith("val_")

    def _observe(self, logs: Mapping[str, float]) -> bool:
        if self._monitor is None:
            return False
        best = self._monitor.observe(
            logs, step=self.steps, epoch=self._epoch, weights=lambda: copy_values(self._model.weights)
        )
        if best and self._files is not None:
            self._files.save_best(self._model)
        if self._monitor.stopped:
            self._stop("early_stopping")
        return best

    def _take_validation(self, logs: Mapping[str, float], best: bool) -> None:
        self._validated_at = time.perf_counter()
        validation = Validation(step=self.steps, epoch=self._epoch, logs=dict(logs), best=best)
        self._validations.append(validation)
        self._display.validated(validation)

    def _stop(self, reason: str) -> None:
        self.ended = self.ended or reason
        self._model.stop_training = True

    def _stop_clock(self) -> None:
        if self._running_since is not None:
            self._train_seconds += time.perf_counter() - self._running_since
            self._running_since = None

    @property
    def _rows(self) -> int:
        """Rows of the epoch's finished steps."""
        return self._training.rows - self._rows_at_epoch

    def _show(self, finished: int, logs: Mapping[str, float], *, last: bool) -> None:
        now = time.perf_counter()
        snapshot = self._snapshot(finished, logs, now)
        self._shown_at, self._shown_rows = now, self._rows
        if last:
            self._display.epoch_ended(snapshot)
        else:
            self._display.advanced(snapshot)

    def _snapshot(self, finished: int, logs: Mapping[str, float], now: float) -> Snapshot:
        rows = self._rows
        passed = max(now - self._shown_at, 1e-9)
        current = (rows - self._shown_rows) / passed
        # Half of the old rate: a figure that can be read, and yet follows within a second or two.
        self._rate = current if self._rate == 0.0 else 0.5 * self._rate + 0.5 * current
        trained = self._train_seconds + (now - (self._running_since or now))
        in_epoch = max(trained - self._trained_before, 1e-9)
        rate = rows / in_epoch if finished >= self._training.num_batches else self._rate
        ledger = getattr(self._training.feed, "ledger", None)
        saved_at = self._files.saved_at if self._files is not None else None
        return Snapshot(
            epoch=self._epoch,
            epochs=self._epochs,
            batches=finished,
            num_batches=self._training.num_batches,
            num_rows=self._training.feed.num_rows,
            rows_per_second=rate,
            eta_seconds=self._seconds_left(finished, rows, rate),
            logs=logs,
            waiting=min((self._training.wait_seconds - self._waited_before) / in_epoch, 1.0),
            memory_bytes=int(getattr(ledger, "current", 0)),
            memory_limit=getattr(ledger, "limit", None),
            process_bytes=int(self._process.memory_info().rss),
            saved_seconds=None if saved_at is None else time.monotonic() - saved_at,
        )

    def _seconds_left(self, finished: int, rows: int, rate: float) -> float | None:
        """By rows where their number is known, else by batches as large as those so far."""
        if rate <= 0 or not rows:
            return None
        known = self._training.feed.num_rows
        left = known - rows if known is not None else rows * (self._training.num_batches / finished - 1)
        return max(left, 0) / rate
