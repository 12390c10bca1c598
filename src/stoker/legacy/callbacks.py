"""Callbacks with the arguments and file names of Keras 2, and ``acc`` where Keras 3 logs ``accuracy``."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any

import keras

from stoker.legacy.layers import renamed_quietly
from stoker.legacy.patches import Patches

__all__ = ["patch_callbacks"]

_SHORT_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}
_ACCEPTED_FILE = "checkpoint.weights.h5"


class _History(dict[str, Any]):
    """History's dictionary, in which ``acc`` finds ``accuracy``, as before Keras 2.3."""

    def __missing__(self, name: str) -> Any:
        if _SHORT_NAMES.get(name) in self:
            return self[_SHORT_NAMES[name]]
        raise KeyError(name)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def patch_callbacks(patches: Patches) -> None:
    """Let callbacks take their old arguments, file names and metrics."""
    callbacks = keras.callbacks
    patches.set(callbacks.History, "__init__", _with_short_names(callbacks.History.__init__))
    patches.set(callbacks.ModelCheckpoint, "__init__", _any_file(callbacks.ModelCheckpoint.__init__))
    patches.set(
        callbacks.ReduceLROnPlateau, "__init__", _epsilon_is_min_delta(callbacks.ReduceLROnPlateau.__init__)
    )
    for cls in (callbacks.EarlyStopping, callbacks.ReduceLROnPlateau):
        patches.set(cls, "on_epoch_end", _monitoring(cls.on_epoch_end))
    patches.set(
        callbacks.ModelCheckpoint, "on_epoch_end", _every(_monitoring(callbacks.ModelCheckpoint.on_epoch_end))
    )


def _with_short_names(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def construct(self: Any) -> None:
        original(self)
        self.history = _History(self.history)

    return construct


def _any_file(original: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def construct(self: Any, filepath: Any, *arguments: Any, **options: Any) -> None:
        period = options.pop("period", 1)
        original(self, _ACCEPTED_FILE, *arguments, **options)
        self.filepath = os.fspath(filepath)
        self._keras_2_period, self._keras_2_epochs = period, 0

    construct.__signature__ = signature  # type: ignore[attr-defined]
    return construct


def _epsilon_is_min_delta(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def construct(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **renamed_quietly(options, "epsilon", "min_delta"))

    return construct


def _every(original: Callable[..., None]) -> Callable[..., None]:
    """Let ``period`` epochs pass between two files."""

    @functools.wraps(original)
    def on_epoch_end(self: Any, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._keras_2_epochs += 1
        if self._keras_2_epochs >= self._keras_2_period:
            self._keras_2_epochs = 0
            original(self, epoch, logs)

    return on_epoch_end


def _monitoring(original: Callable[..., None]) -> Callable[..., None]:
    """Take the name that Keras 3 logs for the one that is monitored, and log both for file names."""

    @functools.wraps(original)
    def on_epoch_end(self: Any, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = dict(logs or {})
        longer = _SHORT_NAMES.get(self.monitor)
        if longer in logs and self.monitor not in logs:
            self.monitor = longer
        if isinstance(self, keras.callbacks.ModelCheckpoint):
            both = {short: logs[name] for short, name in _SHORT_NAMES.items() if name in logs}
            logs = {**both, **logs}
        original(self, epoch, logs)

    return on_epoch_end
