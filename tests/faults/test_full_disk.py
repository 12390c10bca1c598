"""A disk that is full, a real one: what can go on goes on, what cannot says how much room it wants."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from faulty import feed_of

import stoker
from stoker.checkpoints import CheckpointStore
from stoker.errors import DataError, MemoryBudgetError, RunError
from stoker.rundir import RunDirectory
from stoker.survey import survey
from stoker.training.artifacts import ModelFiles
from stoker.training.handover import Handover
from stoker.training.owed import OwedModel
from stoker.training.progress import Display
from stoker.training.unwritten import Unwritten
from stoker.transforms.spill import Spill
from waiting import until

pytestmark = pytest.mark.timeout(120)

STEPS = 40
"""Of an epoch."""


@pytest.fixture
def full(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk that others have filled unseen: it says that there is room."""
    plenty = shutil.disk_usage(mounted)._replace(free=1 << 40)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: plenty)
    monkeypatch.setenv("XDG_CACHE_HOME", str(mounted / "user-cache"))
    return mounted


def leave(folder: Path, num_bytes: int) -> None:
    """Have no more room on a disk than that."""

    def resized() -> bool:  # unless somebody writes meanwhile
        status = os.statvfs(folder)
        size = (status.f_blocks - status.f_bfree) * status.f_frsize + num_bytes
        done = subprocess.run(
            ["mount", "-o", f"remount,size={size}", folder], capture_output=True, check=False
        )
        return not done.returncode

    until(resized)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore")


def test_a_survey_that_cannot_be_stored_is_made_all_the_same_and_leaves_nothing(full, table):
    path = shutil.copy(table, full)
    leave(full, 8_192)
    found = survey(stoker.open(path, label="y"))
    assert found.num_rows == 10_000
    assert "could not be stored and is made anew next time" in found.notes[0]
    assert "no space left" in found.notes[0].lower()
    assert files_in(full) == ["t.csv"]


def test_words_that_spill_say_which_disk_is_full_and_give_back_what_they_took(full, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(full))
    leave(full, 1 << 20)
    spill = Spill()
    kept = spill.write(np.arange(1 << 16))
    with pytest.raises(
        MemoryBudgetError, match=f"{full} is full with what does not fit the memory: set TMPDIR"
    ):
        spill.write(np.arange(1 << 17))
    assert spill.read(kept, 10, 12).tolist() == [10, 11]
    spill.close()
    assert files_in(full) == []
    (full / "again").write_bytes(b"\0" * (1 << 20))


def test_a_cache_on_a_full_disk_leaves_nothing_and_training_goes_on_without(full, table):
    path = Path(shutil.copy(table, full))
    feed = feed_of(path, cache="always")
    leave(full, 1 << 18)
    with pytest.raises(DataError, match=r"the cache of .* could not be written .*No space left"):
        feed.build_cache()
    assert not [name for name in files_in(full) if "arrow" in name]
    assert not list(full.rglob(".building-*"))
    assert sum(batch.size for batch in feed_of(path).epoch()) == 10_000


class Notes(Display):
    """What a person is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, name: str, text: str) -> None:
        self.notes.append(f"{name}: {text}")


def nothing_is_written() -> bool:
    return "stoker-checkpoint" not in {thread.name for thread in threading.enumerate()}


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a model that takes its time: behind the next one a checkpoint is written, or has failed."""
    finish = Handover.finish

    def finished(handover: Handover, count: int) -> int:
        until(nothing_is_written)
        return finish(handover, count)

    monkeypatch.setattr(Handover, "finish", finished)
    monkeypatch.setattr("stoker.training.checkpointing._POLL_SECONDS", 0.0)


@pytest.mark.usefixtures("unhurried")
def test_training_goes_on_with_the_last_good_checkpoint_and_a_warning(full, table, model, after_step):
    feed, notes, seen = feed_of(table), Notes(), []
    store = CheckpointStore(full / "run", keep=100)

    def look() -> None:
        checkpoint = store.newest()
        seen.append(0 if checkpoint is None else checkpoint.step)

    after_step(12, lambda: leave(full, 0))
    after_step(13, look)
    after_step(27, look)
    after_step(28, lambda: leave(full, 8 << 20))
    stoker.fit(model(feed), feed, epochs=1, run=full / "run", checkpoint_every="5steps", progress=notes)
    look()
    assert seen[:2] == [10, 10]  # of the torn ones nothing is left
    assert seen[2] == STEPS
    warnings = [note for note in notes.notes if "checkpoint" in note]
    assert len(warnings) == 1  # and not with each that fails
    assert warnings[0] == (
        f"warning: no checkpoint could be written to {full}/run/checkpoints (No space left on device); "
        "the ones before it are as they were; training goes on"
    )
    assert not list(full.rglob(".building-*"))


def test_where_no_checkpoint_is_there_yet_it_is_told_that_nothing_is_kept(full, trained, after_step):
    after_step(1, lambda: leave(full, 0))
    told = trained("run")
    (warning,) = [note for note in told if "no checkpoint could be written" in note]
    assert warning.endswith(
        "there is none yet, and without one a run that ends begins again with nothing; training goes on"
    )
    assert told[-1].endswith(
        "resume the run, which begins again: no checkpoint is there, and what was learned is in memory alone"
    )
    leave(full, 8 << 20)
    (resumed,) = [note for note in trained("run", resume="auto") if note.startswith("resume: ")]
    assert "has no checkpoint yet: it begins again" in resumed


