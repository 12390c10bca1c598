"""Files of Keras 2: HDF5 whatever they are called, models and weights."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import keras

from stoker.legacy import keras_private
from stoker.legacy.losses import OLD_IDENTIFIERS
from stoker.legacy.patches import Patches

__all__ = ["patch_saving"]

_SHORT_LOSSES = {
    "mae": keras.losses.mean_absolute_error,
    "mape": keras.losses.mean_absolute_percentage_error,
    "mse": keras.losses.mean_squared_error,
    "msle": keras.losses.mean_squared_logarithmic_error,
}


def patch_saving(patches: Patches) -> None:
    """Let models and weights be saved and loaded under any name, as HDF5 unless it ends in ``.keras``."""
    patches.set(keras.Model, "save", _saving(keras.Model.save))
    patches.set(keras.Model, "save_weights", _saving_weights(keras.Model.save_weights))
    patches.set(keras.Model, "load_weights", _loading_weights(keras.Model.load_weights))
    load = _loading(keras.models.load_model)
    for module in (keras.models, keras.saving):
        patches.set(module, "load_model", load)
        patches.set(module, "save_model", _save_model)


def _saving(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def save(
        self: Any,
        filepath: Any,
        overwrite: bool = True,
        include_optimizer: bool = True,
        save_format: str | None = None,
        **options: Any,
    ) -> None:
        if save_format == "tf":
            raise ValueError(
                "model.save(save_format='tf') is gone from Keras 3: use model.export(path) for a SavedModel, "
                "or model.save('model.keras')"
            )
        path = os.fspath(filepath)
        if options or path.endswith(".keras") or path.startswith("hf://"):
            original(self, filepath, overwrite=overwrite, **options)
        else:
            keras_private.save_whole_model(
                self, path, overwrite=overwrite, include_optimizer=include_optimizer
            )

    return save


def _save_model(model: Any, filepath: Any, overwrite: bool = True, **options: Any) -> None:
    """Save a model; ``model.save`` as a function."""
    model.save(filepath, overwrite=overwrite, **options)


def _loading(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def load_model(
        filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
    ) -> Any:
        path = os.fspath(filepath)
        if not keras_private.is_old_weights(path):
            return original(filepath, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode)
        known = {**_SHORT_LOSSES, **OLD_IDENTIFIERS, **(custom_objects or {})}
        return keras_private.load_whole_model(path, known, compile=compile, safe_mode=safe_mode)

    return load_model


def _saving_weights(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def save_weights(self: Any, filepath: Any, overwrite: bool = True, **options: Any) -> None:
        options.pop("save_format", None)
        path = os.fspath(filepath)
        if options or path.endswith((".weights.h5", ".keras")):
            original(self, filepath, overwrite=overwrite, **options)
            return
        if not overwrite and os.path.exists(path):
            raise FileExistsError(f"{path} is there already, and save_weights was told not to overwrite it")
        keras_private.save_old_weights(self, path)

    return save_weights


def _loading_weights(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def load_weights(
        self: Any, filepath: Any, by_name: bool = False, skip_mismatch: bool = False, **options: Any
    ) -> Any:
        path = os.fspath(filepath)
        if options or not keras_private.is_old_weights(path):
            return original(self, filepath, skip_mismatch=skip_mismatch, **options)
        keras_private.load_old_weights(self, path, by_name=by_name, skip_mismatch=skip_mismatch)
        return None

    return load_weights
