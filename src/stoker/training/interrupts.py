"""Ctrl-C arrives between two steps, never inside of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Holds Ctrl-C back until the step under way is finished.

    A step on JAX gives its old weights away before the new ones exist; an exception in between would lose
    both. A second Ctrl-C is raised at once. A handler that the program has set itself is left alone, and
    so are signals outside of the main thread.

    Examples
    --------
    >>> with Interrupts() as interrupts:
    ...     interrupts.check()
    """

    def __init__(self) -> None:
        self._pending = False
        self._immediate = False
        self._previous: Any = None

    def __enter__(self) -> Interrupts:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None
        if exception[0] is None:
            self.check()

    def check(self) -> None:
        """Raise the KeyboardInterrupt that was held back."""
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    @contextmanager
    def immediate(self) -> Iterator[None]:
        """Inside, Ctrl-C is raised at once: nothing is lost by it."""
        self._immediate = True
        try:
            self.check()
            yield
        finally:
            self._immediate = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._immediate or self._pending:
            self._pending = False
            raise KeyboardInterrupt
        self._pending = True