@pytest.mark.usefixtures("unhurried")
def test_training_stops_where_it_is_asked_to_and_is_resumed_to_the_same_bits(full, table, model, after_step):
    def trained(folder: Path, **options: object) -> list[np.ndarray]:
        feed = feed_of(table)
        made = model(feed)
        stoker.fit(
            made, feed, epochs=2, run=folder, checkpoint_every="5steps", on_checkpoint_error="stop",
            progress="none", **options,
        )  # fmt: skip
        return [np.array(value) for value in made.get_weights()]

    undisturbed = trained(full / "undisturbed")
    after_step(12, lambda: leave(full, 0))
    with pytest.raises(RunError, match=r"no checkpoint .* \(No space left on device\); .* make room there"):
        trained(full / "run")
    saved = CheckpointStore(full / "run").newest()
    assert saved is not None
    assert saved.step == 10
    leave(full, 8 << 20)
    resumed = trained(full / "run", resume="auto")
    assert all(np.array_equal(*pair) for pair in zip(resumed, undisturbed, strict=True))


class SecondIsBest(keras.callbacks.Callback):
    """The epoch in which the disk is full has the lowest loss."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["loss"] = float(abs(epoch - 1))


@pytest.fixture
def trained(full: Path, table: Path, model: Any) -> Callable[..., list[str]]:
    """Trains four epochs of 40 steps, of which the second is the best; what was told, and how it ended."""

    def train(name: str, **options: object) -> list[str]:
        feed, notes = feed_of(table), Notes()
        options = {"epochs": 4, "run": full / name, "checkpoint_every": "15steps", **options}
        try:
            stoker.fit(
                model(feed), feed, progress=notes, monitor="min:loss", callbacks=[SecondIsBest()], **options
            )
        except RunError as error:
            notes.notes.append(f"raised: {error}")
        return notes.notes

    return train


def weights_of(run: Path, name: str) -> list[np.ndarray]:
    return [np.array(value) for value in keras.models.load_model(run / name, compile=False).get_weights()]


@pytest.mark.parametrize("early_stopping", [None, pytest.param(3, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_past_the_end_of_an_epoch_costs_nothing_but_a_warning(
    full, trained, after_step, early_stopping
):
    after_step(STEPS + 12, lambda: leave(full, 0))
    after_step(2 * STEPS + 20, lambda: leave(full, 8 << 20))
    told = trained("run", early_stopping=early_stopping)
    trained("undisturbed", early_stopping=early_stopping)
    assert not [note for note in told if note.startswith("raised")]
    (warning,) = [note for note in told if "tried again with the next save" in note]
    assert warning.startswith(f"warning: {full}/run/model.keras cannot be written: ")
    record = RunDirectory(full / "run").read()
    assert [epoch.epoch for epoch in record.epochs] == [0, 1, 2, 3]
    assert (record.outcome.status, record.outcome.best_epoch) == ("finished", 1)
    assert len((full / "run" / "epochs.csv").read_text().splitlines()) == 5
    for name in ("model.keras", "last.keras"):
        pairs = zip(weights_of(full / "run", name), weights_of(full / "undisturbed", name), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)


def test_what_cannot_be_written_even_at_the_end_is_an_error_that_names_it(full, trained, after_step):
    after_step(STEPS + 12, lambda: leave(full, 0))
    told = trained("run")
    said, _, kept = told[-1].partition(", which goes on behind step ")
    assert said == (
        "raised: the run ends, and model.keras, run.json and epochs.csv, last.keras of what it came to could "
        f"not be written to {full}/run (No space left on device): make room there and resume the run"
    )
    assert kept == f"{CheckpointStore(full / 'run').newest().step}; the model in memory has what was learned"
    assert len([note for note in told if "tried again" in note]) == 1
    assert RunDirectory(full / "run").read().outcome.status == "running"
    leave(full, 8 << 20)
    assert not [note for note in trained("run", resume="auto") if note.startswith("raised")]
    assert RunDirectory(full / "run").read().outcome.best_epoch == 1
    assert (full / "run" / "last.keras").exists()


def test_a_full_disk_ends_training_at_the_end_of_the_epoch_where_it_is_asked_to(full, trained, after_step):
    after_step(STEPS + 12, lambda: leave(full, 0))
    told = trained("run", on_checkpoint_error="stop", checkpoint_every="never")
    assert told[-1].startswith(f"raised: {full}/run/model.keras cannot be written: ")
    assert [each.epoch for each in RunDirectory(full / "run").read().epochs] == [0]


def test_the_best_model_that_is_owed_is_written_as_it_was_and_training_goes_on_as_if_nothing_had_been(
    tmp_path, table, model
):
    feed = feed_of(table)
    made = model(feed)
    files, broken = ModelFiles(tmp_path), ModelFiles(tmp_path / "nowhere")
    owed, best, kept = Unwritten(), [np.array(value) for value in made.get_weights()], OwedModel.taken(made)
    assert not owed.write("model.keras", lambda: broken.save_best(made))
    owed.owe("model.keras", lambda: files.save_best(made, kept))
    made.set_weights([value + 1 for value in best])
    owed.retry()
    assert owed.names == ()
    assert all(np.array_equal(*pair) for pair in zip(weights_of(tmp_path, "model.keras"), best, strict=True))
    assert all(np.array_equal(now, value + 1) for now, value in zip(made.get_weights(), best, strict=True))
