"""Blocks of objects kept on the local disk: the least recently used go when there are too many."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path

import platformdirs

from stoker import folders
from stoker.errors import OptionError

__all__ = ["BlockCache", "shared_cache"]

VARIABLE = "STOKER_REMOTE_CACHE"
_USUAL_BYTES = 10 << 30
_KEPT_SHARE = 0.9
"""Of the bound, once something had to go: so that not every block makes another go."""


class BlockCache:
    """Blocks in files of a folder; processes may share it. What cannot be kept is not: reading goes on.

    Parameters
    ----------
    folder
        Where.
    limit
        Bytes of all blocks together; 0 keeps none.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._lock = threading.Lock()
        self._held: int | None = None

    def find(self, url: str, version: int, number: int, size: int) -> bytes | None:
        """A block of an object, or None where it is not here whole."""
        if not self._limit:
            return None
        path = self._path(url, version, number)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if len(data) != size:
            return None
        with suppress(OSError):
            os.utime(path)
        return data

    def keep(self, url: str, version: int, number: int, data: bytes) -> None:
        """Keep a block, if the disk takes it."""
        if len(data) > self._limit:
            return
        path = self._path(url, version, number)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with folders.staged_file(path) as file:
                file.write(data)
        except OSError:
            return
        with self._lock:
            if self._held is None:
                self._held = sum(size for _, size, _ in self._all())
            else:
                self._held += len(data)
            if self._held > self._limit:
                self._held = self._shrink()

    def _shrink(self) -> int:
        """Remove what was not used for longest; gives what is left."""
        entries = sorted(self._all())
        held = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if held <= self._limit * _KEPT_SHARE:
                break
            with suppress(OSError):
                os.unlink(path)
            held -= size
        return held

    def _all(self) -> list[tuple[int, int, str]]:
        """When each block was last used, its bytes and its path."""
        found = []
        for place, _, names in os.walk(self._folder):
            for name in names:
                path = os.path.join(place, name)
                with suppress(OSError):
                    status = os.stat(path)
                    found.append((status.st_mtime_ns, status.st_size, path))
        return found

    def _path(self, url: str, version: int, number: int) -> Path:
        name = hashlib.blake2b(f"{version} {url}".encode(), digest_size=16).hexdigest()
        return self._folder / name / f"{number:010d}"


_shared: dict[tuple[Path, int], BlockCache] = {}


def shared_cache() -> BlockCache:
    """The user's cache, as large as ``STOKER_REMOTE_CACHE`` says in bytes: 10 GiB if it is not set.

    Raises
    ------
    OptionError
        It is no number of bytes.
    """
    text = os.environ.get(VARIABLE, "")
    if text and not text.isdigit():
        raise OptionError(f"{VARIABLE} must be a number of bytes, 0 for no cache, got {text!r}")
    limit = int(text) if text else _USUAL_BYTES
    folder = Path(platformdirs.user_cache_dir("stoker", appauthor=False)) / "remote"
    return _shared.setdefault((folder, limit), BlockCache(folder, limit))
