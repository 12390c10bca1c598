"""What a display is told of a running epoch, and when."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import psutil

from stoker.training.handover import Handover
from stoker.training.progress import Display
from stoker.training.report import Snapshot
from stoker.training.tally import Tally

__all__ = ["Saves", "Showing"]


class Saves(Protocol):
    """What saves models: ``saved_at`` is ``time.monotonic()`` of the last one, None before."""

    saved_at: float | None


class Showing:
    """Shows an epoch at its display's pace.

    Parameters
    ----------
    display
        Where to.
    training, tally
        What is trained on, and what was counted.
    saves
        Who saves: the age of the youngest model is shown.
    epochs
        The epoch at which training ends.
    """

    def __init__(
        self, display: Display, training: Handover, tally: Tally, saves: Sequence[Saves], epochs: int
    ) -> None:
        self._display = display
        self._training, self._tally = training, tally
        self._saves = saves
        self._epochs = epochs
        self._process = psutil.Process()
        self._at = tally.started
        self._rows = 0
        self._compiled = 0.0
        self._rate = 0.0

    @property
    def due_at(self) -> float:
        """``time.perf_counter()`` at which `show` is wanted next."""
        return self._at + self._display.interval

    def begin_epoch(self) -> None:
        """Count from the rows that the epoch has already."""
        self._at, self._rows = time.perf_counter(), self._tally.rows
        self._compiled = self._tally.compile_seconds

    def show(self, epoch: int, finished: int, logs: Mapping[str, float], *, last: bool) -> None:
        """Show how far the epoch is; `last` once its steps are taken."""
        now = time.perf_counter()
        snapshot = self._snapshot(epoch, finished, logs, now)
        self._at, self._rows, self._compiled = now, self._tally.rows, self._tally.compile_seconds
        if last:
            self._display.epoch_ended(snapshot)
        else:
            self._display.advanced(snapshot)

    def _snapshot(self, epoch: int, finished: int, logs: Mapping[str, float], now: float) -> Snapshot:
        rows = self._tally.rows
        # What is done once after an installation says nothing of the rows to come, and is told by itself.
        passed = max(now - self._at - (self._tally.compile_seconds - self._compiled), 1e-9)
        current = (rows - self._rows) / passed
        # Half of the old rate: a figure that can be read, and yet follows within a second or two.
        self._rate = current if self._rate == 0.0 else 0.5 * self._rate + 0.5 * current
        in_epoch = max(self._tally.epoch_train_seconds - self._tally.epoch_compile_seconds, 1e-9)
        rate = rows / in_epoch if finished >= self._training.num_batches else self._rate
        ledger = getattr(self._training.feed, "ledger", None)
        saved_at = max((each.saved_at for each in self._saves if each.saved_at is not None), default=None)
        return Snapshot(
            epoch=epoch,
            epochs=self._epochs,
            batches=finished,
            num_batches=self._training.num_batches,
            num_rows=self._training.feed.num_rows,
            rows_per_second=rate,
            eta_seconds=self._seconds_left(finished, rows, rate),
            logs=logs,
            waiting=min(self._tally.epoch_wait_seconds / in_epoch, 1.0),
            compile_seconds=self._tally.epoch_compile_seconds,
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
