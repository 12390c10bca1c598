"""A resume that is refused leaves the run as it was."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from resumable import run_to, write_rows

import stoker
from stoker.cli import main
from stoker.errors import ChangedDataError, OptionError, RunError
from stoker.rundir import RunDirectory

pytestmark = pytest.mark.timeout(120)


class Remembers(keras.callbacks.Callback):
    """Cannot be given back what it told."""

    def get_state(self) -> Any:
        return {"seen": 1}

    def set_state(self, state: Any) -> None:
        raise LookupError("not that one")


class Odd(Remembers):
    """A class of the same name as the run's, whose state is no plain data."""

    def get_state(self) -> Any:
        return object()

    def set_state(self, state: Any) -> None:
        pass


Odd.__name__ = "Remembers"


class Fails(Remembers):
    def on_train_begin(self, logs: Any = None) -> None:
        raise LookupError("not today")


Fails.__name__ = "Remembers"


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, place: int) -> Any:
        return np.zeros((4, 4), np.float32), np.zeros(4)


def batches() -> Iterator[Any]:
    while True:
        yield Batches()[0]


class Endless:
    """An iterator that is no generator."""

    def __iter__(self) -> Endless:
        return self

    def __next__(self) -> Any:
        return Batches()[0]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def model(small_model: Any) -> Any:
    return lambda: small_model("binary", dropout=True)


@pytest.fixture
def finished(model: Any, rows: Path, tmp_path: Path) -> Path:
    run = tmp_path / "run"
    run_to(model(), rows, run, callbacks=[Remembers()], epochs=2, checkpoint_every="1epoch")
    return run


def other_model() -> Any:
    made = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    made.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return made


def test_the_record_of_a_finished_run_stays_byte_by_byte(finished, model, rows):
    record = (finished / "run.json").read_bytes()
    backup = keras.callbacks.BackupAndRestore(finished.parent / "backup")
    for error, said, asked in [
        (RunError, "the run's callbacks are", {"callbacks": []}),
        (RunError, "the run's callbacks are", {"callbacks": [keras.callbacks.TerminateOnNaN()]}),
        (RunError, "the run's callbacks are", {"callbacks": [Remembers(), backup]}),
        (LookupError, "not that one", {"epochs": 3}),
        (OptionError, "holds a object", {"callbacks": [Odd()]}),
        (LookupError, "not today", {"callbacks": [Fails()]}),
        (RunError, "is less", {"epochs": 1}),
        (RunError, "seed: 5 there, 6 here", {"feed": {"seed": 6}}),
        (RunError, "early_stopping", {"early_stopping": 3}),
        (RunError, "layers", {"model": other_model()}),
    ]:
        asked = {"callbacks": [Remembers()], "epochs": 2, "model": model(), **asked}
        with pytest.raises(error, match=said):
            run_to(asked.pop("model"), rows, finished, resume="auto", **asked)
        assert (finished / "run.json").read_bytes() == record, said


def test_a_finished_run_stays_one_that_is_not_begun_again(finished, model, rows):
    with pytest.raises(RunError, match="the run's callbacks are"):
        run_to(model(), rows, finished, resume="auto", epochs=2)
    shutil.rmtree(finished / "checkpoints")
    with pytest.raises(RunError, match="has finished, and has no whole checkpoint"):
        run_to(model(), rows, finished, resume="auto", epochs=2)


def test_a_run_whose_callback_goes_its_own_way_back_is_refused(model, rows, tmp_path):
    run = tmp_path / "run"
    backup = [keras.callbacks.BackupAndRestore(tmp_path / "backup")]
    run_to(model(), rows, run, callbacks=backup, epochs=1, checkpoint_every="1epoch")
    record = (run / "run.json").read_bytes()
    with pytest.raises(OptionError, match="BackupAndRestore would take the model back"):
        run_to(model(), rows, run, resume="auto", callbacks=backup, epochs=2)
    assert (run / "run.json").read_bytes() == record


def patient(patience: int, **others: Any) -> list[Any]:
    known = {"min_delta": 10.0, "mode": "min", "baseline": float("inf"), **others}
    return [keras.callbacks.EarlyStopping("loss", patience=patience, **known)]


