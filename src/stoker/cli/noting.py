"""What is noted on the command line: in its own words, and of processes that were lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from stoker.cli.flags import with_flags
from stoker.training.progress import Display, LogNotes

if TYPE_CHECKING:
    from stoker.training.report import FitReport, Snapshot, Validation
    from stoker.types import Progress

__all__ = ["InFlags", "losses_noted"]


@contextmanager
def losses_noted(display: Display) -> Iterator[None]:
    """Inside, the display says when one of the hosts that score or convert was lost."""
    from stoker.cluster.connection import LOSSES

    log, notes = logging.getLogger(LOSSES), LogNotes(display, "hosts")
    propagates, log.propagate = log.propagate, False
    log.addHandler(notes)
    try:
        yield
    finally:
        log.removeHandler(notes)
        log.propagate = propagates


class InFlags(Display):
    """Shows on another display, notes in the words of the command line.

    Parameters
    ----------
    shown
        The other display.
    """

    def __init__(self, shown: Display) -> None:
        self._shown = shown
        self.interval = shown.interval

    def stage(self, name: str, unit: str = "") -> AbstractContextManager[Progress]:
        """Show a stage that is no training."""
        return self._shown.stage(name, unit)

    def advanced(self, snapshot: Snapshot) -> None:
        """Some steps were taken."""
        self._shown.advanced(snapshot)

    def epoch_ended(self, snapshot: Snapshot) -> None:
        """All steps of an epoch were taken."""
        self._shown.epoch_ended(snapshot)

    def validated(self, validation: Validation) -> None:
        """A validation was finished."""
        self._shown.validated(validation)

    def finished(self, report: FitReport) -> None:
        """Training ended."""
        self._shown.finished(report)

    def note(self, name: str, text: str) -> None:
        """Show a line that stays."""
        self._shown.note(name, with_flags(text))

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._shown.close()
