"""Blocks of objects kept on the local disk: the least recently used go when there are too many."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stoker import folders
from stoker.bounded import KeptFile, bytes_said, remove_least_used

__all__ = ["BlockCache", "shared_cache"]

VARIABLE = "STOKER_REMOTE_CACHE"
_USUAL_BYTES = 10 << 30
_KEPT_SHARE = 0.9
"""Of the bound, once something had to go: so that not every block makes another go."""
_COUNT = "held"
"""The file that says how many bytes the blocks have; its lock is held while that changes."""
_CHECK_BYTES = 4
"""Behind a block: what tells a torn one, for nothing waits for the disk."""


class BlockCache:
    """Blocks in files of a folder that its owner alone may read; what cannot be kept is not: reading goes on.

    Processes may share the folder: the bound is that of all their blocks together, at any time.

    Parameters
    ----------
    folder
        Where.
    limit
        Bytes of all blocks together; 0 keeps none.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit

    def find(self, url: str, version: int, number: int, size: int) -> bytes | None:
        """A block of an object, or None where it is not here whole."""
        if not self._limit:
            return None
        path = self._path(url, version, number)
        try:
            held = path.read_bytes()
        except OSError:
            return None
        data = held[:-_CHECK_BYTES]
        if len(data) != size or held[-_CHECK_BYTES:] != _check(data):
            with suppress(OSError):
                os.unlink(path)  # what comes in its place is kept
            return None
        with suppress(OSError):
            os.utime(path)
        return data

    def keep(self, url: str, version: int, number: int, data: bytes) -> None:
        """Keep a block, if the disk takes it."""
        count = len(data) + _CHECK_BYTES
        if count > self._limit:
            return
        path = self._path(url, version, number)
        with suppress(OSError):
            if not path.parent.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._folder.chmod(0o700)
                path.parent.mkdir(mode=0o700, exist_ok=True)
            if path.exists():
                return
            with (
                self._room_for(count),
                folders.staged_file(path, on_disk=False, mode=0o600) as file,
            ):
                file.write(data)
                file.write(_check(data))

    def forget(self, url: str, version: int) -> None:
        """Keep nothing of an object's version."""
        shutil.rmtree(self._path(url, version, 0).parent, ignore_errors=True)

    @contextmanager
    def _room_for(self, count: int) -> Iterator[None]:
        """While the block writes so many bytes nobody else does; others go until these fit the bound."""
        with folders.locked(self._folder / _COUNT, mode=0o600) as file:
            said = file.read()
            held = int(said) if said.isdigit() else None
            if held is None or held + count > self._limit:
                held = self._shrink(self._limit - count)
            file.seek(0)
            file.truncate()
            file.write(b"%d" % (held + count))
            file.flush()
            yield

    def _shrink(self, most: int) -> int:
        """Have at most so many bytes, without what was not used for longest; gives what is left."""
        entries = self._all()
        held = sum(entry.size for entry in entries)
        if held <= most:
            return held
        held = remove_least_used(entries, most * _KEPT_SHARE)
        for place, _, _ in os.walk(self._folder, topdown=False):
            with suppress(OSError):  # those with blocks in them stay
                os.rmdir(place)
        return held

    def _all(self) -> list[KeptFile]:
        """The blocks; what killed writers left is removed."""
        found = []
        for place, _, names in os.walk(self._folder):
            folders.clean(Path(place))
            for name in names:
                with suppress(OSError):
                    if name != _COUNT:
                        found.append(KeptFile.of(os.path.join(place, name)))
        return found

    def _path(self, url: str, version: int, number: int) -> Path:
        name = hashlib.blake2b(f"{version} {url}".encode(), digest_size=16).hexdigest()
        return self._folder / name / f"{number:010d}"


def _check(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECK_BYTES, "little")


_shared: dict[tuple[Path, int], BlockCache] = {}


def shared_cache() -> BlockCache:
    """The user's cache, as large as ``STOKER_REMOTE_CACHE`` says in bytes: 10 GiB if it is not set.

    Raises
    ------
    OptionError
        It is no number of bytes.
    """
    limit = bytes_said(VARIABLE, _USUAL_BYTES)
    folder = folders.user_cache() / "remote"
    return _shared.setdefault((folder, limit), BlockCache(folder, limit))
