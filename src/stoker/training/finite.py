"""Watches that the loss stays a finite number, at no cost to speak of.

Reading a loss waits for its step. The guard keeps the loss of a step at hand and reads it many steps later,
when it has long been computed. None gets lost in between: Keras's loss is the mean over the epoch's steps so
far, which stays as it is once one of them was not finite, and it is read at the epoch's end in any case.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from stoker.checkpoints import Checkpoint
from stoker.errors import NonFiniteLossError, OptionError
from stoker.training import adapter

__all__ = ["LOOK_EVERY", "LossGuard", "OnNan", "are_finite", "guard_for", "spoilt_variable"]

OnNan: TypeAlias = Literal["stop", "continue"]

LOOK_EVERY = 50
"""Steps between two looks at the loss."""

_PIECE = 1 << 20


class LossGuard:
    """Looks at the loss every few steps.

    Parameters
    ----------
    warn
        Told once where training goes on; None stops it.
    every
        Steps between two looks.

    Attributes
    ----------
    good
        Steps of the run that are known to have had a finite loss, all of them from the first.
    """

    def __init__(self, *, warn: Callable[[str], None] | None = None, every: int = LOOK_EVERY) -> None:
        self.good = 0
        self._warn = warn
        self._every = every
        self._looked = 0
        self._kept: tuple[int, Any] | None = None
        self._told = False

    def begin(self, steps: int) -> None:
        """Training goes on after so many steps, whose loss was finite."""
        self.good = self._looked = steps
        self._kept = None

    def due_in(self, steps: int) -> int:
        """Steps to take until the next look, at least 1."""
        return max(1, self._looked + self._every - steps)

    def look(self, steps: int, logs: Mapping[str, Any] | None, *, wait: bool = False) -> None:
        """Read the loss that was kept at the look before, and keep this one.

        Parameters
        ----------
        steps
            Steps of the run that were taken.
        logs
            Of the last of them.
        wait
            Read this one, too, though its step may be under way: at the end of an epoch, for a checkpoint.

        Raises
        ------
        NonFiniteLossError
            If it is not finite, with the steps among which the first of these is.
        """
        loss = (logs or {}).get("loss")
        if loss is None or self._told:
            self._looked = steps
            return
        if not wait and steps < self._looked + self._every:
            return
        if self._kept is not None and (wait or adapter.is_computed(self._kept[1])):
            self._read(*self._kept)
            self._kept = None
        if wait:
            self._read(steps, loss)
        elif self._kept is None:
            self._kept = steps, loss
        self._looked = steps

    def _read(self, steps: int, loss: Any) -> None:
        value = _number(loss)
        if math.isfinite(value):
            self.good = steps
            return
        first = self.good + 1
        found = f"the loss is {value:g} after step {steps:,}"
        if first < steps:
            found += f", and became so in one of the steps {first:,} to {steps:,}"
        if self._warn is None:
            raise NonFiniteLossError(found, first_step=first, last_step=steps)
        self._told = True
        self._warn(f"{found}; training goes on, as was asked for")


def _number(loss: Any) -> float:
    try:
        return float(loss)
    except (TypeError, ValueError):  # a train_step of the user's own, that logs whatever it is
        return 0.0


def guard_for(on_nan: str, callbacks: Sequence[Any], warn: Callable[[str], None]) -> LossGuard | None:
    """The guard that `fit` is asked for; none beside Keras's own ``TerminateOnNaN``.

    Raises
    ------
    OptionError
        If `on_nan` is neither ``"stop"`` nor ``"continue"``.
    """
    if on_nan not in ("stop", "continue"):
        raise OptionError(f"on_nan must be 'stop' or 'continue', got {on_nan!r}")
    if any(isinstance(callback, keras.callbacks.TerminateOnNaN) for callback in callbacks):
        return None
    return LossGuard(warn=None if on_nan == "stop" else warn)


def spoilt_variable(checkpoint: Checkpoint) -> str | None:
    """The path of the first weight or variable of the optimizer with numbers that are not finite, if any.

    Other variables may hold such numbers on purpose, as a mask of infinities does.
    """
    for record in checkpoint.manifest.variables:
        if record.part in ("trainable", "optimizer"):
            values = checkpoint.arrays[record.array].reshape(-1)
            for start in range(0, len(values), _PIECE):
                if not np.isfinite(values[start : start + _PIECE]).all():
                    return record.path
    return None


def are_finite(values: Sequence[Any]) -> Any:
    """Whether all arrays hold finite numbers alone, as a value that may have to be waited for."""
    return (_jitted() if keras.backend.backend() == "jax" else _are_finite)(values)


def _are_finite(values: Sequence[Any]) -> Any:
    ops = keras.ops
    return ops.all(ops.stack([ops.all(ops.isfinite(value)) for value in values])) if values else True


@functools.cache
def _jitted() -> Callable[..., Any]:
    import jax

    return jax.jit(_are_finite)
