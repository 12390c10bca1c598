"""Arrays beside memory that nobody may touch: who reads or writes a byte too far ends the process."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["guarded", "guarded_empty"]

_PAGE = mmap.PAGESIZE
_NOT_AT_ALL = 0


def guarded_empty(shape: Sequence[int], dtype: Any, *, at_end: bool = True) -> np.ndarray:
    """An array of zeros whose last byte, or first, stands next to a page that nobody may touch."""
    num_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    pages = max(-(-num_bytes // _PAGE), 1)
    memory = mmap.mmap(-1, (pages + 2) * _PAGE)
    whole = np.frombuffer(memory, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    for page in (0, pages + 1):
        address = ctypes.c_void_p(whole.ctypes.data + page * _PAGE)
        if libc.mprotect(address, ctypes.c_size_t(_PAGE), _NOT_AT_ALL):
            raise OSError(ctypes.get_errno(), "mprotect")
    first = (pages + 1) * _PAGE - num_bytes if at_end else _PAGE
    return whole[first : first + num_bytes].view(dtype).reshape(shape)


def guarded(content: bytes, *, at_end: bool = True) -> np.ndarray:
    """These bytes, as of `guarded_empty`, to be read alone."""
    array = guarded_empty((len(content),), np.uint8, at_end=at_end)
    array[:] = np.frombuffer(content, np.uint8)
    array.flags.writeable = False
    return array
