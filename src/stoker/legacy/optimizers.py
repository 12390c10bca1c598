"""Optimizers with Keras 2's ``lr=`` and ``decay=``, defaults and ``optimizer.lr``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras

from stoker.legacy.patches import Patches

__all__ = ["patch_optimizers"]

_KERAS_2_RATES = {
    "SGD": 0.01,
    "RMSprop": 0.001,
    "Adagrad": 0.01,
    "Adadelta": 1.0,
    "Adam": 0.001,
    "Adamax": 0.002,
    "Nadam": 0.002,
}
_DECAY, _STEPPING = "_keras_2_decay", "_keras_2_stepping"
_SCHEDULE_DECAY = 0.004


def patch_optimizers(patches: Patches) -> None:
    """Let optimizers take their old arguments and compute Keras 2's decay."""
    base = keras.optimizers.Optimizer
    for name, rate in _KERAS_2_RATES.items():
        cls = getattr(keras.optimizers, name)
        patches.set(cls, "__init__", _with_old_arguments(cls.__init__, name, rate))
        patches.set(cls, "get_config", _with_decay(cls.get_config))
    patches.set(base, "learning_rate", _decayed_while_stepping(base.learning_rate))
    patches.set(base, "lr", property(_get_rate, _set_rate))
    patches.set(base, "decay", property(lambda optimizer: vars(optimizer).get(_DECAY, 0.0)))
    patches.set(base, "apply", _stepping(base.apply))


def _with_old_arguments(original: Callable[..., None], name: str, default: float) -> Callable[..., None]:
    @functools.wraps(original)
    def construct(self: Any, *arguments: Any, **options: Any) -> None:
        decay = options.pop("decay", None) or 0.0
        if "lr" in options:
            if "learning_rate" in options or arguments:
                raise TypeError(f"{name} was given its learning rate twice, as lr= and as learning_rate=")
            options["learning_rate"] = options.pop("lr")
        if not arguments:
            options.setdefault("learning_rate", default)
            if isinstance(options["learning_rate"], int):
                options["learning_rate"] = float(options["learning_rate"])
        if options.get("epsilon", 0.0) is None:
            del options["epsilon"]
        if options.pop("schedule_decay", _SCHEDULE_DECAY) != _SCHEDULE_DECAY:
            raise TypeError(
                f"{name}(schedule_decay=…) is gone from Keras 3, which computes with {_SCHEDULE_DECAY}: "
                "leave it out"
            )
        original(self, *arguments, **options)
        if decay:
            # Past Keras's own __setattr__, which would track it.
            vars(self)[_DECAY] = float(decay)

    construct.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    return construct


def _with_decay(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @functools.wraps(original)
    def get_config(self: Any) -> dict[str, Any]:
        config = original(self)
        return {**config, "decay": self.decay} if self.decay else config

    return get_config


def _decayed_while_stepping(original: property) -> property:
    """The rate that was set, for whoever reads it; within a step the one that Keras 2 would have used."""
    assert original.fget is not None

    def learning_rate(self: Any) -> Any:
        rate = original.fget(self)  # type: ignore[misc]
        if not vars(self).get(_STEPPING) or not self.decay:
            return rate
        done = keras.ops.cast(self.iterations, "float32")
        return rate / (1.0 + self.decay * done)

    return property(learning_rate, original.fset)


def _stepping(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def apply(self: Any, *arguments: Any, **options: Any) -> Any:
        vars(self)[_STEPPING] = True
        try:
            return original(self, *arguments, **options)
        finally:
            vars(self)[_STEPPING] = False

    return apply


def _get_rate(optimizer: Any) -> Any:
    return optimizer.learning_rate


def _set_rate(optimizer: Any, rate: Any) -> None:
    optimizer.learning_rate = rate
