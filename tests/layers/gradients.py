"""Outputs and gradients of a model on any backend, as NumPy arrays."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def numbers(value: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(value))


def outputs_and_gradients(model: Any, x: Any, weights: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """What the model gives in training, and the gradients of ``sum(outputs * weights)`` by its weights."""
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def scalar(trainable: Any) -> Any:
            outputs, _ = model.stateless_call(
                trainable, [each.value for each in model.non_trainable_variables], x, training=True
            )
            return keras.ops.sum(outputs * weights), outputs

        values = [each.value for each in model.trainable_variables]
        (_, outputs), gradients = jax.jit(jax.value_and_grad(scalar, has_aux=True))(values)
    elif backend == "tensorflow":
        import tensorflow

        with tensorflow.GradientTape() as tape:
            outputs = model(x, training=True)
            total = keras.ops.sum(outputs * weights)
        found = tape.gradient(total, [each.value for each in model.trainable_variables])
        gradients = [tensorflow.convert_to_tensor(each) for each in found]
    else:
        import torch

        model.zero_grad()
        outputs = model(x, training=True)
        (outputs * torch.from_numpy(weights)).sum().backward()
        gradients = [each.value.grad for each in model.trainable_variables]
    return numbers(outputs.detach() if backend == "torch" else outputs), [numbers(each) for each in gradients]
