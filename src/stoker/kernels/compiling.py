"""The decorator of every kernel: compiled on first use, without the GIL, kept on disk where that can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["kernel"]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` with Numba, without the GIL, and keep the machine code in Numba's cache.

    Numba refuses to decorate when no cache directory can be written (a read-only installation without a
    home directory); the kernel is then compiled anew by each process.

    Examples
    --------
    >>> @kernel
    ... def double(value):
    ...     return value + value
    >>> double(21)
    42
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)
