"""Folders of texts or images in stores that list their objects: an address that ends with a slash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, DataError
from stoker.sources.files import FileIdentity
from stoker.sources.folder_contents import is_passed_over
from stoker.sources.remote.objects import NO_FOLDER
from stoker.sources.remote.together import together

__all__ = ["Found", "by_class", "file_elsewhere", "files_elsewhere", "read_elsewhere"]

_INODE_BITS = 63


@dataclass(frozen=True, slots=True)
class Found:
    """What a store lists.

    Attributes
    ----------
    name
        Path within the folder.
    size
        Bytes.
    """

    name: str
    size: int


def files_elsewhere(path: str) -> tuple[list[Found], FileIdentity]:
    """All files below a folder, sorted bytewise, without what is passed over; and all as one.

    Raises
    ------
    DataError
        The store does not list them, or there are none.
    """
    from stoker.sources.remote.listing import remote_sizes

    listed = [one for one in remote_sizes(path) if not any(map(is_passed_over, one.name.split("/")))]
    if not listed:
        raise DataError(f"{path}: {NO_FOLDER}")
    listed.sort(key=lambda one: os.fsencode(one.name))
    hashed, size = hashlib.blake2b(digest_size=8), 0
    for one in listed:
        hashed.update(f"{one.size} {one.tag} ".encode() + os.fsencode(one.name) + b"\0")
        size += one.size
    digest = int.from_bytes(hashed.digest(), "little") >> (64 - _INODE_BITS)
    identity = FileIdentity(path=path, size=size, mtime_ns=0, ctime_ns=0, inode=digest)
    return [Found(one.name, one.size) for one in listed], identity


def file_elsewhere(path: str) -> FileIdentity:
    """A file that is named by itself; where no version is told its size alone tells it from another.

    Raises
    ------
    DataError
        It is not there, or its store does not answer.
    """
    from stoker.sources.remote.reader import remote_info

    found = remote_info(path)
    return FileIdentity(path=path, size=found.size, mtime_ns=0, ctime_ns=found.version or 0, inode=0)


def by_class(files: Sequence[Found], left_out: str) -> tuple[list[str], Sequence[Found]]:
    """The class folders, and the files in them; all files where there is no folder.

    Parameters
    ----------
    files
        All files.
    left_out
        A folder that is no class, unless it is the only one.

    Examples
    --------
    >>> by_class([Found("README", 1), Found("pos/1.txt", 1), Found("unsup/1.txt", 1)], "unsup")
    (['pos'], [Found(name='pos/1.txt', size=1)])
    """
    folders = sorted({one.name.partition("/")[0] for one in files if "/" in one.name}, key=os.fsencode)
    folders = [name for name in folders if name != left_out] or folders
    inside = [one for one in files if "/" in one.name and one.name.partition("/")[0] in folders]
    return folders, inside if folders else files


def read_elsewhere(paths: Sequence[str], sizes: Sequence[int], out: npt.NDArray[np.uint8]) -> None:
    """Fill `out` with what the files hold, one behind the other; several are asked for at once.

    Raises
    ------
    ChangedDataError
        One is gone, or longer or shorter than it was.
    """
    ends = np.cumsum([0, *sizes]).tolist()

    def read(place: int) -> None:
        from stoker.sources.remote.reader import RemoteReader

        path, size = paths[place], sizes[place]
        try:
            with RemoteReader(path, confirms=False) as reader:
                count = reader.read_into(out[ends[place] : ends[place + 1]], 0)
                is_whole = count == size == reader.size
        except ChangedDataError:
            raise
        except DataError as error:
            raise ChangedDataError(
                f"{path} was there when its folder was opened and cannot be read now ({error}); put it back, "
                "or open the folder again"
            ) from error
        if not is_whole:
            raise ChangedDataError(
                f"{path} changed since its folder was opened: it had {size} bytes; restore it, or open the "
                "folder again"
            )

    together(read, range(len(paths)), paths.__getitem__)
