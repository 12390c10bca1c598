from __future__ import annotations

import threading
from typing import Any

import keras
import numpy as np
import pytest
from memory_feed import make_feed
from numbered import Numbered, Numbers, Seen, batch_of

import stoker
from left_behind import no_thread_is_left
from stoker.errors import DataError, OptionError

pytestmark = pytest.mark.timeout(60)


def fit(model: Any, generator: Any, steps: Any = None, epochs: int = 1, **options: Any) -> Any:
    return stoker.fit_generator(model, generator, steps, epochs, **{"verbose": 0, **options})


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_the_stream_of_a_generator_goes_on_from_epoch_to_epoch(workers, model, seen):
    numbers = Numbers()
    history = fit(model, numbers, 3, 3, callbacks=[seen], workers=workers)
    assert seen.trained == list(range(9))
    assert numbers.pulled == list(range(9))
    assert history.epoch == [0, 1, 2]
    assert history.history["mae"] == pytest.approx([1, 4, 7])


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_a_sequence_of_four_with_three_steps_goes_on_too(workers, model, seen):
    sequence = Numbered(4)
    fit(model, sequence, 3, 3, callbacks=[seen], workers=workers, shuffle=False)
    assert seen.trained == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert sequence.passes == 2
    assert sorted(sequence.asked) == [0, 0, 0, 1, 1, 2, 2, 3, 3]


def test_without_workers_the_generator_runs_in_the_calling_thread_and_no_batch_ahead(model):
    numbers = Numbers()
    ahead: list[int] = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            ahead.append(len(numbers.pulled) - batch - 1)

    fit(model, numbers, 4, callbacks=[Watch()], workers=0)
    assert ahead == [0, 0, 0, 0]
    assert numbers.threads == {threading.get_ident()}


@pytest.mark.parametrize("make", [Numbers, lambda: Numbered(100)])
@pytest.mark.parametrize(("queue", "workers"), [(1, 1), (10, 1), (3, 4)])
def test_never_more_batches_are_made_ahead_than_queue_and_workers_allow(make, queue, workers, model):
    source = make()
    ahead: list[int] = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            threading.Event().wait(0.005)
            made = len(source.asked if isinstance(source, Numbered) else source.pulled)
            ahead.append(made - batch)

    fit(model, source, 30, callbacks=[Watch()], max_queue_size=queue, workers=workers)
    assert max(ahead) <= queue + workers


def test_each_item_of_a_generator_is_advanced_by_one_thread_in_order(model, seen):
    numbers = Numbers()
    fit(model, numbers, 20, callbacks=[seen], workers=4)
    assert seen.trained == list(range(20))
    assert len(numbers.threads) == 1


def test_a_sequence_is_computed_in_parallel_and_given_in_order(model, seen):
    together = threading.Barrier(3, timeout=20)

    class Meeting(Numbered):
        def __getitem__(self, index):
            together.wait()
            return batch_of(index)

    fit(model, Meeting(6), callbacks=[seen], workers=3, shuffle=False)
    assert seen.trained == list(range(6))


def test_shuffling_permutes_each_pass_by_the_global_seed(model):
    def order(seed: int, **options: Any) -> list[float]:
        keras.utils.set_random_seed(seed)
        seen = Seen()
        fit(model, Numbered(8), epochs=2, callbacks=[seen], **options)
        return seen.trained

    first = order(3)
    assert sorted(first[:8]) == sorted(first[8:]) == list(range(8))
    assert first[:8] != first[8:]
    assert first == order(3) == order(3, workers=4) == order(3, workers=0)
    assert first != order(4)
    assert order(3, shuffle=False) == 2 * list(range(8))


def test_shuffle_has_no_effect_and_no_warning_for_a_generator(model, seen):
    fit(model, Numbers(), 5, callbacks=[seen], shuffle=True)
    assert seen.trained == list(range(5))


