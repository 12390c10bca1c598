"""Writes checkpoints while training goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from stoker.checkpoints.records import Checkpoint
from stoker.checkpoints.store import CheckpointStore
from stoker.waits import StageWait, Wait, limit_seconds, watched

__all__ = ["BackgroundWriter"]


_AFTER_TELLING_SECONDS = 2.0


class BackgroundWriter:
    """A thread that writes one checkpoint at a time; there is none while nothing is written.

    What is handed over must not change until it is written. Used by one thread, which ends it with `wait`.

    Parameters
    ----------
    store
        Where to.
    check
        Called with each in the thread, before it is written; what it raises keeps it from that.
    """

    def __init__(
        self, store: CheckpointStore, check: Callable[[Checkpoint], None] = lambda checkpoint: None
    ) -> None:
        self.store = store
        self._check = check
        self._abandoned = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._written: Path | None = None

    @property
    def is_busy(self) -> bool:
        """Whether one is being written."""
        return self._thread is not None and self._thread.is_alive()

    def write(self, checkpoint: Checkpoint) -> None:
        """Begin to write a checkpoint; the one before must be written."""
        if self.is_busy:
            raise RuntimeError("a checkpoint is being written still")
        self._join()
        self._abandoned.clear()
        # Not a daemon: the end of the program waits for a checkpoint that was begun.
        self._thread = threading.Thread(target=self._run, args=(checkpoint,), name="stoker-checkpoint")
        self._thread.start()

    def finished(self) -> Path | None:
        """The checkpoint that was written since this was asked last, None if none was; does not wait.

        Raises
        ------
        Exception
            What kept it from being written: an OSError where the disk is full.
        """
        if self.is_busy:
            return None
        self._join()
        error, self._error = self._error, None
        written, self._written = self._written, None
        if error is not None:
            raise error
        return written

    def wait(self) -> Path | None:
        """`finished`, once what is being written is written, or has failed."""
        self._join()
        return self.finished()

    def abandon(self) -> None:
        """Leave the one that is being written unwritten, and nothing of it behind; those before it stay.

        A disk that does not answer is waited for until that is told, and no longer: what its thread does
        later can only complete the checkpoint, or remove it.
        """
        self._abandoned.set()
        self._join(limit_seconds() + _AFTER_TELLING_SECONDS)
        self._error = None

    def _run(self, checkpoint: Checkpoint) -> None:
        try:
            self._check(checkpoint)
            with Wait("writes a checkpoint to {}", str(self.store.folder)):
                self._written = self.store.write(checkpoint, self._go_on)
        except Exception as error:
            self._error = error  # for whoever trains

    def _go_on(self) -> None:
        if self._abandoned.is_set():
            raise InterruptedError("nobody wants this checkpoint any more")

    def _join(self, seconds: float | None = None) -> None:
        if self.is_busy and self._thread is not None:
            with watched(), StageWait("a checkpoint"):
                self._thread.join(seconds)
        self._thread = None
