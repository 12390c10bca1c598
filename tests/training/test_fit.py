from __future__ import annotations

import inspect
import os
import signal
import time
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from memory_feed import MemoryFeed, make_feed

import stoker
from stoker.errors import DataError, OptionError, WorkerError
from stoker.training.fit import fit
from stoker.training.keras_arguments import ANSWERS

EXACT = keras.backend.backend() == "jax"
STEPS_JOIN = keras.backend.backend() != "torch"


def same(first: list[Any], second: list[Any]) -> bool:
    if EXACT:
        return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    return all(np.allclose(a, b, atol=1e-6) for a, b in zip(first, second, strict=True))


def valid_of(task: str = "classes") -> tuple[np.ndarray, np.ndarray]:
    feed = make_feed(task, rows=20, seed=7)
    return feed.x, feed.y


def test_training_is_that_of_keras_on_the_same_arrays(small_model, values_of):
    feed = make_feed(rows=50, shuffle=False)
    x, y = valid_of()
    model = small_model()
    theirs = model.fit(
        feed.x,
        feed.y,
        batch_size=8,
        epochs=2,
        shuffle=False,
        validation_data=(x, y),
        validation_batch_size=8,
        verbose=0,
    )
    expected = values_of(model)
    ours = fit(small_model(), feed, validation=(x, y), epochs=2, progress="none")
    assert same(values_of(model), expected)
    assert ours.history.keys() == theirs.history.keys()
    assert ours.epoch == theirs.epoch == [0, 1]
    for name, values in theirs.history.items():
        assert ours.history[name] == pytest.approx(values, rel=1e-5)
    assert isinstance(ours, keras.callbacks.History)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_two_classes_and_regression_train_and_improve(task, small_model):
    history = fit(small_model(task), make_feed(task), validation=valid_of(task), epochs=4, progress="none")
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]


def test_no_batch_is_pulled_but_those_that_are_trained_on(small_model):
    pulled: list[tuple[int, int]] = []
    feed = make_feed(rows=50, before=lambda epoch, batch: pulled.append((epoch, batch)))
    report = fit(small_model(), feed, epochs=2, progress="none").report
    assert pulled == [(epoch, batch) for epoch in range(2) for batch in range(7)]
    assert len(feed.streams) == 2
    assert feed.open_streams == 0
    assert (report.steps, report.rows, report.epochs, report.ended) == (14, 100, 2, "finished")


def test_a_model_is_built_without_pulling_a_batch(small_model):
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def fail(epoch: int, batch: int) -> None:
        assert model.built
        raise DataError("first batch")

    with pytest.raises(DataError, match="first batch"):
        fit(model, make_feed(before=fail), progress="none")


@pytest.mark.skipif(not STEPS_JOIN, reason="PyTorch takes one step an execution")
@pytest.mark.parametrize("steps", [3, 32])
def test_several_steps_an_execution_change_neither_weights_nor_counts(steps, small_model, values_of):
    model = small_model()
    fit(model, make_feed(rows=50), epochs=2, progress="none")
    expected = values_of(model)
    model = small_model()
    model.steps_per_execution, model.train_function = steps, None
    try:
        report = fit(model, make_feed(rows=50), epochs=2, progress="none").report
    finally:
        model.steps_per_execution, model.train_function = 1, None
    assert same(values_of(model), expected)
    assert (report.steps, report.rows) == (14, 100)


@pytest.mark.skipif(not STEPS_JOIN, reason="PyTorch takes one step an execution")
def test_a_callback_that_hooks_batches_sees_every_batch_whatever_steps_an_execution(small_model):
    seen: list[tuple[str, int]] = []
    callback = keras.callbacks.LambdaCallback()
    callback.on_train_batch_begin = lambda batch, logs=None: seen.append(("begin", batch))
    callback.on_train_batch_end = lambda batch, logs=None: seen.append(("end", batch))
    model = small_model()
    model.steps_per_execution, model.train_function = 4, None
    try:
        fit(model, make_feed(rows=50), callbacks=[callback], progress="none")
        assert model.steps_per_execution == 4
    finally:
        model.steps_per_execution, model.train_function, model.test_function = 1, None, None
    assert seen == [(what, batch) for batch in range(7) for what in ("begin", "end")]


