"""Patterns of names in stores that list them: level by level, without a look at what lies beside."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Listing", "match_level_by_level"]


class Listing(Protocol):
    """Lists a folder, by its path without a slash at the end."""

    def __call__(self, folder: str, *, deep: bool) -> tuple[list[str], list[str]]:
        """Paths of the files in it, and of the folders; all files below it where `deep`."""
        ...


def match_level_by_level(pattern: str, listed: Listing) -> list[str]:
    """Paths of files that a pattern (``*``, ``?``, ``[…]``, ``**``) matches.

    Examples
    --------
    >>> def listed(folder, *, deep):
    ...     return (["a/x.csv", "a/y.txt"], []) if folder == "a" else ([], ["a", "b"])
    >>> match_level_by_level("a/*.csv", listed)
    ['a/x.csv']
    """
    marks = [pattern.find(mark) for mark in "*?[" if mark in pattern]
    if not marks:
        return [pattern]
    fixed = pattern[: min(marks)].rpartition("/")[0]
    parts = pattern[len(fixed) :].lstrip("/").split("/")
    if "**" in parts:
        paths = listed(fixed, deep=True)[0]
        return [path for path in paths if _fits(path[len(fixed) :].lstrip("/").split("/"), parts)]
    return _below(fixed, parts, listed)


def _below(folder: str, parts: Sequence[str], listed: Listing) -> list[str]:
    """Files whose path below a folder fits the parts."""
    files, folders = listed(folder, deep=False)
    wanted = files if len(parts) == 1 else folders
    fitting = [path for path in wanted if _is_like(path.rpartition("/")[2], parts[0])]
    if len(parts) == 1:
        return fitting
    return [path for below in fitting for path in _below(below, parts[1:], listed)]


def _fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the names on a path fit the parts, of which ``**`` stands for any number of folders."""
    if not parts:
        return not names
    if parts[0] != "**":
        return bool(names) and _is_like(names[0], parts[0]) and _fits(names[1:], parts[1:])
    if len(parts) == 1:
        return bool(names) and not any(name.startswith(".") for name in names)
    if _fits(names, parts[1:]):
        return True
    return bool(names) and not names[0].startswith(".") and _fits(names[1:], parts)


def _is_like(name: str, part: str) -> bool:
    """Whether a name fits a part of a pattern; one that begins with a dot, only where the part does, too."""
    return fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
