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

_ALONE = frozenset(
    {
        "convert",
        "demo",
        "evaluate",
        "fetch",
        "inspect",
        "plan",
        "predict",
        "replay",
        "resume",
        "train",
        "verify",
    }
)
"""Commands that run stoker's code alone, unless a flag names other code."""
_MAY_NAME_CODE = ("--config", "--import")


def leave(code: int, arguments: Sequence[str]) -> NoReturn:
    """End the process: what was registered to be done at exit is done, what was printed is written.

    Threads that Python would wait for are waited for, unless a signal asks once more to stop: that ends the
    process where it stands. Where a user's own code ran, whose files may wait to be closed by Python, the end
    is Python's own.

    Parameters
    ----------
    code
        What the process exits with.
    arguments
        The command and its flags.
    """
    written, is_own = _write_out(), _names_code(arguments)
    # To the very end. Threads of a user's own code may have had something to do.
    Taken(lambda number: os._exit(code or (128 + number if is_own else 0))).__enter__()
    if is_own or not written:
        sys.exit(code)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not _write_out():
        sys.exit(code)
    os._exit(code)


def _write_out() -> bool:
    """Write what was printed; False where the reader of a pipe left, or somebody closed it."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


def _names_code(arguments: Sequence[str]) -> bool:
    command, *flags = arguments or ("",)
    return command not in _ALONE or any(":" in flag or flag.startswith(_MAY_NAME_CODE) for flag in flags)
