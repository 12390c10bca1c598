"""Which Keras backend is used: the user's choice, else JAX, else what is installed.

Nothing here imports Keras or a backend: the choice must be made before either is imported.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from stoker.errors import MissingExtraError, OptionError

__all__ = ["BACKENDS", "choose", "installed", "prefer", "prepare_for_threads", "unaccompanied"]

BACKENDS = ("jax", "tensorflow", "torch")
_COMPANIONS = ("tensorflow", "torch", "sklearn", "pandas")
"""What Keras and PyArrow import where they find it, for those who pass them such objects."""


def installed() -> tuple[str, ...]:
    """Names of the backends that can be imported, the default first."""
    return tuple(name for name in BACKENDS if find_spec(name) is not None)


def choose() -> str:
    """Settle the backend before Keras is imported; never overrides ``KERAS_BACKEND``.

    It also is the last moment at which `stoker.allocator` can prepare for the threads of a framework.

    Returns
    -------
    str
        ``"jax"``, ``"tensorflow"`` or ``"torch"``.

    Raises
    ------
    MissingExtraError
        If the chosen backend, or every backend, is not installed; the message names the command.
    OptionError
        If ``KERAS_BACKEND`` names a backend that cannot train.
    """
    from stoker import allocator  # which `prefer`, and so every worker process, can do without

    chosen = _chosen()
    allocator.prepare(many_threads=chosen == "jax")
    return chosen


def _chosen() -> str:
    if imported := _imported():
        return imported
    if wanted := os.environ.get("KERAS_BACKEND"):
        return _check(wanted)
    available = installed()
    if not available:
        raise MissingExtraError(
            "no Keras backend is installed (looked for jax, tensorflow, torch): pip install 'stoker[jax]'"
        )
    os.environ["KERAS_BACKEND"] = available[0]
    return available[0]


def _imported() -> str | None:
    """The backend of a Keras that is imported, or is being so."""
    if "keras" not in sys.modules:
        return None
    # Another thread may be importing it: this waits for the whole of it.
    return str(importlib.import_module("keras").config.backend())


def prefer() -> None:
    """Let a Keras that is imported later find a backend that is there; says nothing and refuses nothing.

    Keras by itself takes TensorFlow, and fails in its own imports where that is not installed.
    """
    if "keras" not in sys.modules and not os.environ.get("KERAS_BACKEND") and (available := installed()):
        os.environ["KERAS_BACKEND"] = available[0]


def prepare_for_threads() -> None:
    """Before a feed starts threads that read and parse, have `stoker.allocator` prepare as for JAX's.

    Not where TensorFlow or PyTorch is to train: arenas of their own may serve their threads better.
    """
    from stoker import allocator

    # In this order: a command surveys while another thread imports Keras, which takes seconds.
    backend = os.environ.get("KERAS_BACKEND") or _imported()
    allocator.prepare(many_threads=backend not in ("tensorflow", "torch"))


@contextmanager
def unaccompanied() -> Iterator[None]:
    """Inside, Keras and PyArrow do without the packages that they take along where they find them.

    For programs that hand them neither frames nor estimators: scikit-learn and pandas would cost 0.8 s and
    85 MB, another backend seconds and half a gigabyte, as late as when a model is saved. Afterwards they can
    be imported as ever, but Keras's wrappers for scikit-learn say that it is not installed.

    Examples
    --------
    ::

        with backends.unaccompanied():
            import keras
    """
    hidden = tuple(name for name in _COMPANIONS if name != choose())
    sys.meta_path[:] = [_Without(finder, hidden) for finder in sys.meta_path]
    try:
        yield
    finally:
        # One by one: what is imported may have added finders of its own.
        sys.meta_path[:] = [each.finder if isinstance(each, _Without) else each for each in sys.meta_path]


class _Without:
    """A finder of modules that does not find some packages, as though they were not installed."""

    def __init__(self, finder: Any, hidden: tuple[str, ...]) -> None:
        self.finder = finder
        self._hidden = hidden

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """What the finder finds, but for the packages."""
        return None if name.partition(".")[0] in self._hidden else self.finder.find_spec(name, path, target)


def _check(wanted: str) -> str:
    if wanted not in BACKENDS:
        raise OptionError(
            f"KERAS_BACKEND is {wanted!r}, which cannot train; set it to {' or '.join(BACKENDS)}, or unset it"
        )
    if find_spec(wanted) is None:
        raise MissingExtraError(
            f"KERAS_BACKEND is {wanted!r}, but {wanted} is not installed: pip install 'stoker[{wanted}]'"
        )
    return wanted
