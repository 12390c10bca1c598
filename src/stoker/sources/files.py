"""Files read by position: descriptors that many threads share, and who a file is."""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, DataError
from stoker.given import located
from stoker.sources.access import not_read
from stoker.sources.packing import PackedStream, packing_of
from stoker.sources.remote.names import is_remote, is_remote_folder
from stoker.waits import Wait

__all__ = [
    "ByteReader",
    "FileIdentity",
    "FilePool",
    "FileReader",
    "SequentialFile",
    "identify",
    "is_folder",
    "is_there",
    "line_of",
    "open_reader",
]

_HAS_PREADV = hasattr(os, "preadv")
_LINE_PIECE = 1 << 22
_LF, _CR = 10, 13


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIdentity:
    """What the file system says of a file; times and inode only save a second hashing.

    The time of modification can be set back, and some copying tools do; that of the inode's change cannot.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def identify(path: str) -> FileIdentity:
    """Size, times and inode of a file.

    Raises
    ------
    DataError
        The file is absent or cannot be looked at.
    """
    if is_remote(path):
        return _identify_remote(path)
    try:
        status = os.stat(located(path))
    except OSError as error:
        raise not_read(path, error) from error
    return FileIdentity(
        path=path,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
    )


def is_there(path: str) -> bool:
    """Whether there is a file, wherever that would be.

    Raises
    ------
    DataError
        It is elsewhere, and its store does not say.
    """
    if not is_remote(path):
        return os.path.isfile(located(path))
    from stoker.sources.remote.reader import remote_is_there

    return remote_is_there(path)


def is_folder(path: str) -> bool:
    """Whether a path is that of a folder; one elsewhere has an address that ends with a slash.

    Examples
    --------
    >>> is_folder("s3://bucket/reviews/"), is_folder("s3://bucket/train.csv")
    (True, False)
    """
    return os.path.isdir(located(path)) or is_remote_folder(path)


class ByteReader(Protocol):
    """Bytes by position. Duties: safe to use from several threads, unless they are read in order."""

    path: str

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def look(self) -> tuple[int, bool]:
        """How many there are now, and whether they still have a name."""
        ...

    def read_into(self, out: npt.NDArray[np.uint8], offset: int) -> int:
        """Fill `out` with the bytes from `offset` on; fewer only at the end. Returns how many."""
        ...

    def close(self) -> None:
        """Give back what is held; idempotent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: Any) -> None: ...


def _identify_remote(path: str) -> FileIdentity:
    from stoker.sources.remote.reader import remote_info

    found = remote_info(path)
    # What cannot be told from another version is not taken for the one that was read another time.
    version = secrets.randbits(62) if found.version is None else found.version
    return FileIdentity(path=path, size=found.size, mtime_ns=0, ctime_ns=version, inode=0)


def open_reader(path: str, *, in_order: bool = False) -> ByteReader:
    """A file's bytes by position, wherever it is.

    Parameters
    ----------
    path
        The file, or its address.
    in_order
        Whether one thread will read it from the beginning on.

    Raises
    ------
    DataError
        It cannot be opened.
    """
    if not is_remote(path):
        return FileReader(path)
    from stoker.sources.remote.reader import RemoteReader

    return RemoteReader(path, in_order=in_order)


