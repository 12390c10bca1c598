"""Ctrl-C, SIGTERM and SIGHUP, none of which can get lost, nor end a command twice.

Where Python runs a callback for C code (JAX hooks the garbage collector, for instance), an exception cannot
leave it: it is handed to ``sys.unraisablehook``, printed and forgotten, and what a signal happens to raise
there would be too. Here it is raised once more, a moment later.

It is entered before anything else is imported, and imports next to nothing itself: a signal that comes before
ends the program as Python does.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stoker.cli.telling import tell
from stoker.signals import Taken, Terminated, raise_for, runs, send_behind

__all__ = ["told_first", "until_stopped"]


def until_stopped(command: Callable[[], int]) -> int:
    """Run a command that Ctrl-C, SIGTERM and SIGHUP stop; return what the process exits with.

    A SIGTERM or SIGHUP while another is heeded is the same one: `timeout` and schedulers send it to the
    process and to its group. Ctrl-C is raised each time, until the command is over. From then on nothing is,
    but whoever asks twice more does not wait for the reader of a full pipe.

    Parameters
    ----------
    command
        Returns an exit code.

    Examples
    --------
    >>> until_stopped(lambda: 2)
    2
    """
    stops = _Stops()
    with _raised_again(), Taken(stops.heed, yields=True):
        try:
            code = command()
            stops.code = code
            return code
        # What comes first here comes before any signal can: one more would leave this function.
        except KeyboardInterrupt:
            stops.code = 128 + signal.SIGINT
            return tell("stopped by Ctrl-C", stops.code)
        except Terminated as asked:
            stops.code = 128 + asked.number
            return tell(f"stopped by {asked.number.name}", stops.code)


class _Stops:
    """What signals mean to a command, as far as it has come."""

    def __init__(self) -> None:
        self.code: int | None = None
        """What the process exits with, once the command is over."""
        self._passed = 0

    def heed(self, number: int) -> None:
        if self.code is not None:
            self._passed += 1
            if self._passed > 1:
                os._exit(self.code)
        elif number == signal.SIGINT or not _is_being_stopped():
            raise_for(number)


def _is_being_stopped() -> bool:
    """Whether the main thread closes what was begun because a signal other than Ctrl-C was raised."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, Terminated):
        error = error.__context__
    return error is not None


@contextmanager
def _raised_again() -> Iterator[None]:
    """Inside, what a callback swallows of signals comes again."""
    previous = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            number = signal.SIGINT
        elif isinstance(unraisable.exc_value, Terminated):
            number = unraisable.exc_value.number
        else:
            previous(unraisable)
            return
        # Raised in here, it would be swallowed like the first.
        send_behind(lambda frame: runs(frame, (again.__code__,)), number)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = previous


@contextmanager
def told_first() -> Iterator[None]:
    """Inside, a command that is stopped says what is left, whatever signal comes meanwhile.

    Ctrl-C that comes twice is raised.
    """
    passed = 0

    def pass_once(number: int) -> None:
        nonlocal passed
        passed += number == signal.SIGINT
        if passed > 1:
            raise_for(number)

    with Taken(pass_once):
        yield
