"""Tests wait until something is so, with a limit, and never for a time that should be enough for it."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["LIMIT_SECONDS", "Told", "ctrl_c_when", "meanwhile", "until"]

LIMIT_SECONDS = 20.0
"""Far more than anything takes that a test waits for; only what never comes takes as long."""

_LOOK_EVERY_SECONDS = 0.005


def until(holds: Callable[[], object], *, within: float = LIMIT_SECONDS) -> None:
    """Wait until that holds; an AssertionError where it does not in time."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"not within {within:g} seconds"
        time.sleep(_LOOK_EVERY_SECONDS)


@contextmanager
def meanwhile(act: Callable[[], object], *, when: Callable[[], object]) -> Iterator[None]:
    """Inside, another thread waits until `when` holds, and acts then."""

    def wait() -> None:
        until(when)
        act()

    thread = threading.Thread(target=wait, name="meanwhile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(2 * LIMIT_SECONDS)


@contextmanager
def ctrl_c_when(holds: Callable[[], object]) -> Iterator[None]:
    """Inside, somebody presses Ctrl-C as soon as that holds."""
    with meanwhile(lambda: os.kill(os.getpid(), signal.SIGINT), when=holds):
        yield


class Told(logging.Handler):
    """Takes what the logger of stoker warns of while it is entered, and can wait for it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self._came = threading.Condition()

    def __enter__(self) -> Told:
        logging.getLogger("stoker").addHandler(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger("stoker").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        with self._came:
            self.texts.append(record.getMessage())
            self._came.notify_all()

    def of(self, *words: str) -> str:
        """The first with all these words; waits for it, as one who waits is told again and again.

        What else the machine has to do decides after how many seconds it is told: they are N in the text.
        The first time not all may wait yet who do in the end, or a kernel is being compiled.
        """
        with self._came:
            found = self._came.wait_for(lambda: self._having(words), LIMIT_SECONDS)
            assert found, f"nobody was told {words}, but {self.texts}"
            return found[0]

    def _having(self, words: tuple[str, ...]) -> list[str]:
        told = [re.sub(r"\b(after|since) \d+ s\b", r"\1 N s", text) for text in self.texts]
        return [text for text in told if all(each in text for each in words)]
