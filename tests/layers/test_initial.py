from __future__ import annotations

import numpy as np
import pytest

import stoker.layers

import keras  # isort: skip
from gradients import numbers  # isort: skip

JAX = keras.backend.backend() == "jax"


def values(shape: tuple[int, ...], seed: int | None = 7) -> np.ndarray:
    return numbers(stoker.layers.GlorotUniform(seed)(shape))


def test_initial_weights_are_uniform_in_the_range_that_glorot_gives():
    found = values((400, 200)) * 10
    assert found.dtype == np.float32
    counts, _ = np.histogram(found, bins=20, range=(-1, 1))
    assert counts.sum() == found.size
    assert np.abs(counts / found.size - 0.05).max() < 0.005
    assert np.abs(np.corrcoef(found[:-1].ravel(), found[1:].ravel())[0, 1]) < 0.02


def test_a_seed_gives_the_same_weights_at_each_call_and_another_one_others():
    assert np.array_equal(values((5, 3)), values((5, 3)))
    assert not np.array_equal(values((5, 3)), values((5, 3), seed=8))
    assert not np.array_equal(values((5, 3), seed=None), values((5, 3), seed=None))
    assert np.isfinite(values((5, 3), seed=-1)).all()


@pytest.mark.skipif(not JAX, reason="other backends draw their own")
def test_a_seed_gives_the_same_weights_for_ever():
    expected = [[-0.7367383, 0.8151721], [1.0346773, -0.4483321], [-0.4072258, -0.1750570]]
    np.testing.assert_allclose(values((3, 2)), expected, atol=1e-6)


def test_a_layer_with_such_weights_is_saved_and_made_again():
    layer = keras.layers.Dense(3, kernel_initializer=stoker.layers.GlorotUniform(7))
    again = keras.layers.Dense.from_config(layer.get_config())
    for each in (layer, again):
        each.build((None, 5))
    np.testing.assert_array_equal(numbers(again.kernel), numbers(layer.kernel))
