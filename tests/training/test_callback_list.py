from __future__ import annotations

import keras
import pytest

from stoker.training.adapter import batches_before_step
from stoker.training.callback_list import TRAIN_BATCH_HOOKS, TrainingCallbacks, hooks_batches, plain_logs
from stoker.training.interrupts import Interrupts


class Value:
    """A metric on a device: to look at it is to wait for it."""

    looked = 0

    def __float__(self) -> float:
        Value.looked += 1
        return 0.25


class Batches:
    num_batches = 10
    wait_seconds = 0.0
    all_fetched = False
    next_size = 8

    def __init__(self) -> None:
        self.fetched: list[int] = []
        self.rows = 0
        self._left = 10

    def finish(self, count: int) -> int:
        found = min(count, self._left)
        self._left -= found
        self.rows += found * 8
        return found

    def turn(self, *, more: bool) -> None:
        pass

    def refresh(self) -> bool:
        return False

    def raise_held(self) -> None:
        pass

    def begin(self, epoch: int, start_batch: int = 0) -> None:
        self.epoch = epoch

    def fetch(self, count: int, last_result: object = None) -> None:
        self.fetched.append(count)


class Watcher:
    """Wants to look after the 4th batch."""

    def __init__(self) -> None:
        self.looks: list[int] = []

    def epoch_began(self, epoch: int) -> None:
        pass

    def due_in(self, finished: int, now: float) -> tuple[int, float]:
        return (4, float("inf")) if finished < 4 else (10**9, float("inf"))

    def look(self, finished: int, logs: object) -> None:
        self.looks.append(finished)

    def epoch_ended(self, epoch: int, finished: int, logs: object) -> None:
        self.ended = (epoch, finished, logs)


class Model:
    def __init__(self, steps: int = 1) -> None:
        self.steps_per_execution = steps
        self.stop_training = False
        self.trainable_variables = self.non_trainable_variables = self.metrics_variables = ()


def callbacks_of(batches, watcher, *, steps: int = 1, callbacks=()) -> TrainingCallbacks:
    return TrainingCallbacks(
        callbacks,
        model=Model(steps),
        training=batches,
        validation=None,
        supervisor=watcher,
        interrupts=Interrupts(),
        epochs=1,
    )


def run_epoch(hooks: TrainingCallbacks, *, steps: int = 1) -> None:
    hooks.on_epoch_begin(0)
    for step in range(0, 10, steps):
        hooks.on_train_batch_begin(step)
        hooks.on_train_batch_end(step + steps - 1, {"loss": Value()})


def test_a_metric_is_looked_at_only_where_somebody_wants_it():
    Value.looked = 0
    watcher = Watcher()
    hooks = callbacks_of(Batches(), watcher)
    run_epoch(hooks)
    assert Value.looked == 0
    assert watcher.looks == [4]
    hooks.on_epoch_end(0, {"loss": Value()})
    assert Value.looked == 1
    assert watcher.ended == (0, 10, {"loss": 0.25})


@pytest.mark.parametrize("steps", [1, 3, 4, 32])
def test_batches_are_counted_right_whatever_steps_an_execution(steps):
    batches, watcher = Batches(), Watcher()
    hooks = callbacks_of(batches, watcher, steps=steps)
    run_epoch(hooks, steps=steps)
    assert hooks.finished == 10
    assert set(batches.fetched) == {batches_before_step(steps)}


def test_only_callbacks_that_hook_batches_are_called_for_batches():
    seen: list[int] = []

    class Hooking(keras.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(batch)

    class Quiet(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(-1)

    assert hooks_batches(Hooking(), *TRAIN_BATCH_HOOKS)
    assert not hooks_batches(Quiet(), *TRAIN_BATCH_HOOKS)
    hooks = callbacks_of(Batches(), Watcher(), callbacks=[Hooking(), Quiet()])
    run_epoch(hooks)
    hooks.on_epoch_end(0, {})
    assert seen == [*range(10), -1]


def test_a_hook_that_is_set_on_the_object_counts_too():
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    assert hooks_batches(callback, *TRAIN_BATCH_HOOKS)
    assert not hooks_batches(keras.callbacks.LambdaCallback(on_epoch_end=print), *TRAIN_BATCH_HOOKS)


def test_logs_become_floats_and_nested_ones_are_flattened():
    assert plain_logs({"a": Value(), "b": {"c": 1}, "d": "text"}) == {"a": 0.25, "c": 1.0, "d": "text"}
    assert plain_logs(None) == {}
