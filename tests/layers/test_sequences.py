from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stoker.layers

import keras  # isort: skip
from gradients import numbers, outputs_and_gradients  # isort: skip

CHANNELS = 5
JAX = keras.backend.backend() == "jax"


def series(rows: int = 6, length: int = 11, channels: int = CHANNELS) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, length, channels)).astype(np.float32)


def of_one_layer(layer: Any, shape: tuple[int, ...] = (None, CHANNELS)) -> Any:
    return keras.Sequential([keras.Input(shape), layer])


SEPARABLE: list[tuple[dict[str, Any], int]] = [
    ({"kernel_size": 3}, 11),
    ({"kernel_size": 3}, 2),
    ({"kernel_size": 3}, 1),
    ({"kernel_size": 1}, 11),
    ({"kernel_size": 4}, 11),
    ({"kernel_size": 5, "use_bias": False}, 2),
    ({"kernel_size": 3, "padding": "valid"}, 11),
    ({"kernel_size": 3, "strides": 2}, 11),
    ({"kernel_size": 3, "dilation_rate": 2}, 11),
    ({"kernel_size": 3, "depth_multiplier": 2}, 11),
]


@pytest.mark.parametrize(("options", "length"), SEPARABLE)
def test_a_separable_convolution_is_that_of_keras_with_the_same_weights(options, length):
    options = {"filters": 7, "padding": "same", "activation": "relu", **options}
    random = {"bias_initializer": "random_uniform", "depthwise_initializer": "random_uniform"}
    theirs = of_one_layer(keras.layers.SeparableConv1D(**options, **random), (length, CHANNELS))
    ours = of_one_layer(stoker.layers.SeparableConv1D(**options, **random), (length, CHANNELS))
    ours.set_weights(theirs.get_weights())
    x = series(length=length)
    weights = np.random.default_rng(1).normal(size=theirs.compute_output_shape(x.shape)).astype(np.float32)
    expected, gradients = outputs_and_gradients(theirs, x, weights)
    found, others = outputs_and_gradients(ours, x, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(other, gradient, rtol=1e-4, atol=1e-4)


def test_gradients_by_the_input_pass_a_separable_convolution_as_they_pass_that_of_keras():
    options = {"filters": 4, "kernel_size": 3, "padding": "same"}
    stacks = [
        keras.Sequential([keras.Input((11, CHANNELS)), keras.layers.Dense(6), layer])
        for layer in (
            keras.layers.SeparableConv1D(**options),
            stoker.layers.SeparableConv1D(**options),
        )
    ]
    stacks[1].set_weights(stacks[0].get_weights())
    weights = series(channels=4)
    (_, expected), (_, found) = (outputs_and_gradients(model, series(), weights) for model in stacks)
    for gradient, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "length"), [({}, 3), ({}, 11), ({"padding": "same"}, 11), ({"strides": 2}, 11)]
)
def test_pooling_and_its_gradient_are_those_of_keras_ties_included(options, length):
    x = np.round(series(length=length))
    theirs = keras.Sequential([keras.Input((length, CHANNELS)), keras.layers.Dense(3), keras.layers.ReLU()])
    ours = keras.models.clone_model(theirs)
    ours.set_weights(theirs.get_weights())
    theirs.add(keras.layers.MaxPooling1D(3, **options))
    ours.add(stoker.layers.MaxPooling1D(3, **options))
    weights = np.random.default_rng(1).normal(size=theirs.compute_output_shape(x.shape)).astype(np.float32)
    expected, gradients = outputs_and_gradients(theirs, x, weights)
    found, others = outputs_and_gradients(ours, x, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(other, gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not JAX, reason="a formula of JAX's own")
def test_of_equal_neighbours_the_first_takes_the_gradient_and_a_nan_stays():
    import jax

    from stoker.layers.jax_pooling import max_pool

    x = jax.numpy.array([[[1.0], [1.0], [0.0], [2.0], [3.0], [3.0]]])
    gradient = jax.grad(lambda x: max_pool(x, 3).sum())(x)
    assert gradient.ravel().tolist() == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    for place in range(3):
        assert np.isnan(max_pool(x.at[0, place].set(np.nan), 3)[0, 0, 0])


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_expectation(rate):
    layer = stoker.layers.Dropout(rate, seed=3)
    outputs = numbers(layer(np.ones((100, 50, 40), np.float32), training=True))
    assert (outputs == 0).mean() == pytest.approx(rate, abs=0.005)
    assert np.allclose(outputs[outputs != 0], 1 / (1 - rate), rtol=1e-6)


def test_places_are_dropped_independently_of_one_another_and_of_the_last_step():
    layer = stoker.layers.Dropout(0.5, seed=3)
    x = np.ones((64, 64, 64), np.float32)
    first, second = (numbers(layer(x, training=True)) - 1 for _ in range(2))
    pairs = [(first, second)]
    for axis in range(3):
        for distance in (1, 2, 8, 32):
            pairs.append((first, np.roll(first, distance, axis)))
    for one, other in pairs:
        assert abs((one * other).mean()) < 0.01  # five times the deviation of so many independent pairs


def test_the_mask_follows_from_the_seed():
    x = np.ones((8, 8), np.float32)
    first, again, other = (
        numbers(stoker.layers.Dropout(0.5, seed=seed)(x, training=True)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_gradient_of_dropout_is_its_mask():
    model = keras.Sequential(
        [keras.Input((40,)), keras.layers.Dense(30, use_bias=False), stoker.layers.Dropout(0.5, seed=1)]
    )
    outputs, (gradient,) = outputs_and_gradients(model, np.eye(40, dtype=np.float32), np.ones((40, 30), "f4"))
    np.testing.assert_allclose(gradient, np.where(outputs == 0, 0, 2), rtol=1e-6)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("rate", [0.0, 1.0, 0.3])
def test_dropout_at_its_ends_and_outside_of_training_is_that_of_keras(rate, training):
    if rate == 0.3 and training:
        pytest.skip("the mask is stoker's own")
    x = series()
    found = numbers(stoker.layers.Dropout(rate)(x, training=training))
    np.testing.assert_array_equal(found, numbers(keras.layers.Dropout(rate)(x, training=training)))


def test_a_saved_model_answers_as_before(tmp_path: Path):
    model = keras.Sequential(
        [
            keras.Input((12, CHANNELS)),
            stoker.layers.Dropout(0.2),
            stoker.layers.SeparableConv1D(4, 3, padding="same"),
            stoker.layers.MaxPooling1D(3),
        ]
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    x = series(length=12)
    np.testing.assert_array_equal(numbers(again(x)), numbers(model(x)))
