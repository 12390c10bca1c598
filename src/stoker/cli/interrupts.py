"""Ctrl-C that cannot get lost.

Where Python runs a callback for C code (JAX hooks the garbage collector, for instance), an exception cannot
leave it: it is handed to ``sys.unraisablehook``, printed and forgotten, and a KeyboardInterrupt that happens
to be raised there would be too. Here it is raised once more, a moment later.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["kept_interrupts"]

_MOMENT = 0.02


@contextmanager
def kept_interrupts() -> Iterator[None]:
    """Inside, a KeyboardInterrupt that a callback swallows comes again.

    Examples
    --------
    >>> with kept_interrupts():
    ...     pass
    """
    previous = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            previous(unraisable)
            return
        # From another thread: raised here and now, it would be swallowed like the first.
        timer = threading.Timer(_MOMENT, _interrupt_main_thread)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = previous


def _interrupt_main_thread() -> None:
    """Send the signal itself, which also ends a wait."""
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)