def test_on_epoch_end_comes_once_a_pass_after_the_callbacks_and_before_the_next_items(model):
    sequence = Numbered(3)

    class Note(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            sequence.events.append("callback")

    fit(model, sequence, epochs=2, callbacks=[Note()], workers=2, shuffle=False)
    once = [*sorted(sequence.events[:3]), "callback", "end"]
    assert [*sorted(sequence.events[:3]), *sequence.events[3:5]] == once
    assert [*sorted(sequence.events[5:8]), *sequence.events[8:]] == once


def test_a_sequence_may_change_its_length_at_the_end_of_an_epoch(model, seen):
    class Growing(Numbered):
        def on_epoch_end(self):
            self.length = {2: 5, 5: 1}.get(self.length, 2)
            super().on_epoch_end()

    sequence = Growing(2)
    begun: list[str] = []
    seen.on_train_begin = lambda logs=None: begun.append("begin")
    seen.on_train_end = lambda logs=None: begun.append("end")
    history = fit(model, sequence, epochs=4, callbacks=[seen], shuffle=False)
    assert seen.trained == [0, 1, 0, 1, 2, 3, 4, 0, 0, 1]
    assert history.epoch == [0, 1, 2, 3]
    assert begun == ["begin", "end"]
    assert sequence.passes == 4


def test_a_length_that_changes_is_refused_where_the_optimizer_averages_weights():
    class Growing(Numbered):
        def on_epoch_end(self):
            self.length += 1

    def averaging() -> Any:
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(use_ema=True), "mse")
        return model

    fit(averaging(), Numbered(2), epochs=2)
    with pytest.raises(OptionError, match=r"another length after epoch 0.*\n?.*use_ema"):
        fit(averaging(), Growing(2), epochs=3)


def test_callbacks_get_batch_and_size_beside_the_metrics_and_the_params(model, seen):
    numbers = Numbers(rows=lambda number: 3 + number)
    fit(model, numbers, 3, callbacks=[seen])
    assert [(logs["batch"], logs["size"]) for logs in seen.logs] == [(0, 3), (1, 4), (2, 5)]
    assert set(seen.logs[0]) == {"batch", "size", "loss", "mae"}
    assert seen.params == {"epochs": 1, "steps": 3, "verbose": 0}
    assert seen.trained == [0, 1, 2]


def test_hooks_are_called_as_often_and_in_the_order_of_keras_2(model, seen):
    fit(model, Numbers(), 5, 5, callbacks=[seen], validation_data=Numbers(), validation_steps=2)
    assert seen.hooks == 5 * (5 * ["train"] + ["test begin", "test", "test", "epoch end"])


def test_the_history_weighs_batches_by_their_size(model):
    numbers = Numbers(rows=lambda number: 1 + 9 * number)
    history = fit(model, numbers, 2)
    assert history.history["mae"] == pytest.approx([10 / 11])


def test_initial_epoch_trains_the_later_ones(model):
    history = fit(model, Numbers(), 2, 5, initial_epoch=3)
    assert history.epoch == [3, 4]
    assert model.history is history


def test_integral_floats_are_steps(model, seen):
    fit(model, Numbers(), np.ceil(5 / 2), callbacks=[seen])
    assert seen.trained == [0, 1, 2]


def test_a_model_that_is_not_built_trains_on_the_first_batch_that_builds_it(seen):
    model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mae"])
    numbers = Numbers()
    fit(model, numbers, 3, 2, callbacks=[seen])
    assert seen.trained == list(range(6))
    assert numbers.pulled == list(range(6))


def test_a_metric_compiled_as_acc_is_acc_in_the_history():
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["acc"])
    labelled = [(np.ones((4, 2)), np.array([0, 1, 0, 1]))] * 3
    history = fit(model, labelled, validation_data=labelled)
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}


