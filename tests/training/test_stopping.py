"""What is left, and what is returned or raised, when training is asked to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest
from memory_feed import make_feed

import stoker
from stoker.checkpoints import CheckpointStore
from stoker.signals import Terminated
from stoker.training.fit import fit


class Send(keras.callbacks.Callback):
    """Sends this process signals at the end of a step, as ``kill`` would."""

    def __init__(self, *numbers: int, step: int) -> None:
        super().__init__()
        self.numbers, self.step = numbers, step

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == self.step:
            for number in self.numbers:
                os.kill(os.getpid(), number)


def interrupted(model, *numbers: int, raised: type[BaseException], step: int = 10):
    with pytest.raises(raised):
        fit(model, make_feed(rows=50), epochs=3, callbacks=[Send(*numbers, step=step)], progress="none")
    return model.history


def test_sigterm_finishes_the_step_and_exits_with_143(small_model, values_of):
    model = small_model()
    report = interrupted(model, signal.SIGTERM, raised=Terminated).report
    assert (report.ended, report.steps) == ("interrupted", 10)
    assert all(np.isfinite(value).all() for value in values_of(model))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_before_a_prompt_ctrl_c_returns_the_history(small_model, monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    model, feed = small_model(), make_feed(rows=50)
    history = fit(model, feed, epochs=3, callbacks=[Send(signal.SIGINT, step=10)], progress="none")
    assert history is model.history
    assert (history.epoch, history.report.ended, history.report.steps) == ([0], "interrupted", 10)
    assert feed.open_streams == 0


def test_a_callback_that_exits_leaves_nothing_running(small_model):
    class Leave(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            sys.exit(5)

    feed, model = make_feed(rows=50), small_model()
    with pytest.raises(SystemExit):
        fit(model, feed, epochs=3, callbacks=[Leave()], progress="none")
    assert feed.open_streams == 0
    assert model.history.report.ended == "interrupted"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rows = np.random.default_rng(1).normal(size=(300, 3)).round(3).tolist()
    path = tmp_path_factory.mktemp("table") / "points.csv"
    path.write_text("a,b,c,y\n" + "".join(f"{a},{b},{c},{int(a + b > c)}\n" for a, b, c in rows))
    return path


def feed_and_model(table):
    feed = stoker.Feed(stoker.open(table, label="y"), batch_size=30, seed=2, epochs=2)
    start = keras.initializers.GlorotUniform(3)
    model = keras.Sequential(
        [keras.layers.Input((3,)), keras.layers.Dense(1, "sigmoid", kernel_initializer=start)]
    )
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    return feed, model


def left_over(run):
    """What is in a run's folder, and in that of its checkpoints, that no whole file or checkpoint is."""
    return [path for path in run.rglob(".*") if path.name != ".lock"]


def stopped(table, run, *numbers, step, raised=Terminated, **options):
    feed, model = feed_and_model(table)
    call = {"epochs": 2, "checkpoint_every": "1epoch", "progress": "none"} | options
    with pytest.raises(raised):
        fit(model, feed, run=run, callbacks=[Send(*numbers, step=step)], **call)
    assert not left_over(run)
    return CheckpointStore(run).newest()


def test_what_is_reached_is_saved_before_training_stops_and_the_run_goes_on_from_there(
    table, tmp_path, values_of
):
    feed, model = feed_and_model(table)
    fit(model, feed, epochs=2, callbacks=[Send(step=0)], progress="none")
    expected = values_of(model)
    checkpoint = stopped(table, tmp_path / "run", signal.SIGTERM, step=13)
    assert (checkpoint.step, checkpoint.manifest.position.batches) == (13, 3)
    feed, model = feed_and_model(table)
    options = {"epochs": 2, "checkpoint_every": "1epoch", "progress": "none"}
    fit(model, feed, run=tmp_path / "run", resume="auto", callbacks=[Send(step=0)], **options)
    assert all(np.array_equal(one, two) for one, two in zip(values_of(model), expected, strict=True))


def test_what_is_asked_for_after_the_last_step_waits_for_the_epochs_end(table, tmp_path):
    valid = stoker.open(table, label="y")
    checkpoint = stopped(
        table, tmp_path / "run", signal.SIGINT, step=10, raised=KeyboardInterrupt, validation=valid
    )
    assert (checkpoint.step, checkpoint.manifest.position.epoch, checkpoint.manifest.position.batches) == (
        10,
        1,
        0,
    )
    assert len(checkpoint.manifest.validations) == 1


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_last_good_checkpoint(table, tmp_path):
    pressed = (signal.SIGINT, signal.SIGINT)
    checkpoint = stopped(table, tmp_path / "run", *pressed, step=13, raised=KeyboardInterrupt)
    assert checkpoint.step == 10
    assert {
        thread.name for thread in threading.enumerate() if thread.name.startswith("stoker-checkpoint")
    } == set()


@pytest.mark.timeout(30)
def test_a_second_ctrl_c_gives_up_the_checkpoint_that_the_first_asked_for(table, tmp_path, monkeypatch):
    write = CheckpointStore.write

    def slowly(store, checkpoint, between):
        if checkpoint.step == 13:
            os.kill(os.getpid(), signal.SIGINT)
            while True:
                between()
                time.sleep(0.01)
        return write(store, checkpoint, between)

    monkeypatch.setattr(CheckpointStore, "write", slowly)
    assert stopped(table, tmp_path / "run", signal.SIGINT, step=13, raised=KeyboardInterrupt).step == 10


class Stuck:
    """A stream whose source falls silent behind some batches, while somebody presses Ctrl-C."""

    def __init__(self, stream, batches):
        self.stream, self.left, self.close = stream, batches, stream.close

    def ready(self):
        return self.left > 0 and self.stream.ready()

    def __next__(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        return next(self.stream)


@pytest.mark.timeout(30)
def test_a_wait_for_data_ends_at_once_and_what_was_reached_is_saved(table, tmp_path, monkeypatch):
    epoch = stoker.Feed.epoch
    monkeypatch.setattr(stoker.Feed, "epoch", lambda feed, *place: Stuck(epoch(feed, *place), 7))
    assert stopped(table, tmp_path / "run", step=0, raised=KeyboardInterrupt).step == 7


@pytest.mark.slow
@pytest.mark.backends
@pytest.mark.timeout(240)
def test_sigterm_ends_the_program_with_143_and_the_command_that_goes_on(table, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "stoker", "train", str(table), "--label", "y", "--run", str(run)]
    without_end = ["--epochs", "1000000", "--early-stopping", "off", "--cache", "never"]
    with subprocess.Popen([*command, *without_end], stderr=subprocess.PIPE, text=True) as process:
        while not (run / "epochs.csv").exists() or (run / "epochs.csv").read_text().count("\n") < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=100)
    assert process.returncode == 143, said
    assert said.endswith("stoker: stopped by SIGTERM\n")
    assert f"resume {run}\n" in said
    outcome = json.loads((run / "run.json").read_text())["outcome"]
    assert outcome["status"] == "interrupted"
    assert CheckpointStore(run).newest().step == outcome["steps"]
    assert not left_over(run)
