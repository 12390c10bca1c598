"""Keras, imported in a thread of its own.

A signal that arrives while a library of C or C++ is being loaded is raised in the middle of that, which some
do not survive: JAX's ended the process with an abort, or forgot that there was a signal. The main thread,
which is the one that signals are raised in, only waits meanwhile.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from contextlib import suppress

from stoker.cli.collecting import look_again

__all__ = ["begin_importing", "import_fit"]


def begin_importing(load: Callable[[], object]) -> threading.Thread:
    """Call what imports a module of stoker's that takes Keras along, beside what this thread does.

    Join the thread before importing the module anew, which then tells what went wrong. The end of the program
    waits, too: a library that is being loaded must not lose the ground under its feet.
    """

    def run() -> None:
        with suppress(Exception):
            load()
        look_again()

    thread = threading.Thread(target=run, name="stoker-import")
    thread.start()
    return thread


def import_fit() -> None:
    """Import `stoker.training.fit`, with all that it takes along."""
    importlib.import_module("stoker.training.fit")
