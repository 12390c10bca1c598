"""When a checkpoint is due, and who writes it while training goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from stoker.checkpoints import BackgroundWriter, Checkpoint, CheckpointStore
from stoker.errors import NonFiniteLossError, OptionError, RunError
from stoker.mirror import bring
from stoker.training.finite import OnNan, spoilt_variable
from stoker.training.schedule import CheckpointInterval
from stoker.training.validated import ValidatedSteps

__all__ = ["Checkpointer", "OnCheckpointError"]

OnCheckpointError: TypeAlias = Literal["warn", "stop"]

_SPARING_SECONDS = 1.0
_SPARING_FACTOR = 50
"""After an epoch a checkpoint is left out that comes sooner than this many times what the last one cost."""
_POLL_SECONDS = 0.5


class Checkpointer:
    """Has checkpoints written: training waits while arrays are copied, and for no disk.

    Parameters
    ----------
    run
        The run directory.
    every
        When one is due.
    keep
        How many are kept.
    on_error
        ``"warn"`` goes on with the last good one where one cannot be written, as on a full disk; ``"stop"``
        ends training.
    on_nan
        Weights that are no finite numbers are not written: ``"stop"`` ends training, ``"continue"`` goes on.
    warn
        Told of what goes wrong.

    Attributes
    ----------
    run
        The run directory as it was given.
    capture, settle
        To be set: what makes a checkpoint of everything as it is now; what raises where none should be.
    saved_at
        ``time.monotonic()`` of the last one that was written, None before.
    validated
        Behind which steps the clock had the run validate.
    """

    def __init__(
        self,
        run: Path,
        *,
        every: CheckpointInterval,
        keep: int = 3,
        on_error: OnCheckpointError = "warn",
        on_nan: OnNan = "stop",
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        if on_error not in ("warn", "stop"):
            raise OptionError(f"on_checkpoint_error must be 'warn' or 'stop', got {on_error!r}")
        self.store = CheckpointStore(run, keep, written=partial(bring, run))
        self.run = run
        self.capture: Callable[[], Checkpoint] | None = None
        self.settle: Callable[[], None] = lambda: None
        self.saved_at: float | None = None
        self._every = every
        self._on_error = on_error
        self._warn = warn
        self.validated = ValidatedSteps(self.store.folder / "validated", warn)
        self._writer = BackgroundWriter(self.store, self._refuse_spoilt)
        self._on_nan = on_nan
        self._saved_step: int | None = None
        self._first: Checkpoint | None = None
        self._told = False
        self._step = 0
        self._at = time.perf_counter()
        self._cost = 0.0
        self._owed = False
        self._failed = False

    def begin(self, step: int) -> None:
        """Training is about to go on behind this step."""
        self._step, self._at = step, time.perf_counter()
        self._saved_step = step or None
        self.validated.begin(step)

    def before_first_step(self) -> None:
        """Keep where the run begins until one is written: what goes wrong before that can go back there.

        Raises
        ------
        NonFiniteLossError
            If the model's weights, or its optimizer's, are no finite numbers before any step.
        """
        if self._saved_step is None and self._first is None and self._on_nan == "stop":
            assert self.capture is not None
            first = self.capture()
            path = spoilt_variable(first)
            if path is not None:
                raise NonFiniteLossError(
                    f"{path} holds numbers that are not finite before the first step: give the model others, "
                    "or go on with on_nan='continue'",
                    first_step=1,
                    last_step=0,
                )
            self._first = first

    def last_good(self) -> Checkpoint | None:
        """The newest that is on the disk, or else where the run began, which is written now."""
        try:
            newest = self.store.newest(self._warn)
        except RunError as error:  # what sends training back is the error to tell
            self._warn(str(error))
            return self._first
        if newest is None and self._first is not None:
            with suppress(OSError):
                self.store.write(self._first)
            return self._first
        return newest

    def due_in(self, step: int, now: float) -> tuple[float, float]:
        """Steps from now, and the time, at which `after_step` has something to do."""
        busy, every = self._writer.is_busy, self._every
        if self._owed or busy:
            return math.inf, now + _POLL_SECONDS
        steps = math.inf if every.steps is None else every.steps - step % every.steps
        return steps, math.inf if every.seconds is None else self._at + every.seconds

    def after_step(self, step: int, now: float) -> bool:
        """Write a checkpoint if one is due between two steps; whether one was begun."""
        self._look()
        every = self._every
        crossed = every.steps is not None and step // every.steps > self._step // every.steps
        late = every.seconds is not None and now >= self._at + every.seconds
        self._owed = self._owed or crossed or late
        if not self._owed or self._writer.is_busy:
            return False
        self.save()
        return True

    def after_epoch(self, epoch: int, *, last: bool) -> None:
        """Write a checkpoint if one is due between two epochs, or if nothing is trained after this one."""
        self._look()
        every = self._every
        if not last:
            due = every.epochs is not None and (epoch + 1) % every.epochs == 0
            if every.sparing:
                pause = max(_SPARING_SECONDS, _SPARING_FACTOR * self._cost)
                due = due and time.perf_counter() >= self._at + pause
            self._owed = self._owed or due
            if not self._owed or self._writer.is_busy:
                return
        self.save()

    def save(self, *, wait: bool = False) -> None:
        """Write a checkpoint of everything as it is now, between two steps.

        Parameters
        ----------
        wait
            Return when it is on the disk, or could not be written.
        """
        assert self.capture is not None
        self.settle()
        self._finish(self._writer.wait)
        started = time.perf_counter()
        checkpoint = self.capture()
        self._writer.write(checkpoint)
        self._at = time.perf_counter()
        self._cost = self._at - started
        self._step, self._owed = checkpoint.step, False
        self._saved_step = checkpoint.step
        if wait:
            self._finish(self._writer.wait)

    def save_at(self, step: int) -> None:
        """Have what is after this step on the disk when this returns, unless it is there already."""
        if step == self._saved_step:
            self._finish(self._writer.wait)
        else:
            self.save(wait=True)

    def close(self) -> None:
        """Wait for the one that is being written; nothing goes on behind a run's back. Idempotent."""
        self._finish(self._writer.wait)

    def abandon(self) -> None:
        """Give up the one that is being written."""
        self._writer.abandon()

    def _refuse_spoilt(self, checkpoint: Checkpoint) -> None:
        path = spoilt_variable(checkpoint)
        if path is not None:
            text = f"{path} holds numbers that are not finite after step {checkpoint.step:,}"
            raise NonFiniteLossError(text, first_step=1, last_step=checkpoint.step)

    def _look(self) -> None:
        self._finish(self._writer.finished)

    def _finish(self, ask: Callable[[], Path | None]) -> None:
        try:
            if ask() is not None:
                self.saved_at, self._failed = time.monotonic(), False
                self._first = None
        except NonFiniteLossError as error:
            self._saved_step = None
            if self._on_nan == "stop":
                raise
            if not self._told:
                self._warn(f"{error}; no such checkpoint is written, and the last good one is kept")
            self._told = True
        except OSError as error:
            text = f"no checkpoint could be written to {self.store.folder} ({error.strerror or error}); "
            if self.store.newest_step() is None:
                text += "there is none yet, and without one a run that ends begins again with nothing"
            else:
                text += "the ones before it are as they were"
            if self._on_error == "stop":
                raise RunError(f"{text}: make room there and resume the run") from error
            if not self._failed:
                self._warn(f"{text}; training goes on")
            self._failed, self._saved_step = True, None
