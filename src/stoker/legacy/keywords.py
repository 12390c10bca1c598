"""Keras 1's keywords, for the layers and the calls that had them, and how they are translated."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from stoker.training.callers import users_stack_level

__all__ = ["KERAS_1_CALLS", "KERAS_1_LAYERS", "renamed", "warn_of"]

_WEIGHTS = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_IMAGE = {"border_mode": "padding", "dim_ordering": "data_format"}
_CONVOLUTION = {**_WEIGHTS, **_IMAGE, "nb_filter": "filters", "subsample": "strides"}
_RECURRENT = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_RATE = {"p": "rate"}

KERAS_1_LAYERS: dict[str, dict[str, str]] = {
    "Dense": {**_WEIGHTS, "output_dim": "units"},
    "Dropout": _RATE,
    "SpatialDropout1D": _RATE,
    "SpatialDropout2D": {**_RATE, **_IMAGE},
    "GaussianDropout": _RATE,
    "GaussianNoise": {"sigma": "stddev"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "Conv1D": {
        **_WEIGHTS,
        "border_mode": "padding",
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "subsample_length": "strides",
    },
    "Conv2D": _CONVOLUTION,
    "Conv2DTranspose": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "Conv3D": _CONVOLUTION,
    "MaxPooling1D": {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"},
    "AveragePooling1D": {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"},
    "MaxPooling2D": _IMAGE,
    "AveragePooling2D": _IMAGE,
    "MaxPooling3D": _IMAGE,
    "GlobalAveragePooling2D": {"dim_ordering": "data_format"},
    "GlobalMaxPooling2D": {"dim_ordering": "data_format"},
    "UpSampling1D": {"length": "size"},
    "UpSampling2D": {"dim_ordering": "data_format"},
    "ZeroPadding2D": {"dim_ordering": "data_format"},
    "Flatten": {"dim_ordering": "data_format"},
    "SimpleRNN": _RECURRENT,
    "GRU": _RECURRENT,
    "LSTM": _RECURRENT,
    "PReLU": {"init": "alpha_initializer"},
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
}
"""Layer -> Keras 1's keyword -> the one of Keras 2 and 3."""

KERAS_1_CALLS = {
    "nb_epoch": "epochs",
    "nb_worker": "workers",
    "pickle_safe": "use_multiprocessing",
    "max_q_size": "max_queue_size",
}
"""Keywords of methods whose meaning stayed; ``stoker.legacy.generators`` has those that counted samples."""

_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": None}


def renamed(what: str, table: Mapping[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """The keywords with Keras 1's replaced, with one warning a call that has any.

    Raises
    ------
    TypeError
        If the same thing is said by both names.

    Examples
    --------
    >>> renamed("Dense", {"output_dim": "units"}, {"units": 3})
    {'units': 3}
    """
    old = [name for name in options if name in table]
    if not old:
        return options
    result = dict(options)
    for name in old:
        value = result.pop(name)
        if table[name] in result:
            raise TypeError(f"{what} was given both {name}= and {table[name]}=, its name since Keras 2")
        result[table[name]] = _FORMATS.get(value, value) if name == "dim_ordering" else value
    warn_of(
        f"{what} was called in the words of Keras 1: "
        + ", ".join(f"{name}= is {table[name]}= since Keras 2" for name in old)
    )
    return result


def warn_of(sentence: str) -> None:
    """Warn at the line of the caller's that is neither Keras's nor ours."""
    warnings.warn(sentence, FutureWarning, stacklevel=users_stack_level())
