"""Callbacks hear what Keras 2 told them, as often and in the same order."""

from __future__ import annotations

import collections
import os
import signal
from typing import Any

import keras
import numpy as np
import pytest
from givers import Counted, Failing, Numbers, OwnError, batch, endless, raise_own_error

from stoker import evaluate_generator, fit_generator, predict_generator

pytestmark = pytest.mark.timeout(60)

HOOKS = [
    *(f"on_{what}_{when}" for what in ("train", "test", "predict", "epoch") for when in ("begin", "end")),
    *(f"on_{what}_batch_{when}" for what in ("train", "test", "predict") for when in ("begin", "end")),
]


class Listener(keras.callbacks.Callback):
    """Every hook, with its index and its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Any, dict[str, Any]]] = []
        for name in HOOKS:
            setattr(self, name, self._hook(name))

    def _hook(self, name: str) -> Any:
        numbered = "batch" in name or "epoch" in name

        def hook(*given: Any, logs: Any = None) -> None:
            index = given[0] if numbered else None
            logs = given[-1] if len(given) > numbered else logs
            self.calls.append((name, index, dict(logs or {})))

        return hook

    @property
    def counts(self) -> dict[str, int]:
        return dict(collections.Counter(name for name, _, _ in self.calls))

    def of(self, name: str) -> list[tuple[Any, dict[str, Any]]]:
        return [(index, logs) for each, index, logs in self.calls if each == name]


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_hooks_come_as_often_as_in_keras_2(kind, way, teller):
    heard = Listener()
    with way.warned(kind):
        fit_generator(
            teller,
            endless(5) if kind == "generator" else Numbers(5),
            steps_per_epoch=5,
            epochs=5,
            verbose=0,
            callbacks=[heard],
            validation_data=endless(2) if kind == "generator" else Numbers(2),
            validation_steps=2,
            **way.arguments,
        )
    assert heard.counts == {
        "on_train_begin": 1,
        "on_epoch_begin": 5,
        "on_train_batch_begin": 25,
        "on_train_batch_end": 25,
        "on_test_begin": 5,
        "on_test_batch_begin": 10,
        "on_test_batch_end": 10,
        "on_test_end": 5,
        "on_epoch_end": 5,
        "on_train_end": 1,
    }


def test_hooks_come_in_the_order_of_keras_2(teller):
    heard = Listener()
    fit_generator(
        teller,
        endless(2),
        steps_per_epoch=2,
        epochs=1,
        verbose=0,
        callbacks=[heard],
        validation_data=Numbers(1),
    )
    assert [(name, index) for name, index, _ in heard.calls] == [
        ("on_train_begin", None),
        ("on_epoch_begin", 0),
        ("on_train_batch_begin", 0),
        ("on_train_batch_end", 0),
        ("on_train_batch_begin", 1),
        ("on_train_batch_end", 1),
        ("on_test_begin", None),
        ("on_test_batch_begin", 0),
        ("on_test_batch_end", 0),
        ("on_test_end", None),
        ("on_epoch_end", 0),
        ("on_train_end", None),
    ]


def test_the_old_names_of_batch_hooks_are_heard_too(teller):
    heard: list[str] = []

    class Old(keras.callbacks.Callback):
        def on_batch_begin(self, batch, logs=None):
            heard.append(f"begin {batch}")

        def on_batch_end(self, batch, logs=None):
            heard.append(f"end {batch} of {logs['size']}")

    fit_generator(teller, endless(2), steps_per_epoch=2, verbose=0, callbacks=[Old()])
    assert heard == ["begin 0", "end 0 of 2", "begin 1", "end 1 of 2"]


def test_batch_logs_hold_the_batch_and_its_size_beside_the_metrics(threads, learner, lesson):
    x, y = lesson
    batches = [(x[:8], y[:8]), (x[8:11], y[8:11]), (x[11:32], y[11:32])]
    heard = Listener()
    fit_generator(
        learner(),
        iter(batches * 2),
        steps_per_epoch=3,
        epochs=2,
        verbose=0,
        callbacks=[heard],
        validation_data=iter(batches * 2),
        validation_steps=3,
        **threads.arguments,
    )
    for what in ("train", "test"):
        ends = heard.of(f"on_{what}_batch_end")
        assert [(logs["batch"], logs["size"]) for _, logs in ends] == [(0, 8), (1, 3), (2, 21)] * 2
        assert [index for index, _ in ends] == [0, 1, 2] * 2
        assert all(set(logs) == {"batch", "size", "loss", "accuracy"} for _, logs in ends)
        begins = heard.of(f"on_{what}_batch_begin")
        assert [(logs["batch"], logs["size"]) for _, logs in begins] == [(0, 8), (1, 3), (2, 21)] * 2


def test_epoch_logs_hold_the_metrics_alone_as_numbers(learner, lesson):
    heard = Listener()
    fit_generator(
        learner(), iter([lesson] * 2), steps_per_epoch=2, verbose=0, callbacks=[heard], validation_data=lesson
    )
    [(_, logs)] = heard.of("on_epoch_end")
    assert set(logs) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(isinstance(value, float) for value in logs.values())


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_params_hold_epochs_steps_and_verbose(verbose, teller, capsys):
    heard = Listener()
    fit_generator(teller, endless(4), steps_per_epoch=3, epochs=2, verbose=verbose, callbacks=[heard])
    assert {name: heard.params[name] for name in ("epochs", "steps", "verbose")} == {
        "epochs": 2,
        "steps": 3,
        "verbose": verbose,
    }
    shown = capsys.readouterr()
    assert bool(shown.out + shown.err) == bool(verbose)


def test_params_hold_the_steps_of_a_sequence(teller):
    heard = Listener()
    fit_generator(teller, Numbers(4), verbose=0, callbacks=[heard])
    assert heard.params["steps"] == 4


def test_callbacks_hear_evaluation_and_prediction(way, teller):
    heard = Listener()
    evaluate_generator(teller, Numbers(3), callbacks=[heard], **way.arguments)
    predict_generator(teller, Numbers(2), callbacks=[heard], **way.arguments)
    assert heard.counts == {
        "on_test_begin": 1,
        "on_test_batch_begin": 3,
        "on_test_batch_end": 3,
        "on_test_end": 1,
        "on_predict_begin": 1,
        "on_predict_batch_begin": 2,
        "on_predict_batch_end": 2,
        "on_predict_end": 1,
    }


def test_a_callback_knows_its_model(teller):
    heard = Listener()
    fit_generator(teller, endless(1), steps_per_epoch=1, verbose=0, callbacks=[heard])
    assert heard.model is teller


def test_the_users_list_of_callbacks_is_left_as_it_was(teller):
    callbacks = [Listener()]
    fit_generator(teller, endless(1), steps_per_epoch=1, verbose=0, callbacks=callbacks)
    assert len(callbacks) == 1


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_stop_training_at_the_end_of_an_epoch_ends_the_call(kind, threads, teller, seen):
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(teller, "stop_training", epoch == 1)
    )
    history = fit_generator(
        teller,
        endless(3) if kind == "generator" else Numbers(3),
        steps_per_epoch=3,
        epochs=9,
        verbose=0,
        callbacks=[seen, stop],
        shuffle=False,
        **threads.arguments,
    )
    assert history.epoch == [0, 1]
    assert seen.trained == [[0, 1, 2]] * 2


def test_stop_training_in_mid_epoch_ends_it_after_that_batch(threads, teller, seen):
    stop = keras.callbacks.Callback()
    stop.on_train_batch_end = lambda batch, logs=None: setattr(teller, "stop_training", batch == 1)
    history = fit_generator(
        teller,
        endless(9),
        steps_per_epoch=5,
        epochs=3,
        verbose=0,
        callbacks=[seen, stop],
        **threads.arguments,
    )
    assert seen.trained == [[0, 1]]
    assert history.epoch == [0]


def test_a_call_after_a_stop_trains_again(teller, seen):
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(teller, "stop_training", True)
    )
    for callbacks in ([stop], [seen]):
        fit_generator(teller, endless(3), steps_per_epoch=1, epochs=2, verbose=0, callbacks=callbacks)
    assert len(seen.trained) == 2


@pytest.mark.parametrize("kind", ["generator", "Sequence", "Sequence without steps"])
def test_initial_epoch_is_where_counting_begins(kind, teller, seen):
    heard = Listener()
    history = fit_generator(
        teller,
        endless(2) if kind == "generator" else Numbers(2),
        steps_per_epoch=None if kind.endswith("steps") else 2,
        epochs=5,
        initial_epoch=2,
        verbose=0,
        callbacks=[heard, seen],
        shuffle=False,
    )
    assert history.epoch == [2, 3, 4]
    assert [index for index, _ in heard.of("on_epoch_begin")] == [2, 3, 4]
    assert len(history.history["loss"]) == 3
    assert seen.trained == [[0, 1]] * 3


def test_history_is_of_keras_and_stays_with_the_model(teller):
    history = fit_generator(teller, endless(2), steps_per_epoch=1, verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert teller.history is history


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_history_survives_an_error_of_the_generator(kind, way, teller):
    def ending():
        for number in range(8):
            yield batch(number)
        raise OwnError(31)

    giver = ending() if kind == "generator" else Failing(20, at=8, action=raise_own_error)
    with way.warned(kind), pytest.raises(OwnError):
        fit_generator(teller, giver, steps_per_epoch=3, epochs=5, verbose=0, shuffle=False, **way.arguments)
    assert teller.history.epoch == [0, 1]
    assert teller.history.history["loss"] == pytest.approx([1.0, 4.0])


def test_history_survives_an_error_of_a_callback(threads, teller):
    def fail(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise OwnError(31)

    with pytest.raises(OwnError):
        fit_generator(
            teller,
            endless(3),
            steps_per_epoch=3,
            epochs=5,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=fail)],
            **threads.arguments,
        )
    assert teller.history.epoch == [0, 1]


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_history_survives_ctrl_c_and_the_model_can_be_trained_on(kind, threads, teller, seen):
    class Pressed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if len(self.model.history.epoch) == 2:
                os.kill(os.getpid(), signal.SIGINT)

    generator = Counted(endless(3))
    with pytest.raises(KeyboardInterrupt):
        fit_generator(
            teller,
            generator if kind == "generator" else Numbers(3),
            steps_per_epoch=3,
            epochs=9,
            verbose=0,
            callbacks=[Pressed()],
            **threads.arguments,
        )
    assert teller.history.epoch == [0, 1]
    assert all(np.isfinite(weight).all() for weight in teller.get_weights())
    teller.stop_training = False
    fit_generator(teller, endless(3), steps_per_epoch=3, verbose=0, callbacks=[seen], **threads.arguments)
    assert seen.trained == [[0, 1, 2]]
