"""The sentence on standard error with which a command ends."""

from __future__ import annotations

import os
import sys
from typing import TextIO

__all__ = ["silence", "tell"]


def tell(sentence: str, code: int) -> int:
    """Say it, if anybody listens, and return the exit code.

    Examples
    --------
    >>> tell("done", 0)
    0
    """
    try:
        print(f"stoker: {sentence}", file=sys.stderr, flush=True)
    except OSError:  # the terminal is closed
        silence(sys.stderr)
    return code


def silence(stream: TextIO) -> None:
    """Let what is still to be written go nowhere, or Python complains of it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
