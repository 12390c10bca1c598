"""Steps, rows and seconds of a run, and of the epoch under way; a run that is resumed counts on."""

from __future__ import annotations

import time

from stoker.checkpoints import Counters
from stoker.training.handover import Handover

__all__ = ["Tally"]


class Tally:
    """Counts.

    Parameters
    ----------
    training, validation
        Where batches come from.

    Attributes
    ----------
    started, epoch_started, validated_at
        ``time.perf_counter()`` of the run's begin, of the epoch's and of the last validation.
    finished
        Batches of the epoch under way whose step was taken, as far as it was told.
    epochs
        Epochs begun and ended.
    """

    def __init__(self, training: Handover, validation: Handover | None) -> None:
        self._training, self._validation = training, validation
        self.started = self.epoch_started = self.validated_at = time.perf_counter()
        self.finished = 0
        self.epochs = 0
        self.steps_before = 0
        self._rows_at_epoch = 0
        self._waited_before = self._compiled_before = 0.0
        self._train_seconds = self._trained_before = 0.0
        self._running_since: float | None = None

    @property
    def steps(self) -> int:
        """Steps of the run."""
        return self.steps_before + self.finished

    @property
    def rows(self) -> int:
        """Rows of the epoch's finished steps."""
        return self._training.rows - self._rows_at_epoch

    @property
    def seconds(self) -> float:
        """Of the run."""
        return time.perf_counter() - self.started

    @property
    def epoch_seconds(self) -> float:
        """Of the epoch."""
        return time.perf_counter() - self.epoch_started

    @property
    def train_seconds(self) -> float:
        """Of the run, without validation and saving."""
        running = 0.0 if self._running_since is None else time.perf_counter() - self._running_since
        return self._train_seconds + running

    @property
    def epoch_train_seconds(self) -> float:
        """Of the epoch, without validation and saving."""
        return self.train_seconds - self._trained_before

    @property
    def epoch_wait_seconds(self) -> float:
        """Of the epoch, without a batch."""
        return self._training.wait_seconds - self._waited_before

    @property
    def compile_seconds(self) -> float:
        """Of the run, in which nothing came because kernels were compiled."""
        return self._training.compile_seconds

    @property
    def epoch_compile_seconds(self) -> float:
        """Of the epoch."""
        return self.compile_seconds - self._compiled_before

    def begin_epoch(self) -> None:
        """Its first step comes next."""
        self.stop_clock()
        self.finished = 0
        self._rows_at_epoch = self._training.rows
        self._waited_before = self._training.wait_seconds
        self._compiled_before = self._training.compile_seconds
        self._trained_before = self._train_seconds
        self.epoch_started = self._running_since = time.perf_counter()

    def end_epoch(self, finished: int) -> None:
        """Its last step was taken."""
        self.steps_before += finished
        self.finished = 0

    def stop_clock(self) -> None:
        """What comes is no training."""
        self._train_seconds, self._running_since = self.train_seconds, None

    def start_clock(self) -> None:
        """Training goes on."""
        self._running_since = time.perf_counter()

    def counters(self, *, in_epoch: bool) -> Counters:
        """Everything that was counted; `in_epoch` if an epoch is under way."""
        return Counters(
            steps=self.steps,
            rows=self._training.rows,
            epochs=self.epochs,
            seconds=self.seconds,
            train_seconds=self.train_seconds,
            wait_seconds=self._training.wait_seconds,
            validation_wait_seconds=self._validation.wait_seconds if self._validation else 0.0,
            epoch_rows=self.rows if in_epoch else 0,
            epoch_seconds=self.epoch_seconds if in_epoch else 0.0,
            epoch_train_seconds=self.epoch_train_seconds if in_epoch else 0.0,
            epoch_wait_seconds=self.epoch_wait_seconds if in_epoch else 0.0,
            since_validation=time.perf_counter() - self.validated_at,
        )

    def go_on(self, counted: Counters, finished: int) -> None:
        """Count on from a checkpoint, `finished` batches into its epoch."""
        now = time.perf_counter()
        self._training.rows, self._training.wait_seconds = counted.rows, counted.wait_seconds
        if self._validation is not None:
            self._validation.wait_seconds = counted.validation_wait_seconds
        self.started = now - counted.seconds
        self.validated_at = now - counted.since_validation
        self.finished, self.epochs = finished, counted.epochs
        self.steps_before = counted.steps - finished
        self._train_seconds = counted.train_seconds
        self._rows_at_epoch = counted.rows - counted.epoch_rows
        self._waited_before = counted.wait_seconds - counted.epoch_wait_seconds
        self._trained_before = counted.train_seconds - counted.epoch_train_seconds
        self.epoch_started = now - counted.epoch_seconds
        self._running_since = now
