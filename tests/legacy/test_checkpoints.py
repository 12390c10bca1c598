"""Files of Keras 2: HDF5 under any name."""

from __future__ import annotations

import h5py
import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("old_names")

X = np.random.default_rng(0).random((32, 4), dtype="float32")
Y = X.sum(axis=1, keepdims=True)


@pytest.fixture
def model() -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(3, input_dim=4, name="first"), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "m", "m.model", "m.keras"])
def test_a_model_comes_back_from_a_file_of_any_name(model, name, tmp_path):
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / name)
    again = keras.models.load_model(tmp_path / name)
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)
    assert h5py.is_hdf5(tmp_path / name) == (name != "m.keras")


def test_training_goes_on_from_a_file_as_if_there_had_been_none(model, tmp_path):
    model.fit(X, Y, verbose=0, shuffle=False)
    model.save(tmp_path / "model.h5")
    again = keras.models.load_model(tmp_path / "model.h5")
    losses = [each.fit(X, Y, verbose=0, shuffle=False, epochs=2).history["loss"] for each in (model, again)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize("name", ["w.h5", "w.hdf5", "w", "w.weights.h5"])
def test_weights_come_back_from_a_file_of_any_name(model, name, tmp_path):
    before = model.get_weights()
    model.save_weights(tmp_path / name)
    model.set_weights([np.zeros_like(each) for each in before])
    model.load_weights(tmp_path / name)
    for value, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_weights_are_loaded_by_the_layers_names(model, tmp_path):
    model.save_weights(tmp_path / "w.h5")
    other = keras.Sequential(
        [keras.layers.Dense(3, input_dim=4, name="first"), keras.layers.Dense(7, name="new")]
    )
    other.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(other.layers[0].get_weights()[0], model.layers[0].get_weights()[0])


def test_weights_of_keras_2_in_a_file_called_weights_h5_are_read(model, tmp_path):
    model.save_weights(tmp_path / "w.h5")
    (tmp_path / "w.h5").rename(tmp_path / "old.weights.h5")
    model.load_weights(tmp_path / "old.weights.h5")


def test_a_model_with_losses_of_keras_2_comes_back(model, tmp_path):
    model.compile("sgd", "logcosh", metrics=["mse", "cosine_proximity"])
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.h5")
    again = keras.models.load_model(tmp_path / "model.h5")
    np.testing.assert_allclose(again.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5)


def test_checkpoints_of_the_best_model_go_where_the_script_says(model, tmp_path):
    saver = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "w.{epoch:02d}-{val_loss:.2f}.hdf5"),
        monitor="val_mae",
        save_best_only=True,
        mode="min",
    )
    model.fit(X, Y, validation_data=(X, Y), epochs=2, verbose=0, callbacks=[saver])
    assert list(tmp_path.glob("w.01-*.hdf5"))


def test_existing_weights_are_kept_if_they_are_not_to_be_overwritten(model, tmp_path):
    model.save_weights(tmp_path / "w.h5")
    with pytest.raises(FileExistsError, match=r"w\.h5 is there already"):
        model.save_weights(tmp_path / "w.h5", overwrite=False)
