"""Rows in the user's cache directory: of all that is kept there what was not used for longest goes.

Rows beside the data go when their owner removes them; what lies in the cache directory, of queries, streams
and data elsewhere, nobody would come upon.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stoker import folders
from stoker.bounded import KeptFile, bytes_said, remove_least_used

__all__ = ["VARIABLE", "note_use"]

VARIABLE = "STOKER_ROWS_CACHE"
_USUAL_BYTES = 50 << 30
_DAYS = 30
_MOST_AGE_NS = _DAYS * 86_400 * 10**9


def note_use(path: Path) -> None:
    """Note that rows are used: those go that were not for 30 days, and those that are too many.

    The rows themselves stay, however many they are, and so do rows beside the data.

    Parameters
    ----------
    path
        The file of the rows.

    Raises
    ------
    OptionError
        If ``STOKER_ROWS_CACHE`` is no number of bytes.
    """
    most = bytes_said(VARIABLE, _USUAL_BYTES)
    if path.parent.parent != folders.user_cache():
        return
    with suppress(OSError):
        os.utime(path)
        mine = KeptFile.of(path)
        others = [each for each in _all() if each.path != mine.path]
        # What is newer is what others use; clocks that were set back make nothing old.
        old = [each for each in others if mine.used_ns - each.used_ns > _MOST_AGE_NS]
        remove_least_used(old, 0)
        remove_least_used([each for each in others if each not in old], most - mine.size)


def _all() -> Iterator[KeptFile]:
    """All rows in the user's cache directory."""
    for folder in folders.user_cache().iterdir():
        for path in folder.glob("rows-*.arrow"):
            with suppress(OSError):
                yield KeptFile.of(path)
