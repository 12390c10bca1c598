"""Whose line a warning is about."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["users_stack_level"]

_OURS = (f"{Path(__file__).parents[1]}{os.sep}", f"{os.sep}keras{os.sep}src{os.sep}")


def users_stack_level() -> int:
    """The `stacklevel` with which `warnings.warn`, in the caller, points at the user's line.

    That is the innermost one outside of stoker and Keras.

    Examples
    --------
    >>> users_stack_level()  # of a line of the user's own
    1
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and any(part in frame.f_code.co_filename for part in _OURS):
        level, frame = level + 1, frame.f_back
    return level
