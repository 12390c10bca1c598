"""keras.backend's functions of Keras 2, against NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from stoker.legacy.backend import functions

pytestmark = pytest.mark.usefixtures("old_names")

A = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
B = np.random.default_rng(1).normal(size=(4, 3, 5)).astype("float32")

REFERENCES = {
    "abs": np.abs,
    "argmax": lambda x: x.argmax(-1),
    "argmin": lambda x: x.argmin(-1),
    "batch_flatten": lambda x: x.reshape(4, -1),
    "cumsum": lambda x: x.cumsum(),
    "exp": np.exp,
    "expand_dims": lambda x: x[..., None],
    "flatten": np.ravel,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "identity": lambda x: x,
    "l2_normalize": lambda x: x / np.linalg.norm(x),
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "prod": np.prod,
    "relu": lambda x: np.maximum(x, 0),
    "round": np.round,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sign": np.sign,
    "sin": np.sin,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "square": np.square,
    "std": np.std,
    "sum": np.sum,
    "tanh": np.tanh,
    "transpose": np.transpose,
    "var": np.var,
    "zeros_like": np.zeros_like,
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_function_of_one_tensor_is_numpys(name):
    K = keras.backend
    found = K.get_value(getattr(K, name)(K.constant(A)))
    np.testing.assert_allclose(found, REFERENCES[name](A), rtol=1e-5, atol=1e-6)


def test_every_function_is_there_and_is_put_where_keras_has_none():
    assert all(callable(getattr(keras.backend, name)) for name in functions())


@pytest.mark.parametrize(
    ("x", "y", "axes", "reference"),
    [
        (A, A, 1, lambda x, y: (x * y).sum(1, keepdims=True)),
        (A, B, (1, 1), lambda x, y: np.einsum("bi,bij->bj", x, y)),
        (B, B, (2, 2), lambda x, y: np.einsum("bik,bjk->bij", x, y)),
        (B, np.swapaxes(B, 1, 2), None, lambda x, y: x @ y),
    ],
)
def test_batch_dot_is_keras_2s(x, y, axes, reference):
    K = keras.backend
    found = K.eval(K.batch_dot(K.constant(x), K.constant(y), axes=axes))
    np.testing.assert_allclose(found, reference(x, y), rtol=1e-4, atol=1e-5)


def test_the_mean_of_booleans_is_the_share_that_is_true():
    K = keras.backend
    assert K.get_value(K.mean(K.equal(K.constant([1.0, 2.0]), K.constant([1.0, 3.0])))) == 0.5


def test_variables_are_set_and_updated_at_once():
    K = keras.backend
    counter = K.variable(1.0, name="counter")
    K.update_add(counter, 2.0)
    K.batch_set_value([(counter, K.get_value(counter) * 2)])
    assert K.batch_get_value([counter]) == [6.0]
    assert K.dtype(counter) == "float32"


def test_what_keras_3_kept_of_its_backend_is_its_own():
    import stoker.legacy

    own = keras.backend.floatx, keras.backend.clear_session
    stoker.legacy.uninstall()
    assert (keras.backend.floatx, keras.backend.clear_session) == own


def test_a_loss_in_the_words_of_the_backend_trains():
    K = keras.backend

    def root_mean_squared_error(y_true, y_pred):
        return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1) + K.epsilon())

    model = keras.Sequential([keras.layers.Dense(1, input_dim=3)])
    model.compile(keras.optimizers.SGD(lr=0.05), root_mean_squared_error)
    losses = model.fit(A, A.sum(1), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
