"""Which Keras backend is used: the user's choice, else JAX, else what is installed.

Nothing here imports Keras or a backend: the choice must be made before either is imported.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from stoker.errors import MissingExtraError, OptionError

__all__ = ["BACKENDS", "choose", "installed", "prefer"]

BACKENDS = ("jax", "tensorflow", "torch")


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
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    wanted = os.environ.get("KERAS_BACKEND")
    if wanted:
        return _check(wanted)
    available = installed()
    if not available:
        raise MissingExtraError(
            "no Keras backend is installed (looked for jax, tensorflow, torch): pip install 'stoker[jax]'"
        )
    os.environ["KERAS_BACKEND"] = available[0]
    return available[0]


def prefer() -> None:
    """Let a Keras that is imported later find a backend that is there; says nothing and refuses nothing.

    Keras by itself takes TensorFlow, and fails in its own imports where that is not installed.
    """
    if "keras" not in sys.modules and not os.environ.get("KERAS_BACKEND") and (available := installed()):
        os.environ["KERAS_BACKEND"] = available[0]


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
