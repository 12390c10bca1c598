"""``keras.backend`` as ``K``: Keras 2's functions of tensors, on ``keras.ops``.

``functions()`` is the table: those whose name or arguments changed are written out below and in
``stoker.legacy.values``, all others are ``keras.ops`` under their old name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from stoker.legacy import values

__all__ = ["functions"]

_SAME = [
    "abs",
    "arange",
    "cast",
    "clip",
    "cos",
    "cumprod",
    "cumsum",
    "elu",
    "equal",
    "exp",
    "eye",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "logsumexp",
    "max",
    "maximum",
    "min",
    "minimum",
    "not_equal",
    "ones_like",
    "prod",
    "reshape",
    "round",
    "shape",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "sum",
    "tanh",
    "tile",
    "transpose",
    "zeros_like",
]

_RENAMED = {
    "gather": lambda reference, indices: ops.take(reference, indices, axis=0),
    "identity": lambda x, name=None: ops.copy(x),
    "one_hot": lambda indices, num_classes: ops.one_hot(indices, num_classes),
    "pow": ops.power,
    "permute_dimensions": lambda x, pattern: ops.transpose(x, pattern),
    "repeat_elements": lambda x, rep, axis: ops.repeat(x, rep, axis=axis),
    "reverse": lambda x, axes: ops.flip(x, axes),
    "map_fn": lambda fn, elems, name=None, dtype=None: ops.map(fn, elems),
    "is_tensor": ops.is_tensor,
    "name_scope": keras.name_scope,
}


def functions() -> dict[str, Callable[..., Any]]:
    """Old name -> function, for every name that comes back.

    Examples
    --------
    >>> K = functions()
    >>> float(K["mean"](K["constant"]([1.0, 3.0])))
    2.0
    """
    own = {function.__name__: function for function in (*_OWN, *values.FUNCTIONS)}
    return {**{name: getattr(ops, name) for name in _SAME}, **_RENAMED, **own}


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean; of booleans, the share that is true."""
    return ops.mean(_numbers(x), axis=axis, keepdims=keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance."""
    return ops.var(_numbers(x), axis=axis, keepdims=keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any is true."""
    return ops.any(ops.cast(x, "bool"), axis=axis, keepdims=keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all are true."""
    return ops.all(ops.cast(x, "bool"), axis=axis, keepdims=keepdims)


def argmax(x: Any, axis: int = -1) -> Any:
    """Place of the largest, along the last axis if nothing else is said."""
    return ops.argmax(x, axis=axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Place of the smallest, along the last axis if nothing else is said."""
    return ops.argmin(x, axis=axis)


def flatten(x: Any) -> Any:
    """All elements in one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """All axes but the first in one."""
    return ops.reshape(x, (ops.shape(x)[0], -1))


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Join tensors along an axis, the last if nothing else is said."""
    return ops.concatenate(tensors, axis=axis)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """A new axis of length 1, the last if nothing else is said."""
    return ops.expand_dims(x, axis)


def repeat(x: Any, n: int) -> Any:
    """Shape (batch, width) to (batch, n, width)."""
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def dot(x: Any, y: Any) -> Any:
    """Product over the last axis of ``x`` and the last but one of ``y``."""
    return ops.dot(x, y)


def batch_dot(x: Any, y: Any, axes: int | Sequence[int] | None = None) -> Any:
    """Product over one axis of each, sample by sample; never fewer than two axes."""
    ranks = len(x.shape), len(y.shape)
    if axes is None:
        axes = (ranks[0] - 1, 1 if ranks[1] == 2 else ranks[1] - 2)
    of_x, of_y = (axes, axes) if isinstance(axes, int) else axes
    left = ["b", *"cdefgh"[: ranks[0] - 1]]
    right = ["b", *"ijklmn"[: ranks[1] - 1]]
    left[of_x % ranks[0]] = right[of_y % ranks[1]] = "z"
    kept = [letter for letter in (*left, *right[1:]) if letter != "z"]
    result = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", x, y)
    return result if len(kept) > 1 else ops.expand_dims(result, 1)


def l2_normalize(x: Any, axis: int | None = None) -> Any:
    """Divide by the Euclidean length."""
    length = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(length, 1e-12))


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Rectifier with a slope below, an upper bound and a threshold."""
    return keras.activations.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def hard_sigmoid(x: Any) -> Any:
    """Keras 2's: 0.2 x + 0.5 within 0 and 1 (Keras 3's is x / 6 + 0.5)."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Any:
    """Set a share of the elements to zero and scale up the others."""
    return keras.random.dropout(x, level, noise_shape=noise_shape, seed=seed)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two tensors, element by element; or of two functions, by a scalar."""
    if callable(then_expression) and callable(else_expression):
        return ops.cond(condition, then_expression, else_expression)
    missing = len(then_expression.shape) - len(condition.shape)
    for _ in range(missing):
        condition = ops.expand_dims(condition, -1)
    # Not the variables themselves, which JAX takes for no arrays.
    return ops.where(condition, *map(ops.convert_to_tensor, (then_expression, else_expression)))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Cross-entropy of class probabilities, one number a sample."""
    return ops.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Cross-entropy of class numbers, one number a sample."""
    return ops.sparse_categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Cross-entropy of each element."""
    return ops.binary_crossentropy(target, output, from_logits=from_logits)


def _numbers(x: Any) -> Any:
    return ops.cast(x, keras.backend.floatx()) if keras.backend.standardize_dtype(x.dtype) == "bool" else x


_OWN = (
    mean,
    var,
    any,
    all,
    argmax,
    argmin,
    flatten,
    batch_flatten,
    concatenate,
    expand_dims,
    repeat,
    dot,
    batch_dot,
    l2_normalize,
    relu,
    hard_sigmoid,
    dropout,
    switch,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
    binary_crossentropy,
)