class FileReader:
    """One open file, read at given offsets by any number of threads at once.

    Where the platform has no positional read, a lock around seek and read takes its place.

    Parameters
    ----------
    path
        The file; opened at once.
    """

    __slots__ = ("_counts_links", "_descriptor", "_lock", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            with Wait("opens {}", path):
                self._descriptor = os.open(located(path), os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise not_read(path, error) from error
        self._counts_links = os.fstat(self._descriptor).st_nlink > 0

    @property
    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._descriptor).st_size

    def look(self) -> tuple[int, bool]:
        """Bytes in the file now, and whether it still has a name; true where links are not counted."""
        status = os.fstat(self._descriptor)
        return status.st_size, not self._counts_links or status.st_nlink > 0

    def read_into(self, out: npt.NDArray[np.uint8], offset: int) -> int:
        """Fill `out` with the bytes from `offset` on; fewer only at the end of the file.

        Returns
        -------
        The number of bytes read.
        """
        view = out.data.cast("B") if len(out) else memoryview(b"")
        filled = 0
        with Wait("reads {} bytes at byte {} of {}", len(view), offset, self.path):
            while filled < len(view):
                count = self._read_once(view[filled:], offset + filled)
                if count == 0:
                    break
                filled += count
        return filled

    def _read_once(self, view: memoryview, offset: int) -> int:
        try:
            if _HAS_PREADV:
                return os.preadv(self._descriptor, [view], offset)
            with self._lock:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                piece = os.read(self._descriptor, len(view))
            view[: len(piece)] = piece
            return len(piece)
        except OSError as error:
            raise ChangedDataError(
                f"{self.path}: reading {len(view)} bytes at byte {offset} failed ({error.strerror}); the "
                "disk or share does not give back what it holds: restore the file elsewhere, and go on there"
            ) from error

    def close(self) -> None:
        """Give the descriptor back; idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):  # it is missing where the file could not be opened
            self.close()

    def __enter__(self) -> FileReader:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class SequentialFile:
    """A file's bytes from the first to the last, unpacked where it is compressed; for one thread.

    Parameters
    ----------
    path
        The file; opened at once.
    """

    def __init__(self, path: str) -> None:
        self._packed = PackedStream(path) if packing_of(path) else None
        self._plain = None if self._packed else open_reader(path, in_order=True)
        self._position = 0

    def read_into(self, out: npt.NDArray[np.uint8]) -> int:
        """Fill `out` with the next bytes; fewer only at the end. Returns how many."""
        if self._packed is not None:
            return self._packed.read_into(out)
        assert self._plain is not None
        count = self._plain.read_into(out, self._position)
        self._position += count
        return count

    def __enter__(self) -> SequentialFile:
        return self

    def __exit__(self, *_: Any) -> None:
        for file in (self._packed, self._plain):
            if file is not None:
                file.close()


class FilePool:
    """At most `limit` idle open files, the least recently used closed first; safe for several threads.

    Parameters
    ----------
    paths
        The files, addressed by their place in this sequence.
    limit
        Descriptors kept open while nobody reads; files elsewhere have none.
    locate
        Called with a file's place before it is opened: where its bytes can be read; None for its path.
    """

    def __init__(
        self, paths: Sequence[str], limit: int = 64, locate: Callable[[int], str] | None = None
    ) -> None:
        self._paths = tuple(paths)
        self._locate = locate or self._paths.__getitem__
        self._limit = limit
        self._open: OrderedDict[int, ByteReader] = OrderedDict()
        self._users: dict[int, int] = {}
        self._opening: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lease(self, index: int) -> Iterator[ByteReader]:
        """Lend the open file number `index`.

        Raises
        ------
        ChangedDataError
            The file cannot be opened any more.
        """
        file = self._enter(index)
        try:
            yield file
        finally:
            self._leave(index)

    def _enter(self, index: int) -> ByteReader:
        with self._lock:
            opening = self._opening.setdefault(index, threading.Lock())
        with opening:  # who wants another file does not wait: one elsewhere may not answer for long
            with self._lock:
                file = self._open.get(index)
                if file is not None:
                    return self._lent(index, file)
            file = self._opened(index)
            with self._lock:
                return self._lent(index, file)

    def _lent(self, index: int, file: ByteReader) -> ByteReader:
        self._open[index] = file
        self._open.move_to_end(index)
        self._users[index] = self._users.get(index, 0) + 1
        return file

    def _opened(self, index: int) -> ByteReader:
        try:
            return open_reader(self._locate(index))
        except DataError as error:
            raise ChangedDataError(
                f"{self._paths[index]} was there when it was surveyed and cannot be opened now "
                f"({_reason(error)}); put it back, or survey again"
            ) from error

    def _leave(self, index: int) -> None:
        with self._lock:
            self._users[index] -= 1
            self._shrink(self._limit)

    def _shrink(self, limit: int) -> None:
        # Of one elsewhere no descriptor is held, and to open it again is to ask its store again.
        held = [index for index, file in self._open.items() if not limit or not is_remote(file.path)]
        idle = [index for index in held if not self._users.get(index)]
        for index in idle[: max(0, len(held) - limit)]:
            self._open.pop(index).close()
            self._users.pop(index, None)

    def close(self) -> None:
        """Close every file that nobody is reading; idempotent."""
        with self._lock:
            self._shrink(0)


def _reason(error: DataError) -> str:
    cause = error.__cause__
    return str(cause.strerror) if isinstance(cause, OSError) else str(error)


def line_of(path: str, offset: int) -> int:
    """Line, counted from 1, that holds the (unpacked) byte at `offset`; LF, CRLF and a lone CR end lines."""
    line, before, position = 1, 0, 0
    with SequentialFile(path) as file:
        buffer = np.empty(min(_LINE_PIECE, max(1, offset)), np.uint8)
        while position < offset:
            count = file.read_into(buffer[: min(len(buffer), offset - position)])
            if count == 0:
                break
            piece = buffer[:count]
            breaks, returns = piece == _LF, piece == _CR
            paired = int(np.count_nonzero(breaks[1:] & returns[:-1])) + int(before == _CR and breaks[0])
            line += int(np.count_nonzero(breaks)) + int(np.count_nonzero(returns)) - paired
            before = int(piece[-1])
            position += count
    return line
