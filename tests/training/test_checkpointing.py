"""When checkpoints are written, and what becomes of training where they cannot be."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from resumable import STEPS, feed_of, run_to, write_rows

import stoker
from stoker.checkpoints import CheckpointStore
from stoker.errors import NonFiniteLossError, OptionError, RunError
from stoker.rundir import RunDirectory
from stoker.training.schedule import parse_checkpoint_interval

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def model(small_model: Any) -> Any:
    return lambda: small_model("binary", dropout=True)


def steps_in(run: Path) -> list[int]:
    return sorted(int(path.name[5:]) for path in (run / "checkpoints").iterdir())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    steps: list[int] = []
    write = CheckpointStore.write

    def noting(store: CheckpointStore, checkpoint: Any, *rest: Any) -> Path:
        steps.append(checkpoint.step)
        return write(store, checkpoint, *rest)

    monkeypatch.setattr(CheckpointStore, "write", noting)
    return steps


def test_by_default_an_end_of_training_is_kept(model, rows, tmp_path, written):
    run_to(model(), rows, tmp_path / "run", checkpoint_every=None)
    assert written[-1] == 3 * STEPS
    assert set(written) <= {STEPS, 2 * STEPS, 3 * STEPS}


def test_every_epoch_means_every_one(model, rows, tmp_path, written):
    run_to(model(), rows, tmp_path / "run", checkpoint_every="1epoch", keep_checkpoints=2)
    assert written[-1] == 3 * STEPS
    assert len(written) == 3
    assert len(steps_in(tmp_path / "run")) == 2


def test_never_means_none(model, rows, tmp_path):
    run_to(model(), rows, tmp_path / "run", checkpoint_every="never")
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [("500steps", (500, None, None)), ("5min", (None, 300.0, None)), ("2epochs", (None, None, 2))],
)
def test_intervals(text, found):
    interval = parse_checkpoint_interval(text, option="checkpoint_every")
    assert (interval.steps, interval.seconds, interval.epochs) == found
    assert not interval.sparing


@pytest.mark.parametrize("text", ["often", "0steps", "0epochs", "-1min", ""])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(OptionError, match="checkpoint_every"):
        parse_checkpoint_interval(text, option="checkpoint_every")


def test_options_without_effect_are_refused(model, rows, tmp_path):
    feed, _ = feed_of(rows)
    with pytest.raises(OptionError, match="no effect without run="):
        stoker.fit(model(), feed, checkpoint_every="5min", progress="none")
    batches = ((0, 0) for _ in range(3))
    with pytest.raises(OptionError, match="no effect on a generator"):
        stoker.fit(model(), batches, steps_per_epoch=2, run=tmp_path / "run", checkpoint_every="5min")
    with pytest.raises(OptionError, match="must be 'warn' or 'stop'"):
        stoker.fit(model(), feed, run=tmp_path / "run", on_checkpoint_error="ignore", progress="none")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``full_disk(first, last)``: the writings of these numbers find the disk full."""
    write, number = CheckpointStore.write, itertools.count(1)

    def fail(first: int, last: int) -> None:
        def writing(store: CheckpointStore, checkpoint: Any, *rest: Any) -> Path:
            if first <= next(number) <= last:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(store, checkpoint, *rest)

        monkeypatch.setattr(CheckpointStore, "write", writing)

    return fail


def test_weights_that_are_no_numbers_before_the_first_step_are_named_and_not_written(model, rows, tmp_path):
    """They would be the last good checkpoint, to which a search for the step goes back."""
    made = model()
    first, *others = made.get_weights()
    try:
        made.set_weights([np.full_like(first, np.nan), *others])
        with pytest.raises(
            NonFiniteLossError, match="kernel holds numbers that are not finite before the first"
        ):
            run_to(made, rows, tmp_path / "run")
    finally:
        made.set_weights([first, *others])
    assert not list((tmp_path / "run").glob("checkpoints/*"))
    assert RunDirectory(tmp_path / "run").read().outcome.status == "failed"


def test_a_full_disk_is_told_once_and_training_goes_on(model, rows, tmp_path, full_disk, capsys):
    full_disk(2, 4)
    found = run_to(model(), rows, tmp_path / "run", progress="plain", checkpoint_every="1epoch", epochs=5)
    assert found.history.report.ended == "finished"
    said = capsys.readouterr().err
    assert said.count("No space left on device") == 1
    assert "training goes on" in said
    assert steps_in(tmp_path / "run") == [STEPS, 5 * STEPS]


def test_a_full_disk_stops_training_if_it_shall(model, rows, tmp_path, full_disk):
    full_disk(2, 99)
    with pytest.raises(RunError, match="No space left on device"):
        run_to(
            model(), rows, tmp_path / "run", checkpoint_every="1epoch", epochs=9, on_checkpoint_error="stop"
        )
    assert steps_in(tmp_path / "run") == [STEPS]


