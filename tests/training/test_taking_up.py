"""What a run had come to is not lost when it is resumed: it is complete, trained again, or kept aside."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from resumable import STEPS, StopsAt, feed_of, run_to, write_rows

import stoker
from stoker.checkpoints import CheckpointStore
from stoker.errors import RunError

pytestmark = pytest.mark.timeout(120)

EVERY: dict[str, Any] = {"checkpoint_every": "1epoch"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def model(small_model: Any) -> Any:
    """``model()`` is a model with dropout as it was before any step; always the same object."""
    return lambda: small_model("binary", dropout=True)


def files_of(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir() if path.is_file() and path.name != ".lock"}


def epochs_of(run: Path) -> list[int]:
    in_record = [epoch["epoch"] for epoch in json.loads((run / "run.json").read_text())["epochs"]]
    with (run / "epochs.csv").open() as table:
        assert [int(row["epoch"]) for row in csv.DictReader(table)] == in_record
    return in_record


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Within ``with full_disk():`` there is room for checkpoints of the first epoch alone."""
    write = CheckpointStore.write

    def writing(store: CheckpointStore, checkpoint: Any, *rest: Any) -> Path:
        if checkpoint.step > STEPS:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(store, checkpoint, *rest)

    @contextmanager
    def full() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(CheckpointStore, "write", writing)
            yield

    return full


def said(capsys: Any) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_a_finished_run_whose_end_no_checkpoint_holds_is_not_trained_over(model, rows, tmp_path, full_disk):
    run = tmp_path / "run"
    with full_disk():
        run_to(model(), rows, run, **EVERY)
    there = files_of(run)
    with pytest.raises(
        RunError, match=r"has finished, after 27 steps, and no checkpoint of its end .*step 9,"
    ):
        run_to(model(), rows, run, resume="auto", **EVERY)
    assert files_of(run) == there


def test_for_more_epochs_it_goes_on_and_what_it_had_come_to_is_kept_as_a_run_of_its_own(
    model, rows, tmp_path, full_disk, capsys
):
    whole, run = run_to(model(), rows, tmp_path / "whole", **EVERY | {"epochs": 5}), tmp_path / "run"
    with full_disk():
        run_to(model(), rows, run, **EVERY)
    there = files_of(run)
    more = EVERY | {"epochs": 5, "progress": "plain"}
    assert run_to(model(), rows, run, resume="auto", **more) == whole
    assert f"kept {run / 'before-1'} has the record and the models" in (told := said(capsys))
    assert "epochs 2 to 3, which had ended, are trained again" in told
    assert files_of(run / "before-1") == there
    assert epochs_of(run) == list(range(5))
    assert stoker.load(run / "before-1").record.outcome.status == "finished"


def test_a_run_that_begins_again_keeps_what_it_had_come_to(model, rows, tmp_path, capsys):
    run, options = tmp_path / "run", {"checkpoint_every": "never"}
    whole = run_to(model(), rows, tmp_path / "whole", **options)
    for number in (1, 2):
        run_to(model(), rows, run, stop=2 * STEPS + 1, resume="auto", **options)
        there = files_of(run)
        assert number == 1 or epochs_of(run / "before-1") == [0, 1]
    assert run_to(model(), rows, run, resume="auto", progress="plain", **options) == whole
    told = said(capsys)
    assert "no checkpoint yet: it begins again; epochs 1 to 2, which had ended, are trained again" in told
    assert "before-2 has the record and the models of before" in told
    assert files_of(run / "before-2") == there


def test_what_cannot_be_kept_stays_where_it_is(model, rows, tmp_path, monkeypatch):
    run, options = tmp_path / "run", {"checkpoint_every": "never"}
    run_to(model(), rows, run, stop=STEPS + 1, **options)
    there = files_of(run)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stoker.asides.staged_folder", full)
    with pytest.raises(RunError, match="No space left"):
        run_to(model(), rows, run, resume="auto", **options)
    assert files_of(run) == there


def test_an_epoch_behind_the_newest_checkpoint_is_told_and_nothing_kept_of_it(
    model, rows, tmp_path, full_disk, capsys
):
    """It comes out as it was, bit by bit."""
    whole, run = run_to(model(), rows, tmp_path / "whole", **EVERY), tmp_path / "run"
    with full_disk():
        run_to(model(), rows, run, stop=2 * STEPS + 1, **EVERY)
    assert run_to(model(), rows, run, resume="auto", progress="plain", **EVERY) == whole
    assert "in epoch 2 of 3; epoch 2, which had ended, is trained again" in said(capsys)
    assert not list(run.glob("before-*"))


class DivergesAt(keras.callbacks.Callback):
    """Spoils a weight behind a step, as a learning rate that is too high does."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen == self.step:
            weight = self.model.trainable_variables[0]
            weight.assign(weight * np.nan)

    def get_state(self) -> int:
        return self.seen

    def set_state(self, state: int) -> None:
        self.seen = state


@pytest.mark.skipif(
    keras.backend.backend() == "torch",
    reason="PyTorch's loss of two classes takes no NaN",
)
def test_a_run_that_ended_under_on_nan_continue_is_complete(model, rows, tmp_path):
    run = tmp_path / "run"

    def go_on(**options: Any) -> Any:
        diverges = DivergesAt(STEPS + 2)
        return run_to(model(), rows, run, callbacks=[diverges], on_nan="continue", **options)

    assert go_on() is not None
    there = files_of(run)
    assert epochs_of(run) == [0, 1, 2]
    with pytest.raises(RunError, match="no finite numbers"):
        go_on(resume="auto")
    assert files_of(run) == there
    assert go_on(resume="auto", epochs=4) is not None
    assert epochs_of(run) == [0, 1, 2, 3]
    assert files_of(run / "before-1") == there


def test_a_run_whose_time_is_up_keeps_its_record_when_no_more_is_asked_for(model, rows, tmp_path):
    run = tmp_path / "run"
    run_to(model(), rows, run, max_time=1e-9)
    assert epochs_of(run) == [0]
    run_to(model(), rows, run, max_time=1e-9, resume="auto")
    assert epochs_of(run) == [0]
    assert run_to(model(), rows, run, max_time=600, resume="auto") == run_to(
        model(), rows, tmp_path / "whole"
    )
    assert epochs_of(run) == [0, 1, 2]


@pytest.mark.parametrize("is_prepared", [False, True])
@pytest.mark.parametrize("only_newest", [True, False])
def test_what_torn_checkpoints_had_begun_refuses_no_fewer_epochs(
    model, rows, tmp_path, only_newest, is_prepared
):
    run = tmp_path / "run"
    run_to(model(), rows, run, stop=STEPS + 1, **EVERY)
    whole = CheckpointStore(run).paths()
    newest = shutil.copytree(whole[0], whole[0].with_name(f"step-{STEPS + 3:012d}"))
    for path in [newest] if only_newest else [newest, *whole]:
        (path / "arrays.bin").write_bytes(b"torn")
    feed, valid = feed_of(rows)
    try:
        if is_prepared:
            feed.prepare()
        options = {"epochs": 1, "progress": "none", "callbacks": [StopsAt()], **EVERY}
        history = stoker.fit(model(), feed, validation=valid, run=run, resume="auto", **options)
    finally:
        feed.close()
    assert history.report.steps == STEPS
