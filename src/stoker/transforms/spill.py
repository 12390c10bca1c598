"""A temporary file for arrays that do not fit the memory; it has no name, so nothing outlives the process."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import MemoryBudgetError

__all__ = ["Extent", "Spill"]

_SPARE_BYTES = 64 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_WAY_OUT = "does not fit the memory: set TMPDIR to a folder with room, or raise memory="


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Where an array of one dimension lies in the file."""

    offset: int
    size: int
    dtype: np.dtype[Any]


class Spill:
    """Arrays written to a file of the folder for temporary files (``TMPDIR``); any thread may write and read.

    Examples
    --------
    >>> spill = Spill()
    >>> extent = spill.write(np.arange(5))
    >>> spill.read(extent, 1, 3)
    array([1, 2])
    >>> spill.close()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: Any = None
        self._end = 0

    @property
    def num_bytes(self) -> int:
        """What was written so far."""
        return self._end

    def write(self, array: npt.NDArray[Any]) -> Extent:
        """Append an array.

        Raises
        ------
        MemoryBudgetError
            If the disk has not got the room.
        """
        data = np.ascontiguousarray(array).reshape(-1)
        extent = self.reserve(data.size, data.dtype)
        self.put(extent, 0, data)
        return extent

    def reserve(self, size: int, dtype: npt.DTypeLike) -> Extent:
        """Room for an array of one dimension, to be `put` there in parts and read when all of it was.

        Raises
        ------
        MemoryBudgetError
            If the disk has not got the room.
        """
        extent = Extent(offset=0, size=size, dtype=np.dtype(dtype))
        num_bytes = size * extent.dtype.itemsize
        with self._lock:
            self.expect(num_bytes)
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="stoker-", buffering=0)  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            offset, self._end = self._end, self._end + num_bytes
        return replace(extent, offset=offset)

    def put(self, extent: Extent, start: int, array: npt.NDArray[Any]) -> None:
        """Write elements, from `start` on, of an array that there is room for; what was there is gone.

        Raises
        ------
        MemoryBudgetError
            If the disk has not got the room.
        """
        data = np.ascontiguousarray(array, extent.dtype).reshape(-1)
        place, view = extent.offset + start * extent.dtype.itemsize, data.view(np.uint8).data
        while view:
            try:
                written = os.pwrite(self._file.fileno(), view, place)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                raise MemoryBudgetError(f"{tempfile.gettempdir()} is full with what {_WAY_OUT}") from error
            place, view = place + written, view[written:]

    def read(self, extent: Extent, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """The elements [start, stop) of an array that was written."""
        stop = extent.size if stop is None else min(stop, extent.size)
        out = np.empty(max(0, stop - start), extent.dtype)
        place, view = extent.offset + start * extent.dtype.itemsize, out.view(np.uint8).data
        while view:
            got = os.preadv(self._file.fileno(), [view], place)
            if not got:
                raise OSError("a temporary file is shorter than what was written to it")
            place, view = place + got, view[got:]
        return out

    def expect(self, num_bytes: int) -> None:
        """Raise `MemoryBudgetError` unless the disk has got room for so many more bytes."""
        try:
            folder = tempfile.gettempdir()
        except OSError as error:
            raise MemoryBudgetError(f"{error.strerror} for what {_WAY_OUT}") from error
        free = shutil.disk_usage(folder).free
        if num_bytes + _SPARE_BYTES > free:
            raise MemoryBudgetError(
                f"learning from the texts takes up to {num_bytes / 1e6:,.0f} MB more of temporary space in "
                f"{folder}, which has {free / 1e6:,.0f} MB free: set TMPDIR to a folder on a larger disk, or "
                "raise memory="
            )

    def close(self) -> None:
        """Give the space back; idempotent."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file, self._end = None, 0
