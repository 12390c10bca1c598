"""Validation: of what, when, and what of it is logged."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from givers import Counted, Numbers, endless, finite
from tellers import Seen

from stoker import fit_generator

pytestmark = pytest.mark.timeout(60)


def test_a_validation_generator_needs_validation_steps(teller):
    training = Counted(endless(3))
    with pytest.raises(ValueError, match="validation_steps"):
        fit_generator(teller, training, steps_per_epoch=3, verbose=0, validation_data=endless(3))
    assert training.pulled == 0


def test_a_validation_sequence_knows_its_steps(way, teller, seen):
    history = fit_generator(
        teller,
        Numbers(2),
        epochs=2,
        verbose=0,
        callbacks=[seen],
        validation_data=Numbers(3),
        **way.arguments,
    )
    assert seen.tested == [[0, 1, 2]] * 2
    assert history.history["val_loss"] == pytest.approx([1.0, 1.0])


class Sizes(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.sizes.append(logs["size"])


@pytest.mark.parametrize("make", [tuple, list], ids=["tuple", "list"])
@pytest.mark.parametrize("weighted", [False, True], ids=["x, y", "x, y, weights"])
def test_validation_arrays_are_cut_into_batches_of_32(weighted, make, learner):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(70, 4)).astype(np.float32), random.integers(0, 3, 70).astype(np.int32)
    weights = random.random(70).astype(np.float32) if weighted else None
    sizes, model = Sizes(), learner()
    history = fit_generator(
        model,
        iter([(x[:8], y[:8])] * 2),
        steps_per_epoch=2,
        verbose=0,
        callbacks=[sizes],
        validation_data=make((x, y) if weights is None else (x, y, weights)),
    )
    expected = model.evaluate(x, y, sample_weight=weights, batch_size=32, verbose=0)
    assert sizes.sizes == [32, 32, 6]
    assert history.history["val_loss"] == pytest.approx([expected[0]], rel=1e-5)
    assert history.history["val_accuracy"] == pytest.approx([expected[1]], rel=1e-5)


@pytest.mark.parametrize("items", [1, 4])
def test_validation_arrays_of_another_number_are_refused(items, teller):
    array = np.zeros((4, 1), np.float32)
    with pytest.raises(ValueError, match=str(items)):
        fit_generator(teller, endless(3), steps_per_epoch=1, verbose=0, validation_data=(array,) * items)


@pytest.mark.parametrize(
    ("frequency", "epochs"),
    [
        (1, [0, 1, 2, 3, 4]),
        (2, [1, 3]),
        (3, [2]),
        (9, []),
        ([1, 4], [0, 3]),
        ((5,), [4]),
        ({2, 3}, [1, 2]),
        (range(2, 6, 2), [1, 3]),
    ],
    ids=str,
)
def test_validation_runs_in_the_epochs_that_validation_freq_names(frequency, epochs, teller, seen):
    logged: list[bool] = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logged.append("val_loss" in logs))
    history = fit_generator(
        teller,
        endless(4),
        steps_per_epoch=1,
        epochs=5,
        verbose=0,
        callbacks=[seen, look],
        validation_data=endless(6),
        validation_steps=2,
        validation_freq=frequency,
    )
    assert seen.tested_in == epochs
    assert [epoch for epoch, there in enumerate(logged) if there] == epochs
    # One stream over the whole fit, whatever epochs are left out.
    assert seen.tested == [[(2 * i) % 6, (2 * i + 1) % 6] for i in range(len(epochs))]
    assert len(history.history.get("val_loss", [])) == len(epochs)
    assert len(history.history["loss"]) == 5


@pytest.mark.parametrize("frequency", [0, -1, 1.5, "2", None])
def test_a_validation_freq_that_names_no_epochs_is_refused(frequency, teller):
    with pytest.raises((ValueError, TypeError), match="validation_freq"):
        fit_generator(
            teller,
            endless(4),
            steps_per_epoch=1,
            verbose=0,
            validation_data=Numbers(2),
            validation_freq=frequency,
        )


class Stop(keras.callbacks.Callback):
    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.at, self.epoch = (epoch, batch), -1
        self.logs: list[dict[str, float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == self.at:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.logs.append(dict(logs))


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_a_stop_in_mid_epoch_ends_it_without_validation(kind, threads, teller, seen):
    stop = Stop(1, 1)
    validation = Numbers(2) if kind == "Sequence" else endless(2)
    history = fit_generator(
        teller,
        Numbers(4) if kind == "Sequence" else endless(4),
        steps_per_epoch=4,
        epochs=3,
        verbose=0,
        callbacks=[seen, stop],
        validation_data=validation,
        validation_steps=2,
        shuffle=False,
        **threads.arguments,
    )
    assert seen.trained == [[0, 1, 2, 3], [0, 1]]
    assert seen.tested_in == [0]
    assert ["val_loss" in logs for logs in stop.logs] == [True, False]
    assert history.epoch == [0, 1]
    assert history.history["val_loss"] == pytest.approx([0.5])
    assert history.history["loss"] == pytest.approx([1.5, 0.5])


def test_a_stop_at_the_last_batch_still_validates(teller, seen):
    fit_generator(
        teller,
        endless(4),
        steps_per_epoch=4,
        epochs=3,
        verbose=0,
        callbacks=[seen, Stop(0, 3)],
        validation_data=Numbers(2),
    )
    assert seen.tested_in == [0]
    assert len(seen.trained) == 1


def test_validation_runs_after_the_last_batch_and_before_on_epoch_end(teller):
    happened: list[str] = []

    class Order(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            happened.append("batch")

        def on_test_begin(self, logs=None):
            happened.append("validation begins")

        def on_test_end(self, logs=None):
            happened.append("validation ends")

        def on_epoch_end(self, epoch, logs=None):
            happened.append(f"epoch ends with val_loss {logs['val_loss']:.1f}")

    fit_generator(
        teller,
        endless(2),
        steps_per_epoch=2,
        verbose=0,
        callbacks=[Order()],
        validation_data=Numbers(4),
    )
    assert happened == [
        "batch",
        "batch",
        "validation begins",
        "validation ends",
        "epoch ends with val_loss 1.5",
    ]


def test_the_same_sequence_trains_and_validates_with_a_cursor_each(way, teller):
    both, seen = Numbers(4), Seen()
    fit_generator(
        teller,
        both,
        steps_per_epoch=3,
        epochs=3,
        verbose=0,
        callbacks=[seen],
        validation_data=both,
        validation_steps=2,
        shuffle=False,
        **way.arguments,
    )
    assert seen.trained == [[0, 1, 2], [3, 0, 1], [2, 3, 0]]
    assert seen.tested == [[0, 1]] * 3


def test_validation_that_could_never_run_pulls_nothing(teller):
    validation = Counted(finite(3))
    fit_generator(
        teller,
        endless(4),
        steps_per_epoch=2,
        epochs=2,
        verbose=0,
        validation_data=validation,
        validation_steps=3,
        validation_freq=5,
    )
    assert validation.pulled == 0
