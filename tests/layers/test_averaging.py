"""The mean of words' embeddings beside Keras's own layers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from stoker.layers import MeanEmbedding

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

TOKENS = np.array([[3, 1, 0, 0], [2, 2, 4, 1], [4, 0, 0, 0]], np.int32)


def test_it_is_keras_embedding_with_a_mask_and_an_average():
    layer = MeanEmbedding(5, 3, embeddings_initializer=keras.initializers.RandomUniform(seed=7))
    made = keras.ops.convert_to_numpy(layer(TOKENS))
    theirs = keras.layers.Embedding(5, 3, mask_zero=True)
    theirs.build((None, 4))
    theirs.set_weights(layer.get_weights())
    expected = keras.layers.GlobalAveragePooling1D()(theirs(TOKENS), mask=theirs.compute_mask(TOKENS))
    np.testing.assert_allclose(made, keras.ops.convert_to_numpy(expected), rtol=1e-6)


def test_a_row_without_words_is_zeros():
    layer = MeanEmbedding(5, 3, embeddings_initializer="ones")
    assert not np.any(keras.ops.convert_to_numpy(layer(np.zeros((2, 4), np.int32))))


def test_it_is_made_again_from_its_configuration():
    layer = MeanEmbedding(5, 3, name="words")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert isinstance(again, MeanEmbedding)
    assert again.get_config() == layer.get_config()
    assert layer.compute_output_shape((None, 4)) == (None, 3)
