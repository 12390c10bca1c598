from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stoker.layers import SparseDense

import keras  # isort: skip
from gradients import numbers, outputs_and_gradients

COLUMNS, UNITS = 50, 6


def sparse_rows(seed: int = 0, rows: int = 9, width: int = 32) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Pairs of ragged rows, an empty one among them, and the rows themselves."""
    random = np.random.default_rng(seed)
    pairs = {"indices": np.zeros((rows, width), np.int32), "values": np.zeros((rows, width), np.float32)}
    dense = np.zeros((rows, COLUMNS), np.float32)
    for row, used in enumerate(random.integers(1, width, rows)):
        used = 0 if row == 3 else used
        columns = np.sort(random.choice(COLUMNS, used, replace=False))
        pairs["indices"][row, :used] = columns
        pairs["values"][row, :used] = dense[row, columns] = random.normal(size=used)
    return pairs, dense


def sparse_model(first: Any = None, **options: Any) -> Any:
    inputs = {
        "indices": keras.Input((None,), dtype="int32", name="indices"),
        "values": keras.Input((None,), name="values"),
    }
    layer = SparseDense(UNITS, COLUMNS, **options)
    values = inputs["values"] if first is None else first(inputs["values"])
    return keras.Model(inputs, layer({"indices": inputs["indices"], "values": values}))


def dense_model(**options: Any) -> Any:
    return keras.Sequential([keras.Input((COLUMNS,)), keras.layers.Dense(UNITS, **options)])


@pytest.mark.parametrize("options", [{}, {"activation": "relu"}, {"use_bias": False}])
def test_outputs_and_gradients_are_those_of_a_dense_layer_with_the_same_weights(options):
    pairs, rows = sparse_rows()
    dense, sparse = dense_model(**options), sparse_model(**options)
    sparse.set_weights(dense.get_weights())
    weights = np.random.default_rng(1).normal(size=(len(rows), UNITS)).astype(np.float32)
    expected, gradients = outputs_and_gradients(dense, rows, weights)
    found, others = outputs_and_gradients(sparse, pairs, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(other, gradient, rtol=1e-5, atol=1e-5)


def test_weights_have_the_names_and_shapes_of_a_dense_layers_both_ways():
    dense, sparse = dense_model(), sparse_model()
    assert [(each.name, each.shape) for each in sparse.weights] == [
        (each.name, each.shape) for each in dense.weights
    ]
    dense.set_weights(sparse.get_weights())
    pairs, rows = sparse_rows(2)
    np.testing.assert_allclose(numbers(dense(rows)), numbers(sparse(pairs)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("width", [32, 64, 256])
def test_padding_changes_nothing(width):
    pairs, _ = sparse_rows()
    model = sparse_model()
    padded = {name: np.pad(part, ((0, 0), (0, width - 32))) for name, part in pairs.items()}
    np.testing.assert_allclose(numbers(model(padded)), numbers(model(pairs)), rtol=1e-6, atol=1e-6)


def test_dropping_values_is_dropping_columns_of_the_rows():
    pairs, rows = sparse_rows()
    keep = np.random.default_rng(4).random(COLUMNS) < 0.5
    dropped = {**pairs, "values": pairs["values"] * keep[pairs["indices"]] * 2}
    model, dense = sparse_model(), dense_model()
    dense.set_weights(model.get_weights())
    np.testing.assert_allclose(numbers(model(dropped)), numbers(dense(rows * keep * 2)), rtol=1e-5, atol=1e-5)


def test_dropout_on_the_values_expects_what_dropout_on_the_rows_expects():
    pairs, rows = sparse_rows(rows=4)
    many = {name: np.tile(part, (2000, 1)) for name, part in pairs.items()}
    model = sparse_model(keras.layers.Dropout(0.5, seed=3), use_bias=False)
    outputs = numbers(model(many, training=True)).reshape(2000, 4, UNITS)
    kernel = model.get_weights()[0]
    np.testing.assert_allclose(outputs.mean(0), rows @ kernel, atol=0.15)
    spread = np.sqrt((rows**2) @ (kernel**2))  # of values that are doubled or dropped, each with one half
    np.testing.assert_allclose(outputs.std(0), spread, rtol=0.1, atol=1e-5)


def test_a_saved_model_answers_as_before(tmp_path: Path):
    model = sparse_model(activation="relu", kernel_regularizer=keras.regularizers.L2(0.01))
    pairs, _ = sparse_rows()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[-1].get_config() == model.layers[-1].get_config()
    np.testing.assert_array_equal(numbers(again(pairs)), numbers(model(pairs)))


def test_gradients_by_the_values_are_those_of_the_rows():
    if keras.backend.backend() != "jax":
        pytest.skip("a formula of JAX's own")
    import jax

    from stoker.layers.jax_sparse import product

    pairs, _ = sparse_rows()
    kernel = jax.random.normal(jax.random.key(5), (COLUMNS, UNITS))
    indices = jax.numpy.asarray(pairs["indices"])
    found = jax.grad(lambda values: product(indices, values, kernel).sum())(pairs["values"])
    np.testing.assert_allclose(found, np.asarray(kernel).sum(1)[pairs["indices"]], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("units", "columns", "name"), [(0, 5, "units"), (5, 0, "input_dim")])
def test_a_size_that_cannot_be_is_refused(units, columns, name):
    with pytest.raises(ValueError, match=name):
        SparseDense(units, columns)
