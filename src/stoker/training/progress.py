"""What training shows while it runs; the displays themselves are in `displays`."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from stoker.errors import OptionError
from stoker.training.report import FitReport, Snapshot, Validation

if TYPE_CHECKING:
    from stoker.types import Progress

__all__ = ["Display", "LogNotes", "choose_display", "display_for"]


class Display:
    """Shows nothing; the base of those that do.

    Duties: no method blocks for longer than it takes to write a line, raises because of a closed terminal,
    or writes to standard output. `close` is idempotent and leaves the terminal as it was.

    Attributes
    ----------
    interval
        Seconds between two calls of `advanced`. The loss is fetched from the device only for these.
    """

    interval: float = math.inf

    def stage(self, name: str, unit: str = "") -> AbstractContextManager[Progress]:
        """Show a stage that is no training; yields a function of (done, total)."""
        return nullcontext(lambda done, total: None)

    def advanced(self, snapshot: Snapshot) -> None:
        """Some steps were taken."""

    def epoch_ended(self, snapshot: Snapshot) -> None:
        """All steps of an epoch were taken; its validation comes after."""

    def validated(self, validation: Validation) -> None:
        """A validation was finished."""

    def finished(self, report: FitReport) -> None:
        """Training ended."""

    def note(self, name: str, text: str) -> None:
        """Show a line that stays."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class LogNotes(logging.Handler):
    """Shows what a log warns of.

    Parameters
    ----------
    display
        Where to.
    name
        What the lines begin with.
    """

    def __init__(self, display: Display, name: str = "warning") -> None:
        super().__init__(logging.WARNING)
        self._display, self._name = display, name

    def emit(self, record: logging.LogRecord) -> None:
        """Show a warning."""
        self._display.note(self._name, record.getMessage())


def choose_display(progress: str | Display) -> Display:
    """The display for ``"auto"``, ``"bar"``, ``"notebook"``, ``"plain"`` or ``"none"``.

    ``"auto"`` is a notebook's display in a notebook, a bar where standard error is a terminal, and plain
    lines elsewhere. A `Display` is returned as it is.

    Raises
    ------
    OptionError
        If there is no such display.
    """
    if isinstance(progress, Display):
        return progress
    if progress == "none":
        return Display()
    from stoker.training import displays

    if progress == "auto":
        if displays.in_notebook():
            return displays.NotebookDisplay()
        return displays.BarDisplay() if sys.stderr.isatty() else displays.PlainDisplay()
    made: dict[str, Callable[[], Display]] = {
        "bar": displays.BarDisplay,
        "plain": displays.PlainDisplay,
        "notebook": displays.NotebookDisplay,
    }
    if progress not in made:
        raise OptionError(f"progress must be auto, bar, notebook, plain or none, got {progress!r}")
    return made[progress]()


def display_for(verbose: int | str | bool) -> Display:
    """The display for Keras's ``verbose``: 0 none, 1 or ``"auto"`` the usual one, 2 plain lines.

    Raises
    ------
    OptionError
        If it is none of these.
    """
    names = {0: "none", 1: "auto", 2: "plain", "auto": "auto"}
    if verbose not in names:
        raise OptionError(f"verbose must be 0, 1 or 2, got {verbose!r}")
    return choose_display(names[verbose])
