"""Files that are kept up to a bound: those go that were not used for longest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from stoker.errors import OptionError

__all__ = ["KeptFile", "bytes_said", "remove_least_used"]


class KeptFile(NamedTuple):
    """When a file was used last, in nanoseconds by its file system's clock; its bytes; its path."""

    used_ns: int
    size: int
    path: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> KeptFile:
        """A file as it is now; who uses it sets its time.

        Raises
        ------
        OSError
            It is not there.
        """
        status = os.stat(path)
        return cls(status.st_mtime_ns, status.st_size, os.fspath(path))


def remove_least_used(files: Iterable[KeptFile], most: float) -> int:
    """Remove files until so many bytes are left at most; gives what is left, but for what cannot be removed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> temporary = tempfile.TemporaryDirectory()
    >>> folder = pathlib.Path(temporary.name)
    >>> for age, name in enumerate("cba"):
    ...     _ = (folder / name).write_bytes(b"four")
    ...     os.utime(folder / name, ns=(age, age))
    >>> remove_least_used([KeptFile.of(folder / name) for name in "abc"], 9)
    8
    >>> sorted(path.name for path in folder.iterdir())
    ['a', 'b']
    >>> temporary.cleanup()
    """
    entries = sorted(files)
    held = sum(entry.size for entry in entries)
    for entry in entries:
        if held <= most:
            break
        with suppress(OSError):
            os.unlink(entry.path)
        held -= entry.size
    return held


def bytes_said(variable: str, usual: int) -> int:
    """How many bytes an environment variable says; `usual` where it is not set.

    Raises
    ------
    OptionError
        It says no number of bytes.
    """
    text = os.environ.get(variable, "")
    if text and not text.isdigit():
        raise OptionError(f"{variable} must be a number of bytes, 0 for no cache, got {text!r}")
    return int(text) if text else usual
