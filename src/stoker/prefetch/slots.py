"""Shared memory without a name, so that no crash can leave it behind; lent, and taken back.

A slot is a file that only two processes know, by its descriptor. The child writes a batch into it and says
where; the parent looks at the same pages and copies nothing. Fresh pages cost five times the copying, so a
slot is used again, but never before the last array that lies in it is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import sys
import tempfile
import weakref
from collections import deque
from collections.abc import Sequence

import numpy as np

from stoker.prefetch.wire import INLINE_BYTES, Buffer, Span, at

__all__ = ["Region", "Slots", "private_copy", "shared_file"]

_HUGE_PAGE = 1 << 21

_POPULATE_WRITE = 23
"""Linux's MADV_POPULATE_WRITE, which the module mmap does not name."""


def shared_file() -> int:
    """A new empty file without a name, in memory where the system can: its descriptor."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("stoker", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def private_copy(descriptor: int) -> memoryview:
    """Map a whole shared file so that writing into the memory changes it here alone, page by page."""
    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))


class Region:
    """A shared file and its memory as it is mapped here.

    Parameters
    ----------
    descriptor
        Of the file; owned from here on. By default a new file.
    number
        By which both processes know it.
    """

    def __init__(self, descriptor: int | None = None, *, number: int = 0) -> None:
        self.descriptor = shared_file() if descriptor is None else descriptor
        self.number = number
        self.known = False
        """Whether the other process has the descriptor."""
        self._map: mmap.mmap | None = None
        self._closing = weakref.finalize(self, os.close, self.descriptor)
        self._closing.atexit = False

    def write(self, buffers: Sequence[Buffer], spans: Sequence[Span]) -> None:
        """Copy each buffer to its place; the file grows where it is too short.

        Raises
        ------
        MemoryError
            If the system has no more memory for it.
        """
        memory = memoryview(self._mapped(spans[-1][1], grow=True))
        for buffer, part in zip(buffers, at(memory, spans), strict=True):
            # NumPy lets other threads run while it copies.
            np.copyto(np.frombuffer(part, np.uint8), np.frombuffer(buffer, np.uint8))

    def lend(self, size: int) -> ctypes.Array[ctypes.c_ubyte]:
        """The first `size` bytes; views of it keep it alive, and it keeps the mapping alive."""
        return (ctypes.c_ubyte * size).from_buffer(self._mapped(size, grow=False))

    def close(self) -> None:
        """Close the file; memory that is looked at lives on."""
        self._map = None
        self._closing()

    def _mapped(self, size: int, *, grow: bool) -> mmap.mmap:
        if self._map is None or len(self._map) < size:
            self._map = None
            self._map = self._grown(size) if grow else mmap.mmap(self.descriptor, 0)
        return self._map

    def _grown(self, size: int) -> mmap.mmap:
        step = _HUGE_PAGE if size >= _HUGE_PAGE else INLINE_BYTES
        size = -(-size // step) * step
        try:
            os.ftruncate(self.descriptor, size)
            memory = mmap.mmap(self.descriptor, size)
            _make_pages(memory, self.descriptor, size)
        except OSError as error:
            raise MemoryError(f"no {size:,} bytes of shared memory for a batch ({error})") from error
        return memory


def _make_pages(memory: mmap.mmap, descriptor: int, size: int) -> None:
    """Have the pages made now: at once is quicker, and a lack of them is an error instead of a SIGBUS."""
    if size >= _HUGE_PAGE:
        with contextlib.suppress(AttributeError, OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    if sys.platform == "linux":
        try:
            memory.madvise(_POPULATE_WRITE)
            return
        except OSError as error:
            if error.errno != errno.EINVAL:  # what a kernel before 5.14 says
                raise
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)


class Slots:
    """The regions through which one child answers; the parent's side.

    Parameters
    ----------
    most
        Regions at most, since each takes descriptors. When as many batches are held, later ones are copied.

    Examples
    --------
    >>> slots = Slots(most=4)
    >>> region = slots.take()
    >>> region.write([b"four"], [(0, 4)])
    >>> held = slots.lend(region, 4)
    >>> bytes(held), slots.take() is region
    (b'four', False)
    """

    def __init__(self, most: int) -> None:
        self._most, self._made = most, 0
        self._idle: deque[Region] = deque()

    def take(self) -> Region:
        """A region that nobody looks at, for the child to write into."""
        try:
            return self._idle.pop()
        except IndexError:
            self._made += 1
            return Region(number=self._made)

    def give_back(self, region: Region) -> None:
        """Have the region used again; safe to call in any thread, and while objects are being collected."""
        self._idle.append(region)

    def lend(self, region: Region, size: int) -> memoryview:
        """The first `size` bytes, for as long as anything refers to them or to a part of them."""
        lease = region.lend(size)
        if self._made >= self._most and not self._idle:
            copy = memoryview(bytearray(lease))
            self.give_back(region)
            return copy
        # Views refer to what memory came from, here to the lease, and not to one another.
        weakref.finalize(lease, self.give_back, region).atexit = False
        return memoryview(lease)

    def close(self) -> None:
        """Close what is idle; what is lent is closed when it comes back and is collected."""
        while self._idle:
            self._idle.pop().close()
