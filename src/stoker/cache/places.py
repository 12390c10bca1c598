"""Where caches lie, under which name, and whether there is room for one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from stoker import folders
from stoker.cache.contents import Columns

__all__ = ["check_room", "file_name", "folders_of"]


def folders_of(columns: Columns, directory: str | os.PathLike[str] | None) -> tuple[Path, ...]:
    """Folders that may hold the cache, the preferred one first."""
    return folders.homes(columns.paths[0]) if directory is None else (Path(directory),)


def file_name(columns: Columns) -> str:
    """Of the cache in its folder."""
    return f"rows-{columns.source_key}.arrow"


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