def test_a_generator_that_asks_the_model_works_in_the_calling_thread(model, seen):
    def own_labels():
        while True:
            x = np.ones((4, 2), np.float32)
            yield x, model.predict(x, verbose=0) + 3

    fit(model, own_labels(), 3, 2, callbacks=[seen], workers=0)
    assert seen.trained == [3] * 6


def test_a_generator_that_ends_early_says_how_many_came_and_each_was_used(model, seen):
    with pytest.raises(DataError, match=r"ended after 5 batches, 8 were asked for \(2 x 4 steps\)"):
        fit(model, Numbers(stop=5), 4, 2, callbacks=[seen])
    assert seen.trained == list(range(5))
    assert model.history.epoch == [0]
    assert model.history.report.steps == 5


def test_a_generator_with_just_enough_batches_is_not_asked_for_more(model):
    fit(model, Numbers(stop=8), 4, 2)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_error_of_a_generator_keeps_its_type_and_place_and_the_model_its_weights(workers, model, seen):
    def failing():
        yield from (batch_of(number) for number in range(3))
        raise LookupError("no row 7")

    with pytest.raises(LookupError, match="no row 7"):
        fit(model, failing(), 5, 2, callbacks=[seen], workers=workers)
    assert seen.trained == [0, 1, 2]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    fit(model, Numbers(), 2)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch takes one step an execution")
def test_batches_before_an_error_are_trained_on_with_several_steps_an_execution():
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=4)
    with pytest.raises(DataError, match="ended after 6"):
        fit(model, Numbers(stop=6), 8)
    assert int(model.optimizer.iterations) == 6
    assert model.history.report.steps == 6


def test_a_feed_is_taken_where_a_generator_is():
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    feed = make_feed("regression", rows=20, columns=2)
    history = fit(model, feed, epochs=2, validation_data=feed.derive((feed.x, feed.y)))
    assert history.report.rows == 40
    assert len(feed.streams) == 2


def test_a_stop_in_mid_epoch_is_not_followed_by_a_validation_or_the_end_of_a_pass(model, seen):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    sequence = Numbered(4)
    fit(model, sequence, epochs=3, callbacks=[seen, Stop()], validation_data=Numbered(2))
    assert seen.hooks == ["train", "train", "epoch end"]
    assert sequence.passes == 0


def test_nothing_is_left_running(model):
    with no_thread_is_left():
        fit(model, Numbers(), 2, 2, validation_data=Numbered(3), workers=3)
        with pytest.raises(DataError):
            fit(model, Numbers(stop=1), 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"generator": Numbers()}, "steps_per_epoch is needed"),
        ({"generator": Numbered(0)}, "is empty"),
        ({"generator": Numbers(), "steps_per_epoch": 0}, "steps_per_epoch must be .* at least 1, got 0"),
        ({"generator": Numbers(), "steps_per_epoch": 2.5}, "steps_per_epoch must be .* got 2.5"),
        ({"generator": np.ones((4, 2))}, "got one ndarray"),
        ({"generator": batch_of(0)}, "arrays go to model.fit"),
        ({"generator": lambda: None}, "call it"),
        ({"generator": Numbered(), "epochs": 0}, "epochs must be"),
        ({"generator": Numbered(), "initial_epoch": 1}, "greater than initial_epoch"),
        ({"generator": Numbered(), "workers": -1}, "workers must be"),
        ({"generator": Numbered(), "verbose": 7}, "verbose must be"),
        ({"generator": Numbered(), "validation_data": Numbers()}, "validation_steps is needed"),
        ({"generator": Numbered(), "validation_freq": 0}, "validation_freq must be"),
        ({"generator": Numbered(), "validation_data": (np.ones(3),)}, r"validation data are \(x, y\)"),
    ],
)
def test_an_argument_that_cannot_be_is_a_value_error(arguments, message, model):
    with pytest.raises(ValueError, match=message):
        stoker.fit_generator(model, **{"verbose": 0, **arguments})
