"""Whether a query says in which order its rows come."""

from __future__ import annotations

import re

__all__ = ["is_ordered"]

_COMMENT = r"--[^\n]*|/\*.*?\*/"
_TEXT = r"""[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$"""
_NAME = r"""\"(?:[^"]|"")*"|`[^`]*`"""
_HIDDEN = re.compile(f"{_COMMENT}|{_TEXT}|{_NAME}", re.DOTALL)
_TOLD = re.compile(r"[()]|\border\s+by\b", re.IGNORECASE)


def is_ordered(query: str) -> bool:
    """Whether a query's own ``ORDER BY`` stands in it, and not one of a part in parentheses, or of a text.

    Examples
    --------
    >>> is_ordered("SELECT * FROM t ORDER BY id"), is_ordered("SELECT * FROM t -- ORDER BY id")
    (True, False)
    >>> is_ordered("SELECT row_number() OVER (ORDER BY id) FROM t")
    False
    """
    depth, found = 0, False
    for told in _TOLD.findall(_HIDDEN.sub(" ", query)):
        if told in "()":
            depth += 1 if told == "(" else -1
        else:
            found = found or depth == 0
    return found
