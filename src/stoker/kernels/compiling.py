"""The decorators of every kernel: compiled on first use, without the GIL, kept on disk where that can be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, ClassVar, cast

from numba import njit
from numba.core import caching, event
from numba.core.caching import FunctionCache

__all__ = ["bare_kernel", "compiled_seconds", "helper_kernel", "inner_kernel", "kernel"]

_log = logging.getLogger("stoker")

# NumPy's error model: a check for zero before every division keeps loops from being vectorised. Nothing calls
# a kernel from C, and what C would call takes as long to compile as a small kernel.
_OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}

# What Numba's own reading of a file of its cache raises that a machine which went down has left torn; a Numba
# that cannot read what it writes itself raises no other.
_TORN = (
    cast(Any, caching).pickle.UnpicklingError,
    *(EOFError, AttributeError, ImportError, IndexError, KeyError, ValueError),
)


class _Clock(event.Listener):
    """The time that something is compiled in; Numba compiles one thing at a time, and others within it."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._depth = 0
        self._began = 0.0

    def on_start(self, event: Any) -> None:
        if self._depth == 0:
            self._began = perf_counter()
        self._depth += 1

    def on_end(self, event: Any) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._passed += perf_counter() - self._began

    @property
    def seconds(self) -> float:
        return self._passed + (perf_counter() - self._began if self._depth else 0.0)


_clock = _Clock()
event.register("numba:compile", _clock)


def compiled_seconds() -> float:
    """Seconds in which this process has compiled kernels, which is done once after an installation.

    Examples
    --------
    >>> before = compiled_seconds()
    >>> njit(lambda value: value + 1)(1)
    2
    >>> compiled_seconds() > before
    True
    """
    return _clock.seconds


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` with Numba, without the GIL, and keep the machine code in Numba's cache.

    Where that cannot be written (a read-only installation without a home directory, a full disk) or cannot be
    read, the kernel is compiled anew by each process. The first file that Numba does not understand is told
    by the logger ``stoker``, as a warning.

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


def helper_kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call, and that counts no references.

    What Python would call it by takes longer to compile than a small function itself, and is left out: a call
    from Python crashes. Nor is it kept on disk, as every kernel that calls it holds a copy.
    """
    return _helper(function)


def inner_kernel(function: Callable[..., Any]) -> Any:
    """Compile a `helper_kernel` that is inlined wherever a kernel calls it."""
    return _helper(function, forceinline=True)


def _helper(function: Callable[..., Any], **options: Any) -> Any:
    options |= _OPTIONS | {"_nrt": False, "no_cpython_wrapper": True}
    return njit(**options)(function)


class _Kept(FunctionCache):
    """Numba's cache of one kernel, whose troubles end nothing: what it cannot give or take is compiled."""

    is_told: ClassVar[bool] = False
    """Whether this process has told of a file that it cannot read; where one is, all may be."""

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return super().load_overload(signature, context)
        except OSError:
            self.disable()
        except _TORN as error:
            self._tell(error)
            self._begin_anew()
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        try:
            super().save_overload(signature, compiled)
        except OSError:
            self.disable()

    def _tell(self, error: Exception) -> None:
        if _Kept.is_told:
            return
        _Kept.is_told = True
        _log.warning(
            "Numba cannot read a kernel that it kept by %s (%s: %s): it is compiled again, and so are others "
            "like it. Where every start says so, remove %s; if that does not help, install Numba anew",
            self._cache_file._index_path,
            type(error).__name__,
            error,
            self.cache_path,
        )

    def _begin_anew(self) -> None:
        try:
            self.flush()
        except OSError:
            self.disable()


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    options |= _OPTIONS
    compiled = njit(**options)(function)
    with suppress(RuntimeError):  # where it finds no place at all
        compiled._cache = _Kept(function)
    return compiled
