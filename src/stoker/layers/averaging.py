"""Words of a text as one vector: the mean of their embeddings."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["MeanEmbedding"]


@keras.saving.register_keras_serializable(package="stoker")
class MeanEmbedding(keras.layers.Embedding):  # type: ignore[misc]  # Keras has no type information
    """The mean of the embeddings of a row's tokens, of which 0 is padding and counts for nothing.

    ``keras.layers.Embedding(mask_zero=True)`` and ``GlobalAveragePooling1D`` in one, with the weights of the
    former; a row of padding alone gives zeros, where these two divide by zero.

    Examples
    --------
    >>> import numpy as np
    >>> layer = MeanEmbedding(4, 2, embeddings_initializer="ones")
    >>> np.asarray(keras.ops.convert_to_numpy(layer(np.array([[1, 3, 0], [0, 0, 0]], "int32")))).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    def call(self, inputs: Any) -> Any:
        """The means of a batch of tokens, int32 (B, length): float32 (B, dimensions)."""
        found = super().call(inputs)
        is_word = keras.ops.expand_dims(keras.ops.cast(keras.ops.not_equal(inputs, 0), found.dtype), -1)
        count = keras.ops.maximum(keras.ops.sum(is_word, axis=1), 1.0)
        return keras.ops.divide(keras.ops.sum(keras.ops.multiply(found, is_word), axis=1), count)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """(B, dimensions)."""
        return (input_shape[0], self.output_dim)

    def compute_output_spec(self, inputs: Any) -> Any:
        """(B, dimensions), never ragged or sparse."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)
