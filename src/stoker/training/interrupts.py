"""Whoever asks training to stop is heeded between two steps, never inside of one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stoker.signals import Taken, raise_for

__all__ = ["Interrupts", "is_interactive"]


class Interrupts:
    """Holds Ctrl-C, SIGTERM and SIGHUP back until the step under way is finished.

    A step on JAX gives its old weights away before the new ones exist; an exception in between would lose
    both. Once training was asked to stop, by whatever signal, another Ctrl-C is raised at once. A handler
    that the program has set itself is left alone, and so are signals outside of the main thread.

    Parameters
    ----------
    agreed
        Whether nothing is raised before `agree`, since other processes train along, and all stop at one step.

    Attributes
    ----------
    asked
        The first signal that was raised, None before.
    forced
        Whether Ctrl-C was raised at once after that, or instead of it: the weights may be lost.

    Examples
    --------
    >>> with Interrupts() as interrupts:
    ...     interrupts.check()
    """

    def __init__(self, *, agreed: bool = False) -> None:
        self._waits = agreed
        self.asked: int | None = None
        self.forced = False
        self._pending: int | None = None
        self._immediate = False
        self._deferred = False
        self._shielded = False
        self._late = False
        self._taken = Taken(self._handle)

    def __enter__(self) -> Interrupts:
        self._taken.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        self._taken.__exit__()
        asked = self.asked if self._pending is None else self._pending
        if asked is not None and asked != signal.SIGINT and is_interactive():
            # A notebook would show SystemExit and go on: it ends by the signal, as it would have before.
            os.kill(os.getpid(), asked)
        self._waits = False
        if kind is None and not self.returns:
            self.check()

    @property
    def returns(self) -> bool:
        """Whether what was reached is returned: after one Ctrl-C, to a person who sits before a prompt."""
        first = self._pending if self.asked is None else self.asked
        return first == signal.SIGINT and not self.forced and is_interactive()

    @property
    def is_pending(self) -> bool:
        """Whether `check` will raise."""
        return self._pending is not None and not self._deferred and not self._waits

    @property
    def wanted(self) -> int:
        """The number of the signal that is held back, 0 where there is none."""
        return self._pending or 0

    def agree(self, number: int) -> None:
        """All processes that train together stop here: the next `check` raises this."""
        self._pending, self._waits = number, False

    def check(self) -> None:
        """Raise what was held back: KeyboardInterrupt or `stoker.signals.Terminated`."""
        if self._pending is not None and self.is_pending:
            self._raise(self._pending)

    @contextmanager
    def immediate(self) -> Iterator[None]:
        """Inside, signals are raised at once: nothing is lost by it."""
        self._immediate = True
        try:
            self.check()
            yield
        finally:
            self._immediate = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside, what is held back stays so, and is raised by the first `check` behind it."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Inside, not even a second Ctrl-C is raised: for what must be closed, and does not take long."""
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False
        if self._late:
            self._late = False
            self._raise(signal.SIGINT)

    def _handle(self, number: int) -> None:
        again = self.asked is not None or self._pending is not None
        if again and number != signal.SIGINT:
            return  # `timeout` and schedulers send it to the process and to its group
        self.forced = self.forced or again
        if self._shielded:
            self._late, self._pending = again, None if again else number
        elif again or (self._immediate and not self._deferred and not self._waits):
            self._raise(number)
        else:
            self._pending = number

    def _raise(self, number: int) -> None:
        self.asked, self._pending = self.asked or number, None
        raise_for(number)


def is_interactive() -> bool:
    """Whether a person sits before a prompt: Python's, IPython's or a notebook's."""
    return hasattr(sys, "ps1")
