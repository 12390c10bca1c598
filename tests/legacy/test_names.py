"""install puts the names there once, uninstall leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

import stoker.legacy

CLASSES = (
    keras.Model,
    keras.Sequential,
    keras.layers.Layer,
    keras.layers.Dense,
    keras.layers.LSTM,
    keras.optimizers.Optimizer,
    keras.optimizers.SGD,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.History,
    keras.utils.PyDataset,
)


def everything() -> dict[str, dict[str, object]]:
    modules = {
        name: dict(vars(module))
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0] in ("keras", "tensorflow") and not name.startswith("keras.src")
    }
    classes = {
        owner.__qualname__: dict(vars(owner))
        for cls in CLASSES
        for owner in cls.__mro__
        if owner is not object
    }
    return modules | classes


def imports_of_a_script() -> None:
    import tensorflow.keras.layers
    import tensorflow.python.keras.utils.np_utils  # noqa: F401
    from keras.engine.topology import Layer  # noqa: F401
    from keras.layers.core import Dense  # noqa: F401
    from keras.utils import np_utils  # noqa: F401

    assert keras.layers.merge.concatenate is keras.layers.concatenate


def test_uninstall_leaves_everything_as_it_was():
    with stoker.legacy.install():
        imports_of_a_script()
    path, before = list(sys.meta_path), everything()
    with stoker.legacy.install():
        imports_of_a_script()
        keras.Sequential([keras.layers.Dense(2, input_dim=3)]).compile(keras.optimizers.SGD(lr=0.1), "mse")
    after = everything()
    assert sys.meta_path == path
    assert after.keys() == before.keys()
    for name, attributes in before.items():
        assert after[name].keys() == attributes.keys(), name
        assert all(after[name][each] is value for each, value in attributes.items()), name


def test_installing_twice_does_it_once():
    with stoker.legacy.install():
        method, path = keras.Model.fit_generator, list(sys.meta_path)
        with stoker.legacy.install():
            assert keras.Model.fit_generator is method
            assert sys.meta_path == path
        assert keras.Model.fit_generator is method
    assert not hasattr(keras.Model, "fit_generator")


def test_uninstalling_what_is_not_installed_does_nothing():
    stoker.legacy.uninstall()
    stoker.legacy.uninstall()
    assert not hasattr(keras.Model, "fit_generator")


def test_importing_stoker_legacy_imports_no_keras():
    code = "import sys, stoker.legacy; stoker.legacy.uninstall(); print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_word_of_keras_1_warns_at_the_line_that_says_it(old_names):
    with pytest.warns(FutureWarning, match=r"output_dim= is units= since Keras 2") as caught:
        keras.layers.Dense(output_dim=3)
    assert caught[0].filename == __file__


def test_a_word_of_keras_2_does_not_warn(old_names):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keras.optimizers.Adam(lr=0.1, decay=1e-6)
        keras.Sequential([keras.layers.Embedding(5, 2, input_length=3), keras.layers.LeakyReLU(alpha=0.1)])


def test_saying_one_thing_by_both_names_is_a_type_error(old_names):
    with pytest.raises(TypeError, match="both output_dim= and units="):
        keras.layers.Dense(units=3, output_dim=3)
    with pytest.raises(TypeError, match="learning rate twice"):
        keras.optimizers.SGD(learning_rate=0.1, lr=0.1)


def test_an_unknown_keyword_stays_the_error_that_keras_makes_of_it(old_names):
    with pytest.raises(ValueError, match="nonsense"):
        keras.layers.Dense(3, nonsense=1)


def test_a_layer_of_the_users_own_takes_an_input_shape_and_keeps_its_configuration(old_names):
    class Scale(keras.layers.Layer):
        def __init__(self, factor=2.0, **options):
            super().__init__(**options)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

    model = keras.Sequential([Scale(3.0, input_shape=(4,))])
    assert model.output_shape == (None, 4)
    assert model.predict(np.ones((2, 4)), verbose=0).tolist() == [[3.0] * 4] * 2


def test_one_list_of_metrics_serves_every_output(old_names):
    inputs = keras.layers.Input(shape=(4,))
    outputs = [keras.layers.Dense(1, name="b")(inputs), keras.layers.Dense(1, name="a")(inputs)]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse", metrics=["mae"])
    names = model.metrics_names
    x, y = np.ones((8, 4)), [np.ones((8, 1)), np.zeros((8, 1))]
    scores = model.evaluate(x, y, verbose=0)
    assert names == model.metrics_names == ["loss", "b_loss", "a_loss", "a_mae", "b_mae"]
    by_name = model.evaluate(x, y, verbose=0, return_dict=True)
    assert scores == [by_name[name] for name in names]


def test_history_pickles_as_a_plain_dictionary(old_names):
    import pickle

    model = keras.Sequential([keras.layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history
    assert history["acc"] == history["accuracy"]
    assert type(pickle.loads(pickle.dumps(history))) is dict  # noqa: S301 - our own bytes
    with pytest.raises(KeyError, match="f1"):
        history["f1"]
