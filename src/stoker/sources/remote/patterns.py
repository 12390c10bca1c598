"""Patterns of names in stores that list them: level by level, without a look at what lies beside."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Listing", "match_level_by_level"]


class Listing(Protocol):
    """Lists a folder, by its path without a slash at the end."""

    def __call__(self, folder: str, *, recursive: bool) -> tuple[list[str], list[str]]:
        """Paths of the files in it, and of the folders; all files below it where `recursive`."""
        ...


def match_level_by_level(pattern: str, listed: Listing) -> list[str]:
    """Paths of files that a pattern (``*``, ``?``, ``[…]``, ``**``) matches.

    Examples
    --------
    >>> def listed(folder, *, recursive):
    ...     return (["a/x.csv", "a/y.txt"], []) if folder == "a" else ([], ["a", "b"])
    >>> match_level_by_level("a/*.csv", listed)
    ['a/x.csv']
    """
    marks = [pattern.find(mark) for mark in "*?[" if mark in pattern]
    if not marks:
        return [pattern]
    fixed = pattern[: min(marks)].rpartition("/")[0]
    if "**" in pattern:
        return [path for path in listed(fixed, recursive=True)[0] if fnmatch.fnmatchcase(path, pattern)]
    return _below(fixed, pattern[len(fixed) :].lstrip("/").split("/"), listed)


def _below(folder: str, parts: Sequence[str], listed: Listing) -> list[str]:
    """Files whose path below a folder fits the parts."""
    files, folders = listed(folder, recursive=False)
    wanted = files if len(parts) == 1 else folders
    fitting = [path for path in wanted if fnmatch.fnmatchcase(path.rpartition("/")[2], parts[0])]
    if len(parts) == 1:
        return fitting
    return [path for below in fitting for path in _below(below, parts[1:], listed)]