def test_other_settings_of_a_callback_are_refused_by_name(model, rows, tmp_path):
    run = tmp_path / "run"
    run_to(model(), rows, run, callbacks=patient(5), epochs=2, checkpoint_every="1epoch")
    record = (run / "run.json").read_bytes()
    for callbacks, said in [
        (patient(4), r"EarlyStopping\.patience: 5 there, 4 here"),
        (patient(5, min_delta=0.5), r"EarlyStopping\.min_delta: 10\.0 there, 0\.5 here"),
        (
            patient(5, mode="max", baseline=None),
            r"baseline: inf there, none here; .*mode: min there, max here",
        ),
    ]:
        with pytest.raises(RunError, match=said):
            run_to(model(), rows, run, resume="auto", callbacks=callbacks, epochs=3)
    assert (run / "run.json").read_bytes() == record
    assert run_to(model(), rows, run, resume="auto", callbacks=patient(5, verbose=1), epochs=2) is not None


def test_checkpoints_without_settings_are_resumed(model, rows, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as earlier:
        earlier.setattr("stoker.training.callback_states.settings_of", lambda callback: None)
        run_to(model(), rows, run, callbacks=patient(5), epochs=1, checkpoint_every="1epoch")
    assert run_to(model(), rows, run, resume="auto", callbacks=patient(4), epochs=1) is not None


def test_a_record_that_is_not_the_checkpoint_s_is_refused(finished, model, rows):
    directory = RunDirectory(finished)
    record = directory.read()
    record.training["monitor"] = "loss"  # what `stoker resume` would go on with
    directory.write(record)
    forged = (finished / "run.json").read_bytes()
    with pytest.raises(RunError, match=r"checkpoint of step 18: monitor: none there, loss here\. Restore"):
        run_to(model(), rows, finished, resume="auto", callbacks=[Remembers()], epochs=3, monitor="loss")
    assert (finished / "run.json").read_bytes() == forged


def test_other_rows_to_validate_on_are_told_as_what_they_are(finished, model, rows, tmp_path):
    train, valid = stoker.open(rows, label="y").split(0.8, seed=3)
    other = tmp_path / "other.csv"
    other.write_text(rows.read_text()[:-1])
    for validation, said in [
        (stoker.open(rows, label="y").split(0.8, seed=3)[1], r"the same files in another stoker\.open"),
        (stoker.open(other, label="y"), r"validation= is of .*other\.csv, other files"),
    ]:
        feed = stoker.Feed(train, batch_size=16, seed=5, cache="never", workers=0)
        with pytest.raises(
            ChangedDataError, match=f"was validated on rows of what it was trained on, .*{said}"
        ):
            stoker.fit(model(), feed, validation=validation, run=finished, resume="auto", epochs=2)
    apart = tmp_path / "apart"
    feed = stoker.Feed(train, batch_size=16, seed=5, cache="never", workers=0)
    stoker.fit(model(), feed, validation=stoker.open(other, label="y"), run=apart, progress="none")
    for validation, said in [(valid, "rows of the files that are trained on"), (None, "nothing")]:
        feed = stoker.Feed(train, batch_size=16, seed=5, cache="never", workers=0)
        with pytest.raises(ChangedDataError, match=rf"validated on .*other\.csv, and here it is on {said}"):
            stoker.fit(model(), feed, validation=validation, run=apart, resume="auto", progress="none")


@pytest.fixture
def unsurveyed(finished, monkeypatch):
    def surveyed(*arguments: Any, **options: Any) -> Any:
        pytest.fail("it was surveyed")

    monkeypatch.setattr(stoker.Feed, "prepare", surveyed)


@pytest.mark.usefixtures("unsurveyed")
@pytest.mark.parametrize(
    ("feed", "options", "said"),
    [
        ({"seed": 6}, {}, "by another plan, .*order of rows, seed: 5 there, 6 here"),
        ({"shuffle": "exact"}, {}, "kind: block there, exact here"),
        ({"batch_size": 8}, {}, "batch_size: 16 there, 8 here"),
        ({}, {"early_stopping": 3}, "early_stopping: none there, 3 here"),
        ({}, {"validate_every": "3steps"}, "validate_every: none there, 3steps here"),
        ({}, {"epochs": 1}, "is in epoch 2 already, and epochs=1 is less: ask for as many or more"),
    ],
)
def test_what_the_record_alone_tells_is_refused_before_the_survey(finished, model, rows, feed, options, said):
    record = (finished / "run.json").read_bytes()
    asked = {"epochs": 2, "callbacks": [Remembers()], **options}
    with pytest.raises(RunError, match=said):
        run_to(model(), rows, finished, resume="auto", feed=feed, **asked)
    assert (finished / "run.json").read_bytes() == record


@pytest.mark.usefixtures("unsurveyed")
@pytest.mark.parametrize(
    ("opened", "said"),
    [
        (lambda path: stoker.open(path, label="y").head(100), "head"),
        (
            lambda path: stoker.open(path, label="a").split(0.8, seed=3)[0],
            "label: 'y' there and not here; label: 'a' here",
        ),
        (
            lambda path: stoker.open(path, label="y", drop=["b"]).split(0.8, seed=3)[0],
            "columns: 'b' there and not here",
        ),
    ],
)
def test_other_rows_columns_and_labels_are_refused_before_the_survey(finished, model, rows, opened, said):
    feed = stoker.Feed(opened(rows), batch_size=16, seed=5, cache="never", workers=0)
    with pytest.raises(RunError, match=f"by another plan, .*{said}"):
        stoker.fit(model(), feed, run=finished, resume="auto", epochs=2)


@pytest.mark.usefixtures("unsurveyed")
def test_a_file_of_another_size_is_refused_before_the_survey_with_the_place(finished, model, rows, tmp_path):
    grown = tmp_path / "grown.csv"
    grown.write_text(rows.read_text() + "1,2,3,4,1\n")
    with pytest.raises(
        ChangedDataError,
        match=r"grown\.csv is not what was trained on: .* bytes then and .* now, first in .*lines.* restore",
    ):
        run_to(model(), grown, finished, resume="auto", epochs=2)
    two = stoker.open([rows, grown], label="y").split(0.8, seed=3)[0]
    with pytest.raises(
        ChangedDataError,
        match=r"2 files instead of the 1 that .*run was begun with \(.*grown\.csv is none of",
    ):
        stoker.fit(model(), stoker.Feed(two, batch_size=16, seed=5), run=finished, resume="auto", epochs=2)
    train, _ = stoker.open(rows, label="y").split(0.8, seed=3)
    feed = stoker.Feed(train, batch_size=16, seed=5, cache="never", workers=0)
    with pytest.raises(ChangedDataError, match=r"validation= is of .*grown\.csv, other files"):
        stoker.fit(
            model(), feed, validation=stoker.open(grown, label="y"), run=finished, resume="auto", epochs=2
        )


FEEDS_ARE = (
    r"nobody can put one back to where it was\. A stoker\.Feed is resumed: .* open them with stoker\.open"
)


@pytest.mark.parametrize("make", [batches, Endless, Batches])
def test_plain_generators_iterators_and_sequences_do_not_resume_and_the_error_says_what_does(
    make, model, tmp_path, capsys
):
    run, fitted = tmp_path / "run", {"steps_per_epoch": 2, "progress": "none"}
    with pytest.raises(OptionError, match=rf"resume='auto' needs a stoker\.Feed, .*{FEEDS_ARE}"):
        stoker.fit(model(), make(), run=run, resume="auto", **fitted)
    with pytest.raises(OptionError, match=f"checkpoint_every='2steps' has no effect on .*{FEEDS_ARE}"):
        stoker.fit(model(), make(), run=run, checkpoint_every="2steps", **fitted)
    assert not run.exists()
    stoker.fit(model(), make(), run=run, **fitted)
    record = (run / "run.json").read_bytes()
    said = (
        rf"was trained on a generator, {make.__name__ if make is not batches else 'generator'}, .*{FEEDS_ARE}"
    )
    with pytest.raises(RunError, match=said):
        stoker.resume(run, model=model(), feed=make())
    assert main(["resume", str(run)]) == 2
    assert re.search(said, " ".join(capsys.readouterr().err.split()))
    assert (run / "run.json").read_bytes() == record
