"""Where Ray keeps its sockets and logs, and what does not fit into memory."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stoker.folders import clean, scratch_folder

__all__ = ["home", "own_notes"]

_NAME = "ray"
_SOCKET_BYTES = 107 if sys.platform == "linux" else 103
"""The name of a socket has no more bytes."""
_WITHIN = "/.building-ray-0123456789ab/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"
"""The longest name of a socket of Ray's in a folder of ours."""
_GONE_SECONDS = 5.0
"""Within these processes that were ended write nothing any more."""
_LOOK_SECONDS = 0.02


def home() -> Path:
    """The folder in which Ray makes its own."""
    return Path(os.environ.get("RAY_TMPDIR") or ("/tmp" if os.name == "posix" else tempfile.gettempdir()))


@contextmanager
def own_notes() -> Iterator[dict[str, str]]:
    """Yield what `ray.init` is told to keep a cluster's files in a folder that is gone behind the block.

    It is told nothing, and Ray leaves its logs in its own folder, where no such folder can be made or the
    names of sockets would be too long in it. What programs left that were killed is removed before.
    """
    parent = home()
    clean(parent, _NAME)
    if len(os.fsencode(parent)) + len(_WITHIN) > _SOCKET_BYTES or not os.access(parent, os.W_OK):
        yield {}
        return
    with scratch_folder(parent, _NAME) as folder:
        folder.chmod(0o700)  # Ray writes rows there that its memory has no room for
        try:
            yield {"_temp_dir": str(folder)}
        finally:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, to which a process that is ending may write something while that is done."""
    until = time.monotonic() + _GONE_SECONDS
    shutil.rmtree(folder, ignore_errors=True)
    while folder.exists() and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)
