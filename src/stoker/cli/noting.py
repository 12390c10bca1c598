"""A display whose notes name flags, where the library's name what Python takes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from stoker.cli.flags import with_flags
from stoker.training.progress import Display

if TYPE_CHECKING:
    from stoker.training.report import FitReport, Snapshot, Validation
    from stoker.types import Progress

__all__ = ["InFlags"]


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
