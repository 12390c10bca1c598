"""Where caches lie, under which name, and whether there is room for one."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from stoker import folders
from stoker.cache.contents import Columns

__all__ = ["check_room", "file_name", "folders_of", "is_there_since"]


def folders_of(columns: Columns, directory: str | os.PathLike[str] | None) -> tuple[Path, ...]:
    """Folders that may hold the cache, the preferred one first."""
    return folders.homes(columns.places[0]) if directory is None else (Path(directory),)


def file_name(columns: Columns) -> str:
    """Of the cache in its folder."""
    return f"rows-{columns.source_key}.arrow"


def is_there_since(columns: Columns, time_ns: int) -> bool:
    """Whether there is a cache of these files that was finished behind a time: it is likely to be good.

    Parameters
    ----------
    columns
        What the rows have.
    time_ns
        When the files changed last, in nanoseconds since the epoch.
    """
    for folder in folders_of(columns, None):
        with suppress(OSError):
            if (folder / file_name(columns)).stat().st_mtime_ns > time_ns:
                return True
    return False


def check_room(folder: Path, num_bytes: int) -> None:
    """Refuse a folder, which need not exist, on a disk without room.

    Raises
    ------
    OSError
        If fewer bytes are free.
    """
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < num_bytes:
        raise OSError(f"{free:,} bytes are free")
