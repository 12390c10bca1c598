"""What is written is written on this machine: no address is taken for a path."""

from __future__ import annotations

import os
import re

from stoker.errors import OptionError

__all__ = ["is_address", "require_here"]

# pathlib makes one slash of two: an address that went through it has one left.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def is_address(path: str | os.PathLike[str]) -> bool:
    """Whether this is the address of a file or folder elsewhere, as it was given or as `pathlib` has it.

    Examples
    --------
    >>> is_address("s3://bucket/runs/a"), is_address("C:/runs/a")
    (True, False)
    """
    return _ADDRESS.match(os.fspath(path)) is not None


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
    if is_address(given):
        scheme, _, rest = given.partition(":")
        raise OptionError(
            f"{what} are written to this machine, and {scheme}://{rest.lstrip('/')} is an address: write "
            "them to a file or folder here, and copy that there"
        )
