"""Memory that glibc keeps for the next step instead of giving it back after each.

A step of a convolutional model makes and frees intermediates of tens to hundreds of megabytes. By itself
glibc returns such memory to the system at once, and a virtual machine pays more for the fresh pages of the
next step than for the arithmetic in them. Kept, it costs resident memory instead: 110 MB more for sequences
of 128 words, 440 MB for 500. For glibc's ``aligned_alloc``, by which XLA asks, a block that was freed does
not serve again where something that stays lies right behind it: a step's memory may be held several times.

``STOKER_KEEP_FREED_MEMORY`` decides: ``1`` keeps it for every model, ``0`` for none; where it is not set, it
is kept for models with convolutions. Other C libraries than glibc are left alone.
"""

from __future__ import annotations

import ctypes
import os
import sys

from stoker.errors import OptionError

__all__ = ["VARIABLE", "keep_freed_memory", "prepare"]

VARIABLE = "STOKER_KEEP_FREED_MEMORY"

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
"""Numbers of mallopt's parameters, from glibc's malloc.h."""


def prepare(*, many_threads: bool) -> None:
    """Before threads start that allocate much: what they free shall lie where others find it.

    glibc keeps freed memory in its main arena alone. Threads have others, which cannot hold more than 64 MB,
    and a thread that has one keeps it; so this comes before a framework is first asked to compute, and before
    a feed starts to read. (Two threads that parse a CSV in windows of a few megabytes held 7 MB
    less after 25 epochs.)

    Parameters
    ----------
    many_threads
        Whether threads allocate much, as JAX's and stoker's own do: they shall all use that one arena.

    Raises
    ------
    OptionError
        If the variable is neither 0 nor 1.
    """
    wanted = _wanted()
    if many_threads and wanted is not False:
        _set({_ARENA_MAX: 1})
    if wanted:
        keep_freed_memory()


def keep_freed_memory() -> bool:
    """Keep what is freed from here on, for as long as the process lives.

    Returns
    -------
    bool
        Whether it is kept: not without glibc, and not where ``STOKER_KEEP_FREED_MEMORY`` is 0.
    """
    if _wanted() is False:
        return False
    return _set({_TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 256 << 20, _MMAP_MAX: 0})


def _wanted() -> bool | None:
    text = os.environ.get(VARIABLE, "")
    if text not in ("", "0", "1"):
        raise OptionError(f"{VARIABLE} must be 0 or 1, got {text!r}")
    return None if text == "" else text == "1"


def _set(parameters: dict[int, int]) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    taken = [library.mallopt(number, value) for number, value in parameters.items()]
    return all(taken)
