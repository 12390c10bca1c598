"""What of a model decides what is learned from the same rows, as plain data that is compared on resuming."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import msgspec

from stoker.contrasts import plain

__all__ = ["model_settings"]

_OF_NO_EFFECT = ("name", "seed", "inbound_nodes", "build_config")
"""Names count models that were made before; the state of seeds is among a checkpoint's variables."""
_LONGEST = 400
_OURS = ("keras.", "stoker.")


def model_settings(model: Any) -> dict[str, Any]:
    """What a model is and was compiled with, beside its variables.

    ``steps_per_execution`` is none of it: the very same steps are taken. Compiling is: a compiler fuses
    operations, and what is rounded once instead of twice has other last digits.

    Parameters
    ----------
    model
        A built, compiled ``keras.Model``.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "tanh")])
    >>> model.compile("sgd", "mse", loss_weights=[2.0])
    >>> found = model_settings(model)
    >>> found["loss"], found["loss_weights"], found["layers"]["0 Dense"]["activation"]
    ('mse', [2.0], 'tanh')
    """
    config = {} if model.optimizer is None else keras.optimizers.serialize(model.optimizer)
    return {
        "loss": plain(_loss(model.loss)),
        "loss_weights": plain(getattr(model._compile_loss, "_user_loss_weights", None)),
        "optimizer": plain(_without_rate(config)),
        "jit_compile": bool(model.jit_compile),
        "run_eagerly": bool(model.run_eagerly),
        "layers": _layers(model),
    }


def _layers(model: Any) -> dict[str, Any]:
    """Each layer by place and class; Keras's own and stoker's with their settings."""
    found: dict[str, Any] = {}
    # An InputLayer says what the data are, and not every way to build a model shows it.
    for layer in (each for each in model.layers if not isinstance(each, keras.layers.InputLayer)):
        name = f"{len(found)} {type(layer).__name__}"
        if isinstance(layer, keras.Model):
            found[name] = _layers(layer)
        else:
            found[name] = _settings(layer) if type(layer).__module__.startswith(_OURS) else None
    return found


def _settings(layer: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a function within, that nobody loads again
        try:
            known = plain(_reduced(layer.get_config()))
        except Exception:  # a layer around one of somebody's own, which has no configuration
            return None
    encoded = msgspec.json.encode(known)
    return known if len(encoded) <= _LONGEST else hashlib.blake2b(encoded, digest_size=8).hexdigest()


def _reduced(config: Any) -> Any:
    """A configuration without what decides nothing once a layer's variables are there."""
    if isinstance(config, Mapping):
        if config.get("class_name") == "__lambda__":
            return "lambda"  # its code names the line that it stands in
        if str(config.get("class_name")).endswith("Policy"):  # of a dtype, which is its name
            return config.get("config")
        return {
            name: _reduced(value)
            for name, value in config.items()
            if name not in _OF_NO_EFFECT and not name.endswith("initializer")
        }
    return [_reduced(each) for each in config] if isinstance(config, list | tuple) else config


def _without_rate(config: Any) -> Any:
    """An optimizer's configuration without names, and without a rate that is a number: a variable."""
    if isinstance(config, Mapping):
        return {
            name: _without_rate(value)
            for name, value in config.items()
            if name != "name" and (name != "learning_rate" or isinstance(value, Mapping))
        }
    return config


def _loss(loss: Any) -> Any:
    """What a model was compiled with as its loss: names, and of Keras's objects their settings."""
    if isinstance(loss, Mapping):
        return {str(name): _loss(each) for name, each in loss.items()}
    if isinstance(loss, list | tuple):
        return [_loss(each) for each in loss]
    if isinstance(loss, keras.losses.Loss) and type(loss).__module__.startswith("keras."):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a lambda within, that nobody loads again
            return _loss({"class": type(loss).__name__, **loss.get_config()})
    if loss is None or isinstance(loss, str | bool | int | float):
        return loss
    return getattr(loss, "__qualname__", type(loss).__qualname__)