def test_callbacks_get_logs_as_floats_and_their_additions_reach_the_history(small_model):
    losses: list[float] = []

    class Probe(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

        def on_test_batch_end(self, batch, logs=None):
            assert isinstance(logs["loss"], float)

        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = 1.5

    probe = Probe()
    history = fit(small_model(), make_feed(), validation=valid_of(), callbacks=[probe], progress="none")
    assert all(isinstance(loss, float) for loss in losses)
    assert len(losses) == 7
    assert history.history["added"] == [1.5]
    assert probe.params == {"verbose": 0, "epochs": 1, "steps": 7}


@pytest.mark.parametrize("at", [(0, 0), (0, 3), (1, 0)])
def test_the_error_of_a_worker_keeps_its_type_and_cause_and_the_model_its_weights(at, small_model, values_of):
    cause = KeyError("inner")

    def fail(epoch: int, batch: int) -> None:
        if (epoch, batch) == at:
            raise DataError("row 31,337 holds 'x'") from cause

    feed = make_feed(rows=50, before=fail)
    model = small_model()
    with pytest.raises(DataError, match="row 31,337") as caught:
        fit(model, feed, epochs=2, validation=valid_of(), progress="none")
    assert caught.value.__cause__ is cause
    assert feed.open_streams == 0
    assert all(np.isfinite(value).all() for value in values_of(model))
    assert model.history.report.ended == "failed"
    assert model.history.report.steps == at[0] * 7 + at[1]
    assert int(model.optimizer.iterations) == at[0] * 7 + at[1]


def test_the_error_of_a_validation_worker_arrives_too_and_closes_both_streams(small_model):
    feed = make_feed()

    def fail(epoch: int, batch: int) -> None:
        raise DataError("validation row")

    valid = make_feed(rows=20, before=fail)
    with pytest.raises(DataError, match="validation row"):
        fit(small_model(), feed, validation=valid, progress="none")
    assert feed.open_streams == valid.open_streams == 0


@pytest.mark.skipif(not EXACT, reason="only JAX moves batches ahead")
def test_on_an_accelerator_too_an_early_error_leaves_the_model_its_weights(
    small_model, values_of, monkeypatch
):
    import jax

    def fail(epoch: int, batch: int) -> None:
        if batch == 1:
            raise DataError("second batch")

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    model, feed = small_model(), make_feed(rows=48, before=fail)
    with pytest.raises(DataError, match="second batch"):
        fit(model, feed, progress="none")
    assert all(np.isfinite(value).all() for value in values_of(model))
    report = fit(small_model(), make_feed(rows=48), epochs=2, progress="none").report
    assert (report.steps, report.rows) == (12, 96)


def test_a_stream_that_ends_early_is_an_error_that_says_how_early(small_model):
    with pytest.raises(WorkerError, match="epoch 0 ended after 5 batches, expected 7"):
        fit(small_model(), make_feed(rows=50, short_by=2), progress="none")


def test_ctrl_c_during_a_step_ends_after_it_and_the_history_survives(small_model, values_of):
    class Press(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations >= 10:
                os.kill(os.getpid(), signal.SIGINT)

    feed = make_feed(rows=50)
    model = small_model()
    with pytest.raises(KeyboardInterrupt):
        fit(model, feed, epochs=3, callbacks=[Press()], progress="none")
    assert feed.open_streams == 0
    assert model.history.epoch == [0]
    assert model.history.report.ended == "interrupted"
    assert model.history.report.steps == 10
    assert all(np.isfinite(value).all() for value in values_of(model))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_waiting_for_data_is_raised_at_once(small_model, values_of):
    slept: list[int] = []

    def press(epoch: int, batch: int) -> None:
        if batch == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
            slept.append(batch)

    feed = make_feed(before=press, always_ready=False)
    model = small_model()
    with pytest.raises(KeyboardInterrupt):
        fit(model, feed, progress="none")
    assert not slept
    assert feed.open_streams == 0
    assert all(np.isfinite(value).all() for value in values_of(model))


@pytest.mark.parametrize("every", ["3steps", "1 step", "100steps"])
def test_validation_within_epochs_changes_no_bit_of_the_training(every, small_model, values_of):
    model = small_model(dropout=True)
    plain = fit(model, make_feed(rows=50), validation=valid_of(), epochs=2, progress="none")
    expected = values_of(model)
    model = small_model(dropout=True)
    often = fit(
        model, make_feed(rows=50), validation=valid_of(), epochs=2, validate_every=every, progress="none"
    )
    assert same(values_of(model), expected)
    assert often.history.keys() == plain.history.keys()
    for name, values in plain.history.items():
        assert often.history[name] == (values if EXACT else pytest.approx(values, abs=1e-5))
    steps = {"3steps": [3, 6, 7, 9, 12, 14], "1 step": list(range(1, 15)), "100steps": [7, 14]}[every]
    assert [validation.step for validation in often.report.validations] == steps


def test_validation_by_time_happens_within_an_epoch(small_model):
    feed = make_feed(rows=50, before=lambda epoch, batch: time.sleep(0.01))
    history = fit(small_model(), feed, validation=valid_of(), validate_every="0.001s", progress="none")
    assert len(history.report.validations) == 7


def test_early_stopping_stops_and_gives_the_best_weights_back(small_model, values_of):
    kept: list[Any] = []

    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                kept.extend(values_of(self.model))
                self.model.set_weights([value + 9.0 * (-1) ** len(value) for value in kept])
                self.model.optimizer.learning_rate = 0.0

    model = small_model()
    history = fit(
        model,
        make_feed(rows=48),
        validation=valid_of(),
        epochs=9,
        early_stopping=2,
        callbacks=[Spoil()],
        progress="none",
    )
    assert history.report.ended == "early_stopping"
    assert history.epoch == [0, 1, 2]
    assert (history.report.best_epoch, history.report.best_step) == (0, 6)
    assert history.report.best == min(history.history["val_loss"])
    assert all(np.array_equal(a, b) for a, b in zip(values_of(model), kept, strict=True))


def test_a_stop_by_a_validation_within_an_epoch_is_not_followed_by_the_same_validation(small_model):
    model, passes = small_model(), []
    model.optimizer.learning_rate = 0.0
    count = keras.callbacks.LambdaCallback()
    count.on_test_begin = lambda logs=None: passes.append(int(model.optimizer.iterations))
    history = fit(
        model,
        make_feed(rows=50),
        validation=valid_of(),
        validate_every="2steps",
        early_stopping=2,
        callbacks=[count],
        progress="none",
    )
    assert passes == [each.step for each in history.report.validations] == [2, 4, 6]
    assert history.history["val_loss"] == [history.report.validations[-1].logs["val_loss"]]


def test_max_time_stops_after_the_step_under_way(small_model):
    feed = make_feed(rows=50, before=lambda epoch, batch: time.sleep(0.02))
    report = fit(small_model(), feed, epochs=50, max_time=0.05, progress="none").report
    assert report.ended == "max_time"
    assert 1 <= report.steps < 14
    assert feed.open_streams == 0


def test_a_callback_may_stop_training(small_model):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    report = fit(small_model(), make_feed(), epochs=3, callbacks=[Stop()], progress="none").report
    assert (report.ended, report.steps) == ("stopped", 2)


def test_waiting_is_counted_only_where_the_queue_is_empty(small_model):
    slow = lambda epoch, batch: time.sleep(0.01)  # noqa: E731
    waited = fit(small_model(), make_feed(before=slow, always_ready=False), progress="none").report
    assert 0.06 < waited.wait_seconds < waited.train_seconds
    assert fit(small_model(), make_feed(before=slow), progress="none").report.wait_seconds == 0


def test_initial_epoch_trains_the_later_epochs_of_the_same_order(small_model):
    feed = make_feed()
    history = fit(small_model(), feed, initial_epoch=1, epochs=3, progress="none")
    assert history.epoch == [1, 2]
    assert [stream.number for stream in feed.streams] == [1, 2]


def test_a_class_weight_of_the_feed_reaches_the_loss(small_model, values_of):
    class Weighted(MemoryFeed):
        def epoch(self, epoch: int, start_batch: int = 0) -> Any:
            stream = super().epoch(epoch, start_batch)
            return WeightedStream(stream)

    class WeightedStream:
        def __init__(self, stream: Any) -> None:
            self.stream = stream
            self.ready, self.close = stream.ready, stream.close

        def __next__(self) -> Any:
            from dataclasses import replace

            batch = next(self.stream)
            return replace(batch, sample_weight=np.where(batch.y == 0, 5.0, 1.0).astype(np.float32))

    plain = make_feed(rows=48)
    weighted = Weighted(x=plain.x, y=plain.y, spec=plain.spec)
    model = small_model()
    unweighted = fit(model, plain, progress="none").history["loss"][0]
    assert fit(small_model(), weighted, progress="none").history["loss"][0] > 1.2 * unweighted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"monitor": "val_acc", "validation": valid_of()},
            "'val_acc' is not logged; logged are .*val_accuracy",
        ),
        ({"monitor": "val_loss"}, "'val_loss' is not logged; logged are .*loss"),
        ({"monitor": "best:loss"}, "monitor must be a name"),
        ({"validate_every": "5steps"}, "no effect without validation"),
        ({"validate_every": "5 apples", "validation": valid_of()}, "validate_every must be a time"),
        ({"max_time": "soon"}, "max_time must be a time"),
        ({"epochs": 0}, "epochs must be greater than initial_epoch"),
        ({"epochs": 10**20}, r"at most 2\*\*60, got 1000"),
        ({"early_stopping": -1}, "early_stopping must be"),
        ({"progress": "loud"}, "progress must be"),
        ({"options": {"a": 1}}, "no effect without run"),
        ({"run": "runs/x"}, "needs a stoker.Feed"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_is_read(options, message, small_model):
    feed = make_feed()
    with pytest.raises(OptionError, match=message):
        fit(small_model(), feed, **{"progress": "none", **options})
    assert not feed.streams


def test_every_argument_of_kerass_own_fit_is_taken_or_answered(small_model):
    """By what is said of each, a script that calls `model.fit` finds its way."""
    theirs = set(inspect.signature(keras.Model.fit).parameters) - {"self"}
    ours = set(inspect.signature(fit).parameters)
    assert theirs - ours <= set(ANSWERS)
    assert not ours & set(ANSWERS)
    for name in ANSWERS:
        with pytest.raises(OptionError, match=f"stoker.fit has no {name}=: .*(=|generator)"):
            fit(small_model(), make_feed(), **{name: 1})


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((), {"verbose": 0}, "no verbose=: progress= shows: 'none' for verbose=0"),
        ((), {"verbose": 2, "batch_size": 8}, r"no verbose=, batch_size=: .*; the feed makes the batches"),
        ((np.zeros(3),), {}, "no third argument: rows and labels come together, in one feed"),
        ((), {"x": 1, "y": 2}, r"no x=, y=: rows and labels come together, .*model.fit is for$"),
    ],
)
def test_what_does_it_here_is_said_once(arguments, options, said, small_model):
    with pytest.raises(OptionError, match=said):
        fit(small_model(), make_feed(), *arguments, **options)


