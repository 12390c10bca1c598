"""Ctrl-C, SIGTERM and SIGHUP, none of which can get lost.

Where Python runs a callback for C code (JAX hooks the garbage collector, for instance), an exception cannot
leave it: it is handed to ``sys.unraisablehook``, printed and forgotten, and what a signal happens to raise
there would be too. Here it is raised once more, a moment later.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stoker.signals import Taken, Terminated, raise_for

__all__ = ["kept_interrupts"]

_MOMENT = 0.02


@contextmanager
def kept_interrupts() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP are raised as Ctrl-C is, and what a callback swallows of them comes again.

    Examples
    --------
    >>> with kept_interrupts():
    ...     pass
    """
    previous = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            number = signal.SIGINT
        elif isinstance(unraisable.exc_value, Terminated):
            number = unraisable.exc_value.number
        else:
            previous(unraisable)
            return
        # From another thread: raised here and now, it would be swallowed like the first.
        timer = threading.Timer(_MOMENT, _signal_main_thread, [number])
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        with Taken(raise_for, yields=True):
            yield
    finally:
        sys.unraisablehook = previous


def _signal_main_thread(number: int) -> None:
    """Send the signal itself, which also ends a wait."""
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        signal.pthread_kill(main_thread, number)
