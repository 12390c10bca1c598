"""Losses and metrics of Keras 2 that Keras 3 knows under another name or sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

__all__ = ["OLD_IDENTIFIERS", "cosine_proximity", "in_keras_3"]


def cosine_proximity(y_true: Any, y_pred: Any) -> Any:
    """Minus the cosine between targets and predictions, as a loss and as a metric, as in Keras 2."""
    normal = [keras.ops.normalize(keras.ops.cast(each, "float32"), axis=-1) for each in (y_true, y_pred)]
    return -keras.ops.sum(normal[0] * normal[1], axis=-1)


def logcosh(y_true: Any, y_pred: Any) -> Any:
    """Logarithm of the error's hyperbolic cosine."""
    return keras.losses.log_cosh(y_true, y_pred)


OLD_IDENTIFIERS: dict[str, Any] = {
    "cosine": cosine_proximity,
    "cosine_proximity": cosine_proximity,
    "kullback_leibler_divergence": keras.losses.kl_divergence,
    "logcosh": logcosh,
}
"""What ``compile`` took as a string and Keras 3 does not."""


def in_keras_3(identifiers: Any) -> Any:
    """The same loss or metrics (one, a list, a dict, nested) with Keras 2's strings replaced.

    Examples
    --------
    >>> in_keras_3(["acc", "logcosh"])[1].__name__
    'logcosh'
    """
    if isinstance(identifiers, str):
        return OLD_IDENTIFIERS.get(identifiers, identifiers)
    if isinstance(identifiers, list | tuple):
        return type(identifiers)([in_keras_3(each) for each in identifiers])
    if isinstance(identifiers, Mapping):
        return {name: in_keras_3(each) for name, each in identifiers.items()}
    return identifiers
