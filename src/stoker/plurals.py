"""Nouns as they stand beside numbers."""

from __future__ import annotations

__all__ = ["plural"]


def plural(number: int, noun: str) -> str:
    """The noun of one thing, or of several, whose noun ends in an s.

    Examples
    --------
    >>> plural(1, "byte"), plural(2, "byte"), plural(0, "byte")
    ('byte', 'bytes', 'bytes')
    """
    return noun if number == 1 else f"{noun}s"
