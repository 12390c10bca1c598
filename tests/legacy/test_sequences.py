"""Sequences: their length, their order, the end of their passes, and what counts as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from givers import Changing, Numbers, Watched, batch
from tellers import BACKEND, Seen, Way, make_teller, steps_of

import stoker
from stoker import evaluate_generator, fit_generator, predict_generator

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("lengths", [(3, 6, 2), (6, 3, 3), (2, 1, 5)], ids=str)
def test_the_length_is_asked_again_after_each_epoch(lengths, way, teller, seen):
    history = fit_generator(
        teller,
        Changing(*lengths),
        epochs=3,
        verbose=0,
        callbacks=[seen],
        shuffle=False,
        **way.arguments,
    )
    assert seen.trained == [[10 * p + i for i in range(length)] for p, length in enumerate(lengths)]
    assert history.epoch == [0, 1, 2]
    assert len(history.history["loss"]) == 3
    assert steps_of(teller) == sum(lengths)


def test_a_changing_length_keeps_one_history_and_one_set_of_callbacks(teller):
    calls: list[str] = []

    class Calls(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            calls.append("train begins")

        def on_train_end(self, logs=None):
            calls.append("train ends")

        def on_epoch_begin(self, epoch, logs=None):
            calls.append(f"epoch {epoch}")

    fit_generator(teller, Changing(2, 3, 1), epochs=3, initial_epoch=0, verbose=0, callbacks=[Calls()])
    assert calls == ["train begins", "epoch 0", "epoch 1", "epoch 2", "train ends"]


def test_early_stopping_counts_across_lengths_that_change(teller):
    stopping = keras.callbacks.EarlyStopping("loss", patience=2)
    history = fit_generator(teller, Changing(2, 3, 2, 2, 2), epochs=5, verbose=0, callbacks=[stopping])
    assert history.epoch == [0, 1, 2]


def shuffled(teller: Any, way: Any, seed: int, **arguments: Any) -> list[list[int]]:
    keras.utils.set_random_seed(seed)
    seen = Seen()
    fit_generator(teller, Numbers(10), epochs=3, verbose=0, callbacks=[seen], **way.arguments, **arguments)
    return seen.trained


def test_a_training_sequence_is_permuted_anew_for_each_pass(way, teller):
    orders = shuffled(teller, way, 1)
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(10)]}) == 4


def test_the_global_seed_decides_the_order_and_the_workers_do_not(threads, teller):
    orders = shuffled(teller, threads, 1)
    assert shuffled(teller, Way(1), 1) == orders
    assert shuffled(teller, threads, 2) != orders


def test_a_pass_that_spans_epochs_is_permuted_as_one(threads, teller, seen):
    fit_generator(
        teller,
        Numbers(9),
        steps_per_epoch=3,
        epochs=6,
        verbose=0,
        callbacks=[seen],
        **threads.arguments,
    )
    order = seen.all_trained
    assert sorted(order[:9]) == sorted(order[9:]) == list(range(9))
    assert order[:9] != order[9:]


def test_without_shuffle_the_order_is_that_of_the_indices(threads, teller):
    assert shuffled(teller, threads, 1, shuffle=False) == [list(range(10))] * 3


def test_validation_evaluation_and_prediction_are_never_shuffled(way, teller, seen):
    fit_generator(
        teller,
        Numbers(2),
        epochs=2,
        verbose=0,
        callbacks=[seen],
        validation_data=Numbers(8),
        shuffle=True,
        **way.arguments,
    )
    assert seen.tested == [list(range(8))] * 2
    seen.tested.clear()
    evaluate_generator(teller, Numbers(8), callbacks=[seen], **way.arguments)
    assert seen.tested == [list(range(8))]
    found = predict_generator(teller, Numbers(8), **way.arguments)
    assert found[::2, 0].tolist() == list(range(8))


def test_on_epoch_end_comes_once_after_each_pass_and_never_while_a_batch_is_computed(threads, teller):
    sequence = Watched(5, pause=0.002)
    fit_generator(teller, sequence, epochs=3, verbose=0, **threads.arguments)
    assert sequence.ends == [(0, 5), (0, 10), (0, 15)]


def test_on_epoch_end_follows_the_passes_where_epochs_are_shorter(threads, teller):
    sequence = Watched(4, pause=0.002)
    fit_generator(teller, sequence, steps_per_epoch=3, epochs=4, verbose=0, **threads.arguments)
    assert sequence.ends == [(0, 4), (0, 8), (0, 12)]


def test_on_epoch_end_follows_the_passes_where_epochs_are_longer(threads, teller):
    sequence = Watched(2, pause=0.002)
    fit_generator(teller, sequence, steps_per_epoch=5, epochs=2, verbose=0, **threads.arguments)
    assert sequence.ends == [(0, 2 * n) for n in range(1, 6)]


def test_on_epoch_end_comes_after_the_epochs_callbacks_and_validation(threads, teller):
    happened: list[str] = []

    class Telling(Numbers):
        def on_epoch_end(self) -> None:
            happened.append("pass")

    class Order(keras.callbacks.Callback):
        def on_test_end(self, logs=None):
            happened.append("validation")

        def on_epoch_end(self, epoch, logs=None):
            happened.append("epoch")

    fit_generator(
        teller,
        Telling(3),
        epochs=2,
        verbose=0,
        callbacks=[Order()],
        validation_data=Numbers(2),
        **threads.arguments,
    )
    assert happened == ["validation", "epoch", "pass"] * 2


def test_what_on_epoch_end_changes_the_next_pass_has(each_way, teller, seen):
    fit_generator(
        teller, Changing(4), epochs=3, verbose=0, callbacks=[seen], shuffle=False, **each_way.arguments
    )
    assert seen.trained == [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]]


def test_an_error_in_on_epoch_end_is_not_lost(threads, teller):
    class Broken(Numbers):
        def on_epoch_end(self) -> None:
            raise ZeroDivisionError("end of the pass")

    with pytest.raises(ZeroDivisionError, match="end of the pass"):
        fit_generator(teller, Broken(3), epochs=2, verbose=0, **threads.arguments)
    assert steps_of(teller) == 3


class Own:
    """No base class and no ``__iter__``."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        if index >= 3:
            raise IndexError(index)
        return batch(index)


