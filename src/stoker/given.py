"""Relative paths that stay where they were, wherever the process goes meanwhile."""

from __future__ import annotations

import os
from typing import Self

__all__ = ["GivenPath", "beside", "given", "located", "named_from"]


class GivenPath(str):
    """A relative path as it was given, and the folder from which it was.

    Messages show it as the text that it is; who opens a file asks `located` for its name. What is recorded,
    or handed to users, is plain text: ``str(path)``.

    Parameters
    ----------
    path
        The text.
    folder
        The process's folder of then.
    """

    folder: str

    def __new__(cls, path: str, folder: str) -> Self:
        """The text, which knows the folder."""
        found = super().__new__(cls, path)
        found.folder = folder
        return found

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """What `__new__` takes, for copies and pickle."""
        return str(self), self.folder


def given(path: str) -> str:
    """A path that a user gave: a relative one is held to the process's folder of now.

    Examples
    --------
    >>> given("/data/train.csv"), given("https://example.org/train.csv")
    ('/data/train.csv', 'https://example.org/train.csv')
    """
    if isinstance(path, GivenPath) or os.path.isabs(path) or "://" in path:
        return path
    return GivenPath(path, os.getcwd())


def beside(path: str, text: str) -> str:
    """Another path, given from the folder from which `path` was."""
    is_relative = isinstance(path, GivenPath) and not os.path.isabs(text)
    return GivenPath(text, path.folder) if is_relative else text  # type: ignore[attr-defined]


def located(path: str) -> str:
    """The name by which a path that was given is found now.

    Examples
    --------
    >>> located(GivenPath("train.csv", "/data"))
    '/data/train.csv'
    """
    return named_from(path.folder, path) if isinstance(path, GivenPath) else path


def named_from(folder: str, path: str) -> str:
    """The absolute name of a path that was given in a folder, which need not be there.

    Parameters
    ----------
    folder
        As `os.getcwd` gives it: without links, so that what is above it is told by its name.
    path
        Relative, or absolute already.

    Examples
    --------
    >>> named_from("/data/a", "rows.csv"), named_from("/data/a", "../b/rows.csv"), named_from("/data", "/b")
    ('/data/a/rows.csv', '/data/b/rows.csv', '/b')
    """
    head, _, rest = path.partition(os.sep)
    while head in (os.curdir, os.pardir):
        folder = os.path.dirname(folder) if head == os.pardir else folder
        path = rest.lstrip(os.sep)
        head, _, rest = path.partition(os.sep)
    return os.path.join(folder, path)