def test_a_name_that_nobody_knows_is_python_s_own_error(small_model):
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        fit(small_model(), make_feed(), epoch=3)


@pytest.mark.parametrize("given", ["frame", "table", "batch", "arrays"])
def test_validation_that_is_a_table_or_arrays_is_refused_before_anything_is_read(given, small_model):
    frame = pd.DataFrame({"x": np.arange(64.0), "y": np.arange(64) % 2})
    feed = stoker.Feed(stoker.open(frame, label="y"), batch_size=8)
    table = pa.Table.from_pandas(frame)
    validation = {
        "frame": frame,
        "table": table,
        "batch": table.to_batches()[0],
        "arrays": (frame[["x"]].to_numpy(), frame["y"].to_numpy()),
    }[given]
    way_out = r"give feed\.derive\(stoker\.open\(.*, label=…\)\), or a Sequence of batches$"
    with pytest.raises(OptionError, match=way_out):
        fit(small_model(), feed, validation=validation, progress="none")
    assert feed._prepared is None


def test_a_table_in_the_place_of_a_feed_is_refused(small_model):
    with pytest.raises(OptionError, match=r"got one DataFrame \(4, 2\): .*stoker\.Feed\(stoker\.open\(frame"):
        fit(small_model(), pd.DataFrame({"x": range(4), "y": range(4)}), progress="none")
    with pytest.raises(OptionError, match=r"got one DataFrame .*: give arrays \(x, y\)"):
        fit(
            small_model(),
            iter([]),
            steps_per_epoch=1,
            validation=pd.DataFrame({"x": range(4)}),
            progress="none",
        )


def test_a_model_that_is_not_compiled_is_refused(small_model):
    with pytest.raises(OptionError, match="is not compiled"):
        fit(keras.Sequential([keras.layers.Dense(3)]), make_feed(), progress="none")


def test_a_model_for_other_inputs_is_refused_with_the_shapes(small_model):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(OptionError, match=r"cannot be built for input of shape \(5,\)"):
        fit(model, make_feed(columns=5), progress="none")
