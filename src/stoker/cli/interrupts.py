"""Ctrl-C, SIGTERM and SIGHUP, none of which can get lost.

Where Python runs a callback for C code (JAX hooks the garbage collector, for instance), an exception cannot
leave it: it is handed to ``sys.unraisablehook``, printed and forgotten, and what a signal happens to raise
there would be too. Here it is raised once more, a moment later.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from stoker.signals import Taken, Terminated, raise_for

__all__ = ["kept_interrupts", "told_first"]

_MOMENT = 0.02
_MOST_MOMENTS = 500


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
        # From another thread, behind this call: raised in here, it would be swallowed like the first.
        threading.Thread(target=_signal_behind, args=(again.__code__, number), daemon=True).start()

    sys.unraisablehook = again
    try:
        with Taken(raise_for, yields=True):
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


def _signal_behind(hook: CodeType, number: int) -> None:
    """Send the signal itself, which also ends a wait, once the main thread is out of the hook."""
    main_thread = threading.main_thread().ident
    if main_thread is None:
        return
    for _ in range(_MOST_MOMENTS):
        time.sleep(_MOMENT)
        if not _runs(main_thread, hook):
            break
    signal.pthread_kill(main_thread, number)


def _runs(thread: int, code: CodeType) -> bool:
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None
