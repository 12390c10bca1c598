"""The decorators of every kernel: compiled on first use, without the GIL, kept on disk where that can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["bare_kernel", "inner_kernel", "kernel"]


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
    return _compile(function)


def bare_kernel(function: Callable[..., Any]) -> Any:
    """Compile a `kernel` that allocates nothing.

    Numba counts references to every array that a kernel passes on, which made a call for each field of a
    table five times as slow. A bare kernel counts none: its caller holds the arguments.
    """
    return _compile(function, _nrt=False)


def inner_kernel(function: Callable[..., Any]) -> Any:
    """Compile a `bare_kernel` that is inlined wherever another calls it."""
    return _compile(function, forceinline=True, _nrt=False)


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    # NumPy's error model: a check for zero before every division keeps loops from being vectorised.
    try:
        return njit(nogil=True, error_model="numpy", cache=True, **options)(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy", **options)(function)
