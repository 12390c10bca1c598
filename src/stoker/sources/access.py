"""What to say of a file or a folder that the system does not let us read."""

from __future__ import annotations

import errno
import os

from stoker.errors import DataError

__all__ = ["not_read"]

_FORBIDDEN = (errno.EACCES, errno.EPERM)


def not_read(path: str, error: OSError, *, behind: str = "") -> DataError:
    """The error to raise: the path, the system's reason, and what to look at.

    Parameters
    ----------
    path
        As it was given.
    error
        The system's, with its number.
    behind
        How far it could be read, as the end of a phrase.

    Examples
    --------
    >>> not_read("t.csv", PermissionError(errno.EACCES, "Permission denied"))
    DataError('t.csv: cannot be read (Permission denied); check its permissions and those of its folders')
    >>> not_read("t.csv", OSError(errno.EIO, "Input/output error"), behind=" behind row 9")
    DataError('t.csv: cannot be read behind row 9 (Input/output error); check the path')
    """
    reason = os.strerror(error.errno) if error.errno else error
    is_forbidden = error.errno in _FORBIDDEN
    way_out = "check its permissions and those of its folders" if is_forbidden else "check the path"
    return DataError(f"{path}: cannot be read{behind} ({reason}); {way_out}")
