"""What a test could leave behind, though other tests run beside it and before it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["named_segments", "no_thread_is_left"]

_SHARED = Path("/dev/shm")


@contextmanager
def no_thread_is_left() -> Iterator[None]:
    """Behind the block no thread lives that did not before; those of other tests may end meanwhile."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def named_segments() -> list[str]:
    """Files of shared memory that have a name of ours or of Python's; databases and others have some, too."""
    names = os.listdir(_SHARED) if _SHARED.is_dir() else []
    return sorted(name for name in names if "stoker" in name or name.startswith(("psm_", "pym-")))
