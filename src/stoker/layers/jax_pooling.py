"""Max pooling over sequences in JAX on the processor: slices compared instead of a window's reduction."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

__all__ = ["max_pool"]


def max_pool(x: Any, size: int) -> Any:
    """The greatest of each `size` neighbours, pools side by side; a rest that fills no pool is left out.

    The gradient goes to the first of equal ones, as XLA's own does it; a NaN makes its pool NaN.

    Parameters
    ----------
    x
        (B, length, channels).
    size
        Length of a pool.

    Returns
    -------
    jax.Array
        (B, length // size, channels).

    Examples
    --------
    >>> max_pool(jnp.array([[[1.0], [3.0], [2.0], [5.0], [4.0]]]), 2).ravel().tolist()
    [3.0, 5.0]
    """
    pools = x.shape[1] // size
    parts = x[:, : pools * size].reshape(x.shape[0], pools, size, x.shape[2])
    greatest = parts[:, :, 0]
    for place in range(1, size):
        other = parts[:, :, place]
        greatest = jnp.where((greatest >= other) | jnp.isnan(greatest), greatest, other)
    return greatest
