from __future__ import annotations

import keras
import numpy as np
import pytest
from numbered import Numbered, Numbers, batch_of

import stoker
from left_behind import no_thread_is_left
from stoker.errors import DataError, OptionError

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_evaluation_weighs_batches_by_their_size(workers, model):
    numbers = Numbers(rows=lambda number: 1 + 9 * number)
    loss, mae = stoker.evaluate_generator(model, numbers, 2, workers=workers)
    assert (loss, mae) == pytest.approx((10 / 11, 10 / 11))


def test_evaluation_takes_all_of_a_sequence_in_its_order_and_tells_it_once(model, seen):
    sequence = Numbered(5)
    stoker.evaluate_generator(model, sequence, callbacks=[seen], workers=2)
    assert seen.tested == list(range(5))
    assert sequence.passes == 1


def test_a_model_without_metrics_gives_its_loss_alone():
    model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    assert stoker.evaluate_generator(model, Numbers(), 3) == pytest.approx(5 / 3)


@pytest.mark.parametrize(
    "item", [lambda x, y: x, lambda x, y: (x, y), lambda x, y: (x, y, y), lambda x, y: [x]]
)
def test_prediction_takes_inputs_alone_or_the_first_of_a_tuple_in_order(item):
    model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
    batches = (item(2 * np.ones((3, 2)) * number, np.ones(3)) for number in range(4))
    found = stoker.predict_generator(model, batches, 4)
    assert found[:, 0] == pytest.approx(np.repeat([0, 4, 8, 12], 3))


def test_prediction_of_several_outputs_is_a_list():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(3)(inputs)])
    first, second = stoker.predict_generator(model, Numbered(3))
    assert (first.shape, second.shape) == ((12, 1), (12, 3))


def test_callbacks_see_every_batch_and_its_outputs(model):
    seen: list[tuple[int, int, tuple[int, ...]]] = []

    class Watch(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            seen.append((logs["batch"], logs["size"], tuple(logs["outputs"].shape)))

    stoker.predict_generator(model, Numbers(rows=lambda number: 2 + number), 3, callbacks=Watch())
    assert seen == [(0, 2, (2, 1)), (1, 3, (3, 1)), (2, 4, (4, 1))]


@pytest.mark.parametrize("call", [stoker.evaluate_generator, stoker.predict_generator])
def test_an_early_end_leaves_the_model_its_weights_and_nothing_running(call, model):
    with no_thread_is_left(), pytest.raises(DataError, match="ended after 2 batches, 4 were asked for"):
        call(model, Numbers(stop=2), 4)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    call(model, Numbers(), 2)


def test_a_generator_may_ask_the_model_that_is_evaluated(model, seen):
    def own():
        while True:
            x = np.ones((4, 2), np.float32)
            yield x, model.predict(x, verbose=0) + 2

    stoker.evaluate_generator(model, own(), 3, callbacks=[seen], workers=0)
    assert seen.tested == [2, 2, 2]


def test_a_generator_needs_steps_and_prediction_no_tuple_of_four(model):
    with pytest.raises(OptionError, match="no length"):
        stoker.predict_generator(model, Numbers())
    with pytest.raises(DataError, match=r"batch 0: expected x, or .*, got a tuple of 4 items"):
        stoker.predict_generator(model, iter([(*batch_of(0), 1, 2)]), 1)
