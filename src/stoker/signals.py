"""Signals that ask a program to stop: Ctrl-C, ``kill`` and schedulers, and a terminal that is closed.

Ctrl-C arrives as a KeyboardInterrupt, as ever. The others end a program where it stands unless somebody takes
them over; here they become an exception, so that what was opened is closed and what was begun is removed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

__all__ = ["STOPPING", "Taken", "Terminated", "number_of", "raise_for"]

STOPPING = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, what ``kill`` and schedulers send, and what a terminal sends that is closed."""


class Terminated(SystemExit):
    """A signal other than Ctrl-C asked this program to stop; uncaught, it exits with 128 and the number.

    Examples
    --------
    >>> Terminated(signal.SIGTERM).code
    143
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = signal.Signals(number)


def raise_for(number: int) -> NoReturn:
    """Raise what a signal means: KeyboardInterrupt for Ctrl-C, else `Terminated`."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


def number_of(asked: BaseException) -> int:
    """The number of the signal that `raise_for` raised something for.

    Examples
    --------
    >>> number_of(Terminated(signal.SIGTERM)) == signal.SIGTERM
    True
    """
    return int(asked.number if isinstance(asked, Terminated) else signal.SIGINT)


class Taken:
    """The stopping signals that nobody has taken, handled while this is entered, in the main thread alone.

    A handler that the program has set itself stays, and so does a signal that is ignored, as SIGHUP is under
    ``nohup``. A process that is forked meanwhile is ended by them as if nobody had taken them.

    Parameters
    ----------
    handle
        Called with a signal's number, between two instructions of Python.
    yields
        Whether another `Taken` may take them over inside of this one.

    Examples
    --------
    >>> with Taken(raise_for):
    ...     signal.raise_signal(signal.SIGTERM)
    Traceback (most recent call last):
    stoker.signals.Terminated: 143
    """

    def __init__(self, handle: Callable[[int], None], *, yields: bool = False) -> None:
        self.yields = yields
        self._act = handle
        self._process = os.getpid()
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Taken:
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                if _is_free(number):
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        while self._previous:
            number, before = self._previous.popitem()
            if signal.getsignal(number) == self._handle:  # else somebody has taken it since, who keeps it
                signal.signal(number, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._process:
            self._act(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _is_free(number: signal.Signals) -> bool:
    handler = signal.getsignal(number)
    if handler is (signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL):
        return True
    owner = getattr(handler, "__self__", None)
    return isinstance(owner, Taken) and owner.yields
