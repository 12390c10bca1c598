"""Keras's layers of a convolutional network over sequences, faster under JAX on the processor.

Elsewhere, and for options that a text model has no use for, they are Keras's own. Weights, their names and
their order are those of the layers with the same names in ``keras.layers``, and so are outputs and gradients;
the one exception is which places a Dropout drops.
"""

from __future__ import annotations

from typing import Any

import keras

from stoker.allocator import keep_freed_memory
from stoker.layers.backend import on_jax_cpu

__all__ = ["Dropout", "MaxPooling1D", "SeparableConv1D"]


@keras.saving.register_keras_serializable(package="stoker")
class SeparableConv1D(keras.layers.SeparableConv1D):  # type: ignore[misc]  # Keras has no type information
    """``keras.layers.SeparableConv1D``: the same options, weights, outputs and gradients.

    Fast are ``padding="same"`` with strides, dilation and depth multiplier of 1 and channels last.

    Examples
    --------
    >>> import numpy as np
    >>> layer = SeparableConv1D(2, 3, padding="same", activation="relu")
    >>> layer(np.zeros((4, 10, 8), "float32")).shape
    (4, 10, 2)
    """

    def build(self, input_shape: Any) -> None:
        """Make the weights, and keep memory that a step frees for the next, as `stoker.allocator` says."""
        if on_jax_cpu() or keras.backend.backend() == "torch":
            keep_freed_memory()
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Depthwise, pointwise, bias, activation."""
        plain = (self.padding, self.data_format) == ("same", "channels_last")
        ones = (*self.strides, *self.dilation_rate, self.depth_multiplier)
        if not (plain and set(ones) == {1} and on_jax_cpu()):
            return super().call(inputs)
        from stoker.layers.jax_separable import separable

        depthwise = keras.ops.convert_to_tensor(self.depthwise_kernel)[:, :, 0]
        outputs = separable(inputs, depthwise, keras.ops.convert_to_tensor(self.pointwise_kernel)[0])
        if self.use_bias:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable(package="stoker")
class MaxPooling1D(keras.layers.MaxPooling1D):  # type: ignore[misc]
    """``keras.layers.MaxPooling1D``: the same options, outputs and gradients.

    Fast are ``padding="valid"`` with strides as long as the pool and channels last.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPooling1D(3)(np.zeros((4, 10, 8), "float32")).shape
    (4, 3, 8)
    """

    def call(self, inputs: Any) -> Any:
        """The greatest of each pool."""
        plain = (self.padding, self.data_format) == ("valid", "channels_last")
        if not (plain and self.strides == self.pool_size and on_jax_cpu()):
            return super().call(inputs)
        from stoker.layers.jax_pooling import max_pool

        return max_pool(inputs, self.pool_size[0])


@keras.saving.register_keras_serializable(package="stoker")
class Dropout(keras.layers.Dropout):  # type: ignore[misc]
    """``keras.layers.Dropout``, with a mask that costs little.

    Under JAX on the processor the mask is hashed from places and the seed's state, and differs from the one
    that Keras would draw; it is as random, and as reproducible.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dropout(0.5, seed=7)
    >>> float(keras.ops.max(layer(np.ones((10, 10), "float32"), training=True)))
    2.0
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Inputs with some places dropped in training, as they are otherwise."""
        if not (training and 0 < self.rate < 1 and self.noise_shape is None and on_jax_cpu()):
            return super().call(inputs, training=training)
        from stoker.layers.jax_masks import MOST_PLACES, drop

        if inputs.size > MOST_PLACES:
            return super().call(inputs, training=training)
        return drop(inputs, self.rate, self.seed_generator.next())
