"""Decides between the steps of one `fit`: what to show, when to validate, what to save, when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from stoker.ledger import Ledger
from stoker.runrecords import EpochRecord
from stoker.training.artifacts import ModelFiles
from stoker.training.best import BestModel
from stoker.training.captured import Captured
from stoker.training.checkpointing import Checkpointer
from stoker.training.finite import LossGuard
from stoker.training.handover import Handover
from stoker.training.meeting import Meeting
from stoker.training.monitor import Monitor
from stoker.training.pass_callbacks import plain_logs
from stoker.training.progress import Display
from stoker.training.recording import RECORD, RunRecorder
from stoker.training.report import FitReport, Validation
from stoker.training.schedule import Interval
from stoker.training.showing import Showing
from stoker.training.tally import Tally
from stoker.training.unwritten import Unwritten
from stoker.types import Position

__all__ = ["TrainingSupervisor"]


class TrainingSupervisor:
    """The supervisor of `TrainingCallbacks`.

    Parameters
    ----------
    model, training, validation
        What is trained, on what, and validated on what.
    meeting
        Where it is settled what the clock decides, among processes that train together.
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
    checkpointer
        Saves what a run is resumed from; None where nothing is saved.
    unwritten
        Writes models and the record, or owes them.

    Attributes
    ----------
    best
        The best model so far.
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
        meeting: Meeting,
        display: Display,
        monitor: Monitor | None,
        files: ModelFiles | None,
        recorder: RunRecorder | None,
        epochs: int,
        validate_every: Interval | None,
        max_seconds: float | None,
        guard: LossGuard | None = None,
        checkpointer: Checkpointer | None = None,
        unwritten: Unwritten | None = None,
    ) -> None:
        self._model = model
        self._unwritten = unwritten or Unwritten()
        self._training = training
        self._validation = validation
        self._meeting = meeting
        self._display = display
        self._monitor = monitor
        ledger = getattr(training.feed, "ledger", None)
        self.best = BestModel(
            model, monitor, files, self._unwritten, ledger if isinstance(ledger, Ledger) else None
        )
        self._recorder = recorder
        self._epochs = epochs
        self._every = validate_every
        self._checkpointer = checkpointer
        self._guard = guard
        self._logs: Any = None
        if checkpointer is not None:
            checkpointer.settle = self._settle
        self.tally = Tally(training, validation)
        self._max_seconds = math.inf if max_seconds is None else max_seconds
        self._epoch = 0
        self._in_epoch = False
        saves = [each for each in (files, checkpointer) if each is not None]
        self._showing = Showing(display, training, self.tally, saves, epochs)
        self._validations: list[Validation] = []
        self._metrics: dict[str, float] = {}
        self.ended: str | None = None
        self.evaluate: Callable[[], dict[str, float]] | None = None
        self.finished: Callable[[], int] = lambda: 0

    @property
    def steps(self) -> int:
        """Steps of the run that were taken."""
        return self.tally.steps

    def epoch_began(self, epoch: int) -> None:
        """Start the epoch's clock."""
        self.tally.begin_epoch()
        self._epoch, self._in_epoch = epoch, True
        self._logs = None
        self._showing.begin_epoch()
        if self._checkpointer is not None:
            self._checkpointer.before_first_step()

    def due_in(self, finished: int, now: float) -> tuple[int, float]:
        """The next count of batches, and the next time, at which `look` has something to do."""
        self.tally.finished = finished
        batch = self._training.num_batches
        if self._guard is not None:
            batch = min(batch, finished + self._guard.due_in(self.steps))
        when = min(self._deadline, self._showing.due_at)
        if self._every is not None and self._every.steps is not None:
            into_interval = self.steps % self._every.steps
            batch = min(batch, finished + self._every.steps - into_interval)
        elif self._every is not None and self._every.seconds is not None:
            again = math.inf if self._checkpointer is None else self._checkpointer.validated.next
            if again == math.inf:
                when = min(when, self.tally.validated_at + self._every.seconds)
            else:
                batch = min(batch, finished + max(1, int(again) - self.steps))
        if self._checkpointer is not None:
            steps, at = self._checkpointer.due_in(self.steps, now)
            batch, when = int(min(batch, finished + steps)), min(when, at)
        if self._meeting.is_shared:
            return self._meeting.next_look(finished, batch), math.inf
        return batch, when

    def look(self, finished: int, logs: Any) -> None:
        """Show, validate and stop as far as each is due."""
        crossed = self._crossed(finished)
        self.tally.finished = finished
        last = finished >= self._training.num_batches
        self._logs = logs
        self._meeting.hold()
        if self._guard is not None:
            # Behind the same step in all processes, which so find the same.
            self._guard.look(self.steps, logs, wait=last or self._meeting.is_shared)
        now = time.perf_counter()
        if last or now >= self._showing.due_at:
            self._showing.show(self._epoch, finished, plain_logs(logs), last=last)
        if last:
            self.tally.stop_clock()
            return
        if self._every is not None and self._meeting.decided(lambda: crossed or self._time_to_validate(now)):
            self._validate_within_epoch()
        if self._is_time_over():
            if self._checkpointer is not None and self.ended is None:
                self._checkpointer.save()  # an epoch that is cut short can be taken up here, but not behind
            self._stop("max_time")
        elif self._checkpointer is not None and not self._model.stop_training:
            self._checkpointer.after_step(self.steps, now)

    def epoch_ended(self, epoch: int, finished: int, logs: Mapping[str, float]) -> None:
        """Take note of an epoch's result; save and stop by it."""
        self.tally.stop_clock()
        self.tally.finished = finished
        self._logs = logs
        self._meeting.hold()
        self._settle()
        self.tally.epochs += 1
        self._metrics = dict(logs)
        known = bool(self._validations) and self._validations[-1].step == self.steps
        best = False if known and self.best.is_by_validation else self._observe(logs)
        validated = {name: value for name, value in logs.items() if name.startswith("val_")}
        if self._validation is not None and validated and not known:
            self._take_validation(validated, best)
        if self._recorder is not None:
            self._recorder.add_epoch(self._record(epoch, finished, logs))
            self._write_record()
        self.tally.end_epoch(finished)
        self._in_epoch = False
        if epoch + 1 < self._epochs and self._is_time_over():
            self._stop("max_time")
        if self._checkpointer is not None and not self._is_cut_short(finished):
            last = epoch + 1 >= self._epochs or self._model.stop_training
            self._checkpointer.after_epoch(epoch, last=last)

    def save(self, logs: Any) -> None:
        """Save once more, since somebody asks to stop; nothing where a run could not go on from here."""
        finished = self.finished()
        # What ends the epoch comes after its last step, and is not told by that step's checkpoint.
        is_over = self._in_epoch and (self._model.stop_training or finished >= self._training.num_batches)
        if self._checkpointer is None or is_over:
            return
        self.tally.finished, self._logs = finished, logs
        self._checkpointer.save_at(self.steps)

    def _settle(self) -> None:
        """Of a step whose loss is not known to be a finite number nothing is written, but what is owed is."""
        if self._guard is not None:
            self._guard.look(self.steps, self._logs, wait=True)
        self._unwritten.retry()

    def capture(self) -> Captured:
        """What is known here of the run as it is now, between two steps or two epochs."""
        finished = self.finished() if self._in_epoch else 0
        self.tally.finished = finished
        over = self.ended != "max_time" and bool(self._model.stop_training)
        return Captured(
            position=Position(epoch=self._epoch if self._in_epoch else self._epoch + 1, batches=finished),
            digests=self._training.digests if finished else (0, 0),
            counters=self.tally.counters(in_epoch=self._in_epoch),
            ended=(self.ended or "stopped") if over else None,
            metrics=self._metrics,
            validations=tuple(self._validations),
            owed=self.best.owed,
            unrecorded=() if self._recorder is None else self._recorder.unrecorded,
        )

    def go_on(self, captured: Captured) -> None:
        """Take up what `capture` gave."""
        self._training.digests = captured.digests
        # Of a run that has ended, no epoch is begun that these batches were of.
        finished = 0 if captured.ended else captured.position.batches
        self.tally.go_on(captured.counters, finished)
        self._epoch = captured.position.epoch - (not captured.position.batches)
        self.ended = captured.ended
        self._metrics = dict(captured.metrics)
        self._validations = list(captured.validations)
        self.best.go_on(captured.owed)
        self._meeting.go_on()
        self._showing.begin_epoch()

    def report(self, ended: str) -> FitReport:
        """The account of the call so far."""
        self.tally.stop_clock()
        self.tally.finished = self.finished()
        ledger, best = getattr(self._training.feed, "ledger", None), self._monitor
        return FitReport(
            ended=ended,
            steps=self.steps,
            rows=self._training.rows,
            num_rows=self._training.feed.num_rows,
            epochs=self.tally.epochs,
            seconds=self.tally.seconds,
            train_seconds=self.tally.train_seconds,
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
            ledger_peaks=dict(getattr(ledger, "peaks_by_kind", {})),
        )

    def _record(self, epoch: int, finished: int, logs: Mapping[str, float]) -> EpochRecord:
        order, member = self._training.digests
        return EpochRecord(
            epoch=epoch,
            metrics={name: value for name, value in logs.items() if isinstance(value, float)},
            rows=self.tally.rows,
            seconds=self.tally.epoch_seconds,
            wait_seconds=self.tally.epoch_wait_seconds,
            order_digest=f"{order:032x}",
            member_digest=f"{member:032x}",
        )

    def _crossed(self, finished: int) -> bool:
        if self._every is None or self._every.steps is None:
            return False
        before = self.steps // self._every.steps
        return (self.tally.steps_before + finished) // self._every.steps > before

    def _time_to_validate(self, now: float) -> bool:
        """Whether the clock says so, or said so before the run was stopped, which is resumed."""
        if self._every is None or self._every.seconds is None:
            return False
        validated = None if self._checkpointer is None else self._checkpointer.validated
        if validated is not None and validated.next < math.inf:
            return validated.is_due(self.steps)
        is_time = self._is_time(now)
        if is_time and validated is not None:
            validated.note(self.steps)
        return is_time

    def _is_time(self, now: float) -> bool:
        assert self._every is not None
        assert self._every.seconds is not None
        return now >= self.tally.validated_at + self._every.seconds

    def _validate_within_epoch(self) -> None:
        if self.evaluate is None:
            return
        self.tally.stop_clock()
        logs = self.evaluate()
        best = self._observe(logs) if self.best.is_by_validation else False
        self._take_validation(logs, best)
        if best and self.best.owed is None:
            self._write_record()  # which tells of which step the best model is, should the process be killed
        self.tally.start_clock()

    def _write_record(self) -> None:
        if self._recorder is not None:
            self._unwritten.write(RECORD, partial(self._recorder.end, "running", self.report("running")))

    def _observe(self, logs: Mapping[str, float]) -> bool:
        best = self.best.observe(logs, step=self.steps, epoch=self._epoch)
        if self.best.is_passed:
            self._stop("early_stopping")
        return best

    def _take_validation(self, logs: Mapping[str, float], best: bool) -> None:
        self.tally.validated_at = time.perf_counter()
        validation = Validation(step=self.steps, epoch=self._epoch, logs=dict(logs), best=best)
        self._validations.append(validation)
        self._display.validated(validation)

    def _stop(self, reason: str) -> None:
        self.ended = self.ended or reason
        self._model.stop_training = True

    def _is_time_over(self) -> bool:
        if self._max_seconds == math.inf:
            return False
        return self._meeting.decided(lambda: time.perf_counter() >= self._deadline)

    @property
    def _deadline(self) -> float:
        return self.tally.started + self._max_seconds

    def _is_cut_short(self, finished: int) -> bool:
        """Whether time ended the epoch amid: a longer time takes it up where it was, and not at its end."""
        return self.ended == "max_time" and finished < self._training.num_batches
