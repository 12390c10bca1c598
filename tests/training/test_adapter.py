"""Holds the cap on Keras's version: what `stoker.training.adapter` relies on is as it was."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras.src.trainers.data_adapters import get_data_adapter
from memory_feed import make_feed

from stoker.errors import MissingExtraError, OptionError
from stoker.training import adapter
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.logged import metric_direction, metric_names


def handover_of(feed):
    return Handover(feed, wait_for=lambda result: None, interrupts=Interrupts())


def test_keras_uses_a_data_adapter_as_it_is():
    feed = adapter.FeedAdapter(handover_of(make_feed()))
    assert get_data_adapter(feed) is feed


def test_the_adapter_tells_batches_and_sizes():
    feed = adapter.FeedAdapter(handover_of(make_feed(rows=50)))
    assert (feed.num_batches, feed.batch_size) == (7, 8)
    assert (feed.has_partial_batch, feed.partial_batch_size) == (True, 2)
    whole = adapter.FeedAdapter(handover_of(make_feed(rows=48)))
    assert (whole.has_partial_batch, whole.partial_batch_size) == (False, None)


def test_iterators_are_lazy_and_share_one_stream():
    feed = make_feed(rows=48)
    handover = handover_of(feed)
    maker = adapter.FeedAdapter(handover)
    handover.begin(0)
    first, second = maker.get_numpy_iterator(), maker.get_jax_iterator()
    assert not feed.streams
    next(first)
    next(second)
    assert len(feed.streams) == 1
    assert feed.streams[0].next == 2


@pytest.mark.parametrize("version", ["3.14.9", "3.17.0", "4.0.0", "2.15.0"])
def test_a_keras_that_nobody_looked_at_is_refused_with_the_command(version):
    with pytest.raises(MissingExtraError, match=rf"found {version}: pip install 'keras>=3.15,<3.17'"):
        adapter.check_version(version)


@pytest.mark.parametrize("version", ["3.15.0", "3.16.2", keras.__version__])
def test_a_known_keras_is_taken(version):
    adapter.check_version(version)


def test_building_makes_all_state_from_shapes(small_model):
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    adapter.build_model(model, make_feed().spec, 8)
    assert model.built
    assert model.optimizer.built
    assert metric_names(model) == ("loss", "accuracy")


def test_a_model_with_its_own_train_step_says_its_names_only_later(small_model):
    class Own(keras.Sequential):
        def train_step(self, *arguments):
            return super().train_step(*arguments)

    model = Own([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert metric_names(model) is None


def test_the_direction_is_what_the_metric_declares(small_model):
    assert metric_direction(small_model(), "accuracy") == "max"
    assert metric_direction(small_model(), "nothing") is None


def test_read_only_arrays_reach_torch_without_a_warning():
    torch = pytest.importorskip("torch")
    array = np.arange(3.0)
    array.flags.writeable = False
    assert torch.equal(adapter._tensor(array), torch.arange(3.0, dtype=torch.float64))


def test_an_uncompiled_model_is_refused():
    with pytest.raises(OptionError, match="is not compiled"):
        adapter.build_model(keras.Sequential([keras.layers.Dense(1)]), make_feed().spec, 8)
