"""Locks of the operating system on open files: who else may work with what the file stands for.

A lock (of `flock`) belongs to the opening of a file: closing another opening of the same file, as a copy of
the folder does, leaves it alone, which a POSIX record lock would not survive. The price is that children
share the opening: those that Python forks can close theirs (`os.register_at_fork`), one that a library in C
forks without an exec keeps the lock for as long as it lives. On NFS, Linux makes a record lock of the server
out of it, for which the file must be open for writing.
"""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["known", "lock", "lock_at_once", "signature", "signing_as"]

_program = ""
"""The one that this process works for, where no person began it."""
_FAR = 1 << 30
"""Where on Windows the locked byte lies, which nobody may read."""

fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None
msvcrt: Any = importlib.import_module("msvcrt") if os.name == "nt" else None


def known() -> bool:
    """Whether this system has locks that may be waited for and shared; Windows has not."""
    return fcntl is not None


def lock(file: BinaryIO, *, shared: bool = False) -> None:
    """Lock an open file, alone or with others who share it, and wait for whoever has it.

    Nothing is done where no such locks are `known`.

    Raises
    ------
    OSError
        If its file system has no locks.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def lock_at_once(file: BinaryIO) -> bool:
    """Lock an open file alone, or tell that somebody else has it.

    Raises
    ------
    OSError
        If its file system has no locks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as one, open(one.name, "rb") as other:
    ...     lock_at_once(one), lock_at_once(other)
    (True, False)
    """
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt is not None:
            file.seek(_FAR)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            finally:
                file.seek(0)
    except (BlockingIOError, PermissionError):
        return False
    return True


def signature() -> str:
    """Who holds a lock, as others are told: the program that a person began, and may wait for or end.

    Examples
    --------
    >>> signature() == f"process {os.getpid()} on {socket.gethostname()}"
    True
    """
    return _program or f"process {os.getpid()} on {socket.gethostname()}"


@contextmanager
def signing_as(program: str) -> Iterator[None]:
    """Inside, this process works for another one, which began it.

    Parameters
    ----------
    program
        The `signature` of that.
    """
    global _program
    before, _program = _program, program
    try:
        yield
    finally:
        _program = before