def test_what_ended_a_run_is_told_and_not_that_its_last_checkpoint_failed_too(
    model, rows, tmp_path, monkeypatch, capsys
):
    """With ``on_checkpoint_error="stop"`` that would be the error, if nothing else was."""
    import threading

    import keras

    ended = threading.Event()

    def full(store: CheckpointStore, checkpoint: Any, *rest: Any) -> Path:
        ended.wait(60)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(batch: int, logs: Any) -> None:
        if batch == 4:
            ended.set()
            raise LookupError("the callback's own")

    monkeypatch.setattr(CheckpointStore, "write", full)
    failing = keras.callbacks.LambdaCallback(on_train_batch_end=fail)
    with pytest.raises(LookupError, match="the callback's own"):
        run_to(
            model(),
            rows,
            tmp_path / "run",
            callbacks=[failing],
            on_checkpoint_error="stop",
            progress="plain",
        )
    assert "No space left on device" in capsys.readouterr().err
    assert "the callback's own" in RunDirectory(tmp_path / "run").read().outcome.error


def test_training_waits_for_no_disk(model, rows, tmp_path, monkeypatch):
    import threading

    gate, seen = threading.Event(), []
    write = CheckpointStore.write

    def slow(store: CheckpointStore, checkpoint: Any, *rest: Any) -> Path:
        seen.append(checkpoint.step)
        if len(seen) == 1:
            gate.wait(60)
        return write(store, checkpoint, *rest)

    monkeypatch.setattr(CheckpointStore, "write", slow)
    import keras

    opened = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: gate.set() if epoch == 1 else None
    )
    found = run_to(model(), rows, tmp_path / "run", callbacks=[opened])
    assert found.history.report.ended == "finished"
    assert seen[0] == 2
    assert seen[1] >= 2 * STEPS


def test_whatever_callbacks_add_to_the_logs_training_goes_on(model, rows, tmp_path):
    class Adds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["rate"] = keras.ops.convert_to_tensor(0.5)
            logs["note"] = {"of", "mine"}

    run_to(model(), rows, tmp_path / "run", callbacks=[Adds()], epochs=1)
    *_, history = CheckpointStore(tmp_path / "run").newest().manifest.callbacks
    assert set(history.state["history"]["rate"][0]) == {"$array"}
    assert "mine" in history.state["history"]["note"][0]


def test_best_weights_of_bfloat16_are_kept(rows, tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid", dtype="bfloat16")])
    model.compile("sgd", "binary_crossentropy")
    stopping = keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    run_to(model, rows, tmp_path / "run", callbacks=[stopping], epochs=1)
    assert CheckpointStore(tmp_path / "run").newest().step == STEPS


def num_bytes(variables):
    return sum(int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize for variable in variables)


def test_copies_of_the_model_are_in_the_ledger_once_each_and_leave_it(model, rows, tmp_path):
    trained, held = model(), []
    one = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: held.append(ledger.held("checkpoint"))
    )
    feed, valid = feed_of(rows)
    ledger = feed.ledger
    history = stoker.fit(
        trained,
        feed,
        validation=valid,
        epochs=4,
        run=tmp_path / "run",
        early_stopping=9,
        checkpoint_every="1epoch",
        callbacks=[one],
        progress="none",
    )
    weights = num_bytes(trained.weights)
    everything = weights + num_bytes(trained.optimizer.variables)
    assert held[0] >= everything  # where it began, until a checkpoint is on the disk
    told = history.report.ledger_peaks
    assert everything <= told["checkpoint"] <= 2.5 * everything
    assert weights <= told["best weights"] <= 2 * weights
    assert (ledger.held("checkpoint"), ledger.held("best weights")) == (0, weights)


def test_best_weights_that_a_run_goes_on_with_are_in_the_ledger(model, rows, tmp_path):
    for resume in (False, "auto"):
        trained = model()
        feed, valid = feed_of(rows)
        options = {"early_stopping": 9, "run": tmp_path / "run", "resume": resume}
        stoker.fit(trained, feed, validation=valid, epochs=2, progress="none", **options)
        assert feed.ledger.peaks_by_kind["best weights"] >= num_bytes(trained.weights)


def test_a_process_that_goes_elsewhere_meanwhile_leaves_all_of_a_run_in_one_folder(
    model, rows, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    goes = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: os.chdir(tmp_path / "elsewhere"))
    options = {"epochs": 3, "checkpoint_every": "1epoch", "progress": "none"}
    feed, _ = feed_of(rows)
    stoker.fit(model(), feed, run="runs/a", callbacks=[goes], **options)
    assert os.listdir(tmp_path / "elsewhere") == []
    whole = ["checkpoints", "contents.json", "epochs.csv", "last.keras", "model.keras", "run.json"]
    assert sorted(os.listdir(tmp_path / "runs" / "a")) == whole
    assert steps_in(tmp_path / "runs" / "a")[-1] == 3 * STEPS
    assert RunDirectory(tmp_path / "runs" / "a").read().outcome.status == "finished"
    os.chdir(tmp_path)
    with pytest.raises(RunError, match=r"^runs/a already holds a run of .* run='runs/a-1'"):
        stoker.fit(model(), feed_of(rows)[0], run="runs/a", **options)
