"""What is written is written on this machine: no address is taken for a path."""

from __future__ import annotations

import os
import re

from stoker.errors import OptionError

__all__ = ["require_here"]

# pathlib makes one slash of two: an address that went through it has one left.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def require_here(path: str | os.PathLike[str], what: str) -> None:
    """Refuse the address of a file or folder elsewhere.

    Parameters
    ----------
    path
        As it was given, or as `pathlib` has it.
    what
        Is written, in the plural: ``"rows"``.

    Raises
    ------
    OptionError
        It is one.

    Examples
    --------
    >>> require_here("C:/runs/a", "runs")
    >>> require_here("s3://bucket/rows.csv", "rows")
    Traceback (most recent call last):
    ...
    stoker.errors.OptionError: rows are written to this machine, and s3://bucket/rows.csv is an address: ...
    """
    given = os.fspath(path)
    if _ADDRESS.match(given):
        scheme, _, rest = given.partition(":")
        raise OptionError(
            f"{what} are written to this machine, and {scheme}://{rest.lstrip('/')} is an address: write "
            "them to a file or folder here, and copy that there"
        )
