"""What the first host shows, shown where the program was started."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from stoker.training.progress import Display

if TYPE_CHECKING:
    from stoker.training.report import FitReport, Snapshot, Validation
    from stoker.types import Progress

__all__ = ["Message", "Player", "Relay"]

Message: TypeAlias = tuple[str, tuple[Any, ...]]
"""What is shown: the name of a method, and what it is called with."""

_SECONDS = 0.1
_MOST_SECONDS = 1.0
"""Even where nothing is shown it is told so often that training goes on."""


class Relay(Display):
    """A display that sends on what it is to show.

    Parameters
    ----------
    send
        Takes a message; does not wait.
    interval
        Of the display there.
    """

    def __init__(self, send: Callable[[Message], None], interval: float) -> None:
        self._send = send
        self.interval = min(interval, _MOST_SECONDS)

    @contextmanager
    def stage(self, name: str, unit: str = "") -> Iterator[Progress]:
        """Show a stage that is no training."""
        told = -_SECONDS

        def progress(done: float, total: float) -> None:
            nonlocal told
            now = time.monotonic()
            if now >= told + _SECONDS or done >= total:
                told = now
                self._send(("progress", (done, total)))

        self._send(("enter", (name, unit)))
        try:
            yield progress
        finally:
            self._send(("leave", ()))

    def advanced(self, snapshot: Snapshot) -> None:
        """Some steps were taken."""
        self._send(("advanced", (snapshot,)))

    def epoch_ended(self, snapshot: Snapshot) -> None:
        """All steps of an epoch were taken."""
        self._send(("epoch_ended", (snapshot,)))

    def validated(self, validation: Validation) -> None:
        """A validation was finished."""
        self._send(("validated", (validation,)))

    def finished(self, report: FitReport) -> None:
        """Training ended."""
        self._send(("finished", (report,)))

    def note(self, name: str, text: str) -> None:
        """Show a line that stays."""
        self._send(("note", (name, text)))

    def printed(self, line: str) -> None:
        """A line that the user's own code printed."""
        self._send(("printed", (line,)))


class Player:
    """Shows what a `Relay` sent.

    Parameters
    ----------
    display
        Where to.

    Examples
    --------
    >>> sent = []
    >>> with Relay(sent.append, 0.1).stage("survey", "B") as progress:
    ...     progress(1, 2)
    >>> [name for name, _ in sent]
    ['enter', 'progress', 'leave']
    >>> Player(Display()).play(sent)
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._stages: list[tuple[ExitStack, Any]] = []
        self._is_begun = False

    @property
    def is_training(self) -> bool:
        """Whether what is done, or begins next, is training, which ends behind a step."""
        return self._is_begun and not self._stages

    def play(self, messages: Sequence[Message]) -> None:
        """Show messages in their order; what was printed goes to standard error, above what changes there."""
        for name, values in messages:
            if name == "printed":
                with suppress(OSError, ValueError):  # the terminal may be closed
                    sys.stderr.write(f"{values[0]}\n")
                    sys.stderr.flush()
                continue
            self._is_begun = True
            if name == "enter":
                stack = ExitStack()
                self._stages.append((stack, stack.enter_context(self._display.stage(*values))))
            elif name == "progress":
                self._stages[-1][1](*values)
            elif name == "lost":
                self.stop()
                self._display.note(
                    "hosts", "one of them was lost: all begin again, behind the last checkpoint"
                )
            elif name == "leave":
                self._stages.pop()[0].close()
            else:
                getattr(self._display, name)(*values)

    def stop(self) -> None:
        """Whoever sent is gone: nothing that was begun is ended by it."""
        self._is_begun = False
        while self._stages:
            self._stages.pop()[0].close()
