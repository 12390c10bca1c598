"""Which formulas a layer takes: some pay under JAX on the processor, where XLA has no fast ones itself."""

from __future__ import annotations

import keras

__all__ = ["on_jax_cpu"]


def on_jax_cpu() -> bool:
    """Whether Keras computes with JAX, and JAX on the processor."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    return bool(jax.default_backend() == "cpu")
