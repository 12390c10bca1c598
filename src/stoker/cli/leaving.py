"""The end of the program, at once.

Python takes a process apart before it ends: every module, array and compiled program one by one, which after
a training takes a second in which nothing is done that the system would not do by itself.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

from stoker.signals import Taken

__all__ = ["leave"]

_ALONE = frozenset({"convert", "evaluate", "inspect", "plan", "predict", "resume", "train"})
"""Commands that run stoker's code alone, unless a flag names other code."""


def leave(code: int, arguments: Sequence[str]) -> NoReturn:
    """End the process: what was registered to be done at exit is done, what was printed is written.

    Threads that Python would wait for are waited for, unless the program is asked to stop once more, which
    ends it at once. Where a user's own code
    ran, whose files may wait to be closed by Python, the end is Python's own.

    Parameters
    ----------
    code
        What the process exits with.
    arguments
        The command and its flags.
    """
    if _names_code(arguments):
        sys.exit(code)
    _write(code)
    with Taken(lambda number: os._exit(code)):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        _write(code)
        os._exit(code)


def _write(code: int) -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # the reader of a pipe left, or somebody closed it
        sys.exit(code)


def _names_code(arguments: Sequence[str]) -> bool:
    command, *flags = arguments or ("",)
    return command not in _ALONE or any(":" in flag or flag.startswith("--import") for flag in flags)
