"""``stoker demo``."""

from __future__ import annotations


def demo() -> None:
    """Train on the handwritten digits, in 8 MB, and say what to try next."""