class Dataset(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return batch(index)


@pytest.mark.parametrize(
    "make", [Own, Dataset, lambda: [batch(n) for n in range(3)]], ids=["own", "PyDataset", "list"]
)
def test_whatever_has_a_length_and_items_is_a_sequence(make, threads, teller, seen):
    fit_generator(
        teller,
        make(),
        epochs=2,
        verbose=0,
        callbacks=[seen],
        validation_data=make() if make in (Own, Dataset) else None,
        shuffle=False,
        **threads.arguments,
    )
    assert seen.trained == [[0, 1, 2]] * 2
    assert evaluate_generator(teller, make(), **threads.arguments) == pytest.approx(1.0)
    assert predict_generator(teller, make(), **threads.arguments)[::2, 0].tolist() == [0, 1, 2]


def test_a_pydatasets_on_epoch_end_is_called_once_a_pass(teller):
    ends: list[int] = []

    class Ending(Dataset):
        def on_epoch_end(self) -> None:
            ends.append(1)

    fit_generator(teller, Ending(), epochs=3, verbose=0)
    assert len(ends) == 3


@pytest.fixture
def numbers_csv(tmp_path: Path) -> Path:
    rows = [f"{n % 7 / 7:.3f},{n % 5 / 5:.3f},{n % 2}" for n in range(50)]
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(["a,b,label", *rows]) + "\n")
    return path


def binary_model() -> Any:
    model = keras.Sequential(
        [keras.layers.Input((2,)), keras.layers.Dense(1, "sigmoid", kernel_initializer="ones")]
    )
    model.compile("sgd", "binary_crossentropy")
    return model


def test_a_feed_is_accepted_where_a_generator_is(numbers_csv, tmp_path):
    def feed() -> Any:
        return stoker.Feed(stoker.open(numbers_csv, label="label"), batch_size=8, seed=1)

    class Steps(keras.callbacks.Callback):
        sizes: list[int] = []  # noqa: RUF012

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.sizes.append(logs["size"])

    model, steps = binary_model(), Steps()
    history = fit_generator(model, feed(), epochs=2, verbose=0, validation_data=feed(), callbacks=[steps])
    assert steps.sizes == [8, 8, 8, 8, 8, 8, 2] * 2
    assert steps_of(model) == 14
    assert history.history["val_loss"][1] < history.history["val_loss"][0]
    assert evaluate_generator(model, feed()) == pytest.approx(history.history["val_loss"][1], rel=1e-5)
    assert predict_generator(model, feed()).shape == (50, 1)


def test_a_feed_goes_on_where_the_last_epoch_stopped(numbers_csv):
    feed = stoker.Feed(stoker.open(numbers_csv, label="label"), batch_size=8, seed=1)
    model = binary_model()
    fit_generator(model, feed, steps_per_epoch=5, epochs=3, verbose=0)
    assert steps_of(model) == 15


def test_a_last_batch_that_is_smaller_is_computed_as_it_is(teller):
    sizes: list[int] = []

    class Ragged(Numbers):
        def __getitem__(self, index: int) -> Any:
            return batch(index, 1 if index == 2 else 2)

    size = keras.callbacks.Callback()
    size.on_train_batch_end = lambda batch, logs=None: sizes.append(logs["size"])
    fit_generator(teller, Ragged(3), epochs=2, verbose=0, callbacks=[size], shuffle=False)
    assert sizes == [2, 2, 1] * 2


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch takes one step an execution")
def test_a_length_that_changes_is_refused_with_averaged_weights():
    """Keras finishes the average at the end of each of its own fits."""
    model = make_teller()
    model.compile(keras.optimizers.SGD(0.01, use_ema=True), "mse")
    with pytest.raises(ValueError, match="use_ema"):
        fit_generator(model, Changing(2, 3), epochs=2, verbose=0)


def test_averaged_weights_are_those_of_keras_where_the_length_stays(lesson):
    x, y = lesson

    def model() -> Any:
        made = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, kernel_initializer="ones")])
        made.compile(keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.8), "mse")
        return made

    class Rows(Numbers):
        def __getitem__(self, index: int) -> Any:
            return x[index * 8 : index * 8 + 8], y[index * 8 : index * 8 + 8].astype(np.float32)

    theirs, ours = model(), model()
    theirs.fit(x, y.astype(np.float32), batch_size=8, epochs=2, shuffle=False, verbose=0)
    fit_generator(ours, Rows(8), epochs=2, verbose=0, shuffle=False)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
