"""The part of Keras 2's backend that makes, reads and writes values: variables, constants, random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["FUNCTIONS", "get_value"]


def variable(value: Any, dtype: str | None = None, name: str | None = None, constraint: Any = None) -> Any:
    """A variable that holds ``value``; ``constraint`` is for Keras 2's optimizers alone and has no effect."""
    return keras.Variable(np.asarray(value), dtype=dtype or keras.backend.floatx(), name=name)


def zeros(shape: Sequence[int], dtype: str | None = None, name: str | None = None) -> Any:
    """A variable of zeros."""
    return variable(np.zeros(shape), dtype, name)


def ones(shape: Sequence[int], dtype: str | None = None, name: str | None = None) -> Any:
    """A variable of ones."""
    return variable(np.ones(shape), dtype, name)


def constant(value: Any, dtype: str | None = None, shape: Any = None, name: str | None = None) -> Any:
    """A tensor that holds ``value``."""
    tensor = ops.convert_to_tensor(np.asarray(value), dtype=dtype or keras.backend.floatx())
    return tensor if shape is None else ops.broadcast_to(tensor, shape)


def get_value(x: Any) -> Any:
    """The value as NumPy has it: an array, or a scalar for no axes."""
    return np.asarray(ops.convert_to_numpy(getattr(x, "value", x)))[()]


def eval(x: Any) -> Any:
    """The same as ``get_value``: every tensor has its value."""
    return get_value(x)


def set_value(x: Any, value: Any) -> None:
    """Set a variable, the optimizer's ``lr`` among them."""
    x.assign(value)


def batch_get_value(tensors: Iterable[Any]) -> list[Any]:
    """The values of several."""
    return [get_value(each) for each in tensors]


def batch_set_value(tuples: Iterable[tuple[Any, Any]]) -> None:
    """Set several variables, given as (variable, value)."""
    for each, value in tuples:
        set_value(each, value)


def update(x: Any, new_x: Any) -> Any:
    """Set a variable; done at once."""
    return x.assign(new_x)


def update_add(x: Any, increment: Any) -> Any:
    """Add to a variable; done at once."""
    return x.assign_add(increment)


def update_sub(x: Any, decrement: Any) -> Any:
    """Subtract from a variable; done at once."""
    return x.assign_sub(decrement)


def moving_average_update(x: Any, value: Any, momentum: float) -> Any:
    """Move a variable towards ``value``; done at once."""
    return x.assign(x * momentum + value * (1.0 - momentum))


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, None where it is not known."""
    return tuple(x.shape)


def ndim(x: Any) -> int:
    """Number of axes."""
    return len(x.shape)


def dtype(x: Any) -> str:
    """Name of the type."""
    return str(keras.backend.standardize_dtype(x.dtype))


def cast_to_floatx(x: Any) -> Any:
    """An array, or a tensor, of Keras's default type."""
    if ops.is_tensor(x) or keras.backend.is_keras_tensor(x):
        return ops.cast(x, keras.backend.floatx())
    return np.asarray(x, dtype=keras.backend.floatx())


def count_params(x: Any) -> int:
    """Number of elements."""
    return int(np.prod(x.shape))


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: str | None = None, seed: int | None = None
) -> Any:
    """Random numbers, every value as likely."""
    return keras.random.uniform(shape, minval, maxval, dtype=dtype, seed=seed)


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None, seed: int | None = None
) -> Any:
    """Normally distributed random numbers."""
    return keras.random.normal(shape, mean, stddev, dtype=dtype, seed=seed)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None, seed: int | None = None
) -> Any:
    """Normally distributed random numbers within two deviations."""
    return keras.random.truncated_normal(shape, mean, stddev, dtype=dtype, seed=seed)


def random_binomial(shape: Any, p: float = 0.0, dtype: str | None = None, seed: int | None = None) -> Any:
    """Ones with probability ``p``, else zeros."""
    return ops.cast(keras.random.uniform(shape, seed=seed) < p, dtype or keras.backend.floatx())


def function(inputs: Sequence[Any], outputs: Sequence[Any], updates: Any = None) -> Callable[..., list[Any]]:
    """What computes ``outputs`` of a list of arrays, as a list of arrays: the layers' way at inference.

    Raises
    ------
    TypeError
        If there are ``updates``: a step of training is ``model.train_on_batch``.
    """
    if updates:
        raise TypeError("keras.backend.function(updates=…) is gone from Keras 3: use model.train_on_batch")
    model = keras.Model(list(inputs), list(outputs))

    def compute(arrays: Sequence[Any]) -> list[Any]:
        found = model([np.asarray(array) for array in arrays], training=False)
        return [get_value(each) for each in keras.tree.flatten(found)]

    return compute


def image_dim_ordering() -> str:
    """Keras 1's name of the image format: ``"tf"`` or ``"th"``."""
    return "th" if keras.backend.image_data_format() == "channels_first" else "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the image format by Keras 1's name."""
    formats = {"tf": "channels_last", "th": "channels_first"}
    keras.backend.set_image_data_format(formats.get(dim_ordering, dim_ordering))


FUNCTIONS: tuple[Callable[..., Any], ...] = (
    variable,
    zeros,
    ones,
    constant,
    get_value,
    eval,
    set_value,
    batch_get_value,
    batch_set_value,
    update,
    update_add,
    update_sub,
    moving_average_update,
    int_shape,
    ndim,
    dtype,
    cast_to_floatx,
    count_params,
    random_uniform,
    random_normal,
    truncated_normal,
    random_binomial,
    function,
    image_dim_ordering,
    set_image_dim_ordering,
)
