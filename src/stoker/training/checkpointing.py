"""When a checkpoint is due, and who writes it while training goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from stoker.checkpoints import BackgroundWriter, Checkpoint, CheckpointStore
from stoker.errors import OptionError, RunError
from stoker.training.schedule import CheckpointInterval

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
    warn
        Told of what goes wrong.

    Attributes
    ----------
    capture
        To be set: what makes a checkpoint of everything as it is now.
    saved_at
        ``time.monotonic()`` of the last one that was written, None before.
    """

    def __init__(
        self,
        run: Path,
        *,
        every: CheckpointInterval,
        keep: int = 3,
        on_error: OnCheckpointError = "warn",
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        if on_error not in ("warn", "stop"):
            raise OptionError(f"on_checkpoint_error must be 'warn' or 'stop', got {on_error!r}")
        self.store = CheckpointStore(run, keep)
        self.capture: Callable[[], Checkpoint] | None = None
        self.saved_at: float | None = None
        self._every = every
        self._on_error = on_error
        self._warn = warn
        self._writer = BackgroundWriter(self.store)
        self._step = 0
        self._at = time.perf_counter()
        self._cost = 0.0
        self._owed = False
        self._failed = False

    def begin(self, step: int) -> None:
        """Training is about to go on behind this step."""
        self._step, self._at = step, time.perf_counter()

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
        self._finish(self._writer.wait)
        started = time.perf_counter()
        checkpoint = self.capture()
        self._writer.write(checkpoint)
        self._at = time.perf_counter()
        self._cost = self._at - started
        self._step, self._owed = checkpoint.step, False
        if wait:
            self._finish(self._writer.wait)

    def close(self) -> None:
        """Wait for the one that is being written; nothing goes on behind a run's back. Idempotent."""
        self._finish(self._writer.wait)

    def _look(self) -> None:
        self._finish(self._writer.finished)

    def _finish(self, ask: Callable[[], Path | None]) -> None:
        try:
            if ask() is not None:
                self.saved_at, self._failed = time.monotonic(), False
        except OSError as error:
            text = (
                f"no checkpoint could be written to {self.store.folder} ({error.strerror or error}); "
                "the ones before it are as they were"
            )
            if self._on_error == "stop":
                raise RunError(f"{text}: make room there and resume the run") from error
            if not self._failed:
                self._warn(f"{text}, and training goes on")
            self._failed = True
