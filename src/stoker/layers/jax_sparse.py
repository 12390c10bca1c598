"""Sparse rows times a dense matrix in JAX on the processor: loops over the entries that are there.

XLA's own gather and scatter materialise a row of the kernel for each entry, padding included: at 128 rows
padded to 512, with 16,000 entries, 6 ms forward and 7 back, where these loops take 0.6 and 1.0. A loop whose
number of turns is known only when it runs cannot be differentiated, so the gradient is written out.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["product"]


@jax.custom_vjp
def product(indices: Any, values: Any, kernel: Any) -> Any:
    """``x @ kernel``, where row b of x is zero but for ``values[b, p]`` in column ``indices[b, p]``.

    Parameters
    ----------
    indices
        int32 (B, P), each in [0, k).
    values
        (B, P); a row's zeros at its end cost nothing.
    kernel
        (k, units).

    Returns
    -------
    jax.Array
        (B, units).

    Examples
    --------
    >>> product(jnp.array([[2, 0]]), jnp.array([[3.0, 0.0]]), jnp.arange(6.0).reshape(3, 2)).tolist()
    [[12.0, 15.0]]
    """
    indices, values, kernel = jnp.asarray(indices), jnp.asarray(values), jnp.asarray(kernel)
    used = _used(values)
    units = kernel.shape[1]

    def row(b: Any, outputs: Any) -> Any:
        def entry(p: Any, total: Any) -> Any:
            return total + values[b, p] * jax.lax.dynamic_slice(kernel, (indices[b, p], 0), (1, units))

        total = jax.lax.fori_loop(0, used[b], entry, jnp.zeros((1, units), kernel.dtype))
        return jax.lax.dynamic_update_slice(outputs, total, (b, 0))

    outputs = jnp.zeros((values.shape[0], units), kernel.dtype)
    return jax.lax.fori_loop(0, values.shape[0], row, outputs)


def _used(values: Any) -> Any:
    """Entries of each row up to its last that is not zero; dropout leaves zeros between."""
    places = jnp.arange(1, values.shape[1] + 1, dtype=jnp.int32)
    return jnp.max(jnp.where(values != 0, places, 0), axis=1)


def _forward(indices: Any, values: Any, kernel: Any) -> Any:
    return product(indices, values, kernel), (indices, values, kernel)


def _backward(residuals: Any, gradient: Any) -> Any:
    indices, values, kernel = map(jnp.asarray, residuals)
    used = _used(values)
    units = kernel.shape[1]

    def row(b: Any, total: Any) -> Any:
        def entry(p: Any, total: Any) -> Any:
            place = (indices[b, p], 0)
            old = jax.lax.dynamic_slice(total, place, (1, units))
            new = old + values[b, p] * jax.lax.dynamic_slice(gradient, (b, 0), (1, units))
            return jax.lax.dynamic_update_slice(total, new, place)

        return jax.lax.fori_loop(0, used[b], entry, total)

    by_kernel = jax.lax.fori_loop(0, values.shape[0], row, jnp.zeros_like(kernel))
    # Nobody asks for this one where values are data, and then XLA leaves it out.
    by_values = jnp.einsum("bpu,bu->bp", kernel[indices], gradient).astype(values.dtype)
    return np.zeros(indices.shape, jax.dtypes.float0), by_values, by_kernel


product.defvjp(_forward, _backward)
