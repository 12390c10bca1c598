"""Dropout in JAX on the processor: a mask hashed from places, not drawn from a stream.

XLA's Threefry takes 36 ms for the 3.3 million places of 128 texts of 128 words in 200 dimensions. A 32-bit
mixer over an arithmetic sequence, whose start and step follow from the seed, takes 2, and is computed again
on the way back instead of being kept.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["MOST_PLACES", "drop"]

MOST_PLACES = 2**32
"""Places in an array above which hashes of places would repeat."""


def drop(x: Any, rate: float, seed: Any) -> Any:
    """Set a share of the places to zero, and divide the others by the share that is kept.

    Parameters
    ----------
    x
        An array of at most `MOST_PLACES` elements.
    rate
        The share, in [0, 1), met to 2^-32.
    seed
        uint32 (2,): the state of a ``keras.random.SeedGenerator``. The mask is a function of it and of the
        shape alone.

    Examples
    --------
    >>> dropped = drop(jnp.ones(10_000), 0.2, jnp.array([7, 0], jnp.uint32))
    >>> sorted(set(dropped.tolist())), abs(float(dropped.mean()) - 1) < 0.02
    ([0.0, 1.25], True)
    """
    seed = seed.astype(jnp.uint32)
    first = _mixed(seed[0] ^ _mixed(seed[1] + jnp.uint32(0x9E3779B9)))
    second = _mixed(first + jnp.uint32(0x85EBCA6B))
    places = jax.lax.iota(jnp.uint32, x.size).reshape(x.shape)
    hashed = _mixed(places * (second | 1) + first)
    kept = hashed < jnp.uint32(min(round((1.0 - rate) * 2**32), 2**32 - 1))
    # A divisor that is known only when it runs: XLA copies what is cheap into every loop that needs it, here
    # the whole mask, and holds a division alone too dear for that.
    share = (1.0 - rate) + 0.0 * seed[0].astype(jnp.float32)
    return jnp.where(kept, x, jnp.zeros_like(x)) / share.astype(x.dtype)


def _mixed(word: Any) -> Any:
    """Each bit depends on all: the function "lowbias32" of https://github.com/skeeto/hash-prospector."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * jnp.uint32(0x846CA68B)
    return word ^ (word >> 16)
