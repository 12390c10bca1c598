"""What stoker.legacy uses of Keras beyond its public interface is there and does what it is used for."""

from __future__ import annotations

import inspect

import h5py
import keras
import numpy as np
import pytest
from keras.src.utils import module_utils

from stoker.legacy import keras_private
from stoker.legacy.patches import Patches


@pytest.fixture
def patches():
    patches = Patches()
    yield patches
    patches.undo()


def test_keras_asks_its_lazy_module_whether_there_is_a_tensorflow(patches):
    keras_private.hide_tensorflow(patches)
    assert module_utils.tensorflow.available is False


def test_image_transforms_use_the_scipy_of_their_module(patches):
    keras_private.use_present_scipy(patches)
    image = np.arange(27.0).reshape(3, 3, 3)
    turned = keras_private.apply_affine_transform(image, theta=180, row_axis=0, col_axis=1, channel_axis=2)
    np.testing.assert_allclose(turned, image[::-1, ::-1], atol=1e-4)


def test_an_iterator_of_images_draws_its_order_at_the_first_batch():
    flow = keras_private.ImageDataGenerator().flow(np.zeros((4, 2, 2, 3)), batch_size=2)
    assert flow.index_array is None
    assert {"lock", "index_generator", "seed", "total_batches_seen"} <= vars(flow).keys()


def test_a_sequential_model_keeps_its_layers_in_a_list():
    assert keras.Sequential()._layers == []


def test_a_dataset_says_its_workers_by_three_attributes():
    dataset = keras.utils.PyDataset()
    assert vars(dataset) == {"_workers": 1, "_use_multiprocessing": False, "_max_queue_size": 10}


def test_models_of_inputs_and_outputs_are_of_the_class_that_is_patched():
    inputs = keras.Input((2,))
    assert isinstance(keras.Model(inputs, inputs), keras_private.Functional)


def test_weights_are_written_with_the_layers_names(tmp_path):
    path = str(tmp_path / "w")
    keras_private.save_old_weights(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), path)
    with h5py.File(path) as file:
        assert "layer_names" in file.attrs
    assert keras_private.is_old_weights(path)


def test_optimizers_read_their_rate_when_they_apply_gradients():
    source = "".join(
        inspect.getsource(cls) for cls in keras.optimizers.Optimizer.__mro__ if cls is not object
    )
    assert "self.learning_rate" in source
