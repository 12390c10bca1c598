"""A run that validates by the clock validates behind the same steps when it is resumed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from resumable import STEPS, run_to, write_rows

from stoker.training.supervisor import TrainingSupervisor
from stoker.training.validated import ValidatedSteps

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the clock's validations fall behind these steps."""

    def at(*steps: int) -> None:
        monkeypatch.setattr(
            TrainingSupervisor, "_is_time", lambda supervisor, now: supervisor.steps in steps, raising=True
        )

    return at


def best_of(run: Path) -> list[Any]:
    return keras.models.load_model(run / "model.keras").get_weights()


def test_the_best_model_is_that_of_a_run_that_was_never_stopped(small_model, rows, tmp_path, clock):
    """The best of three validations came after the last checkpoint, and another clock would miss it."""
    options = {"validate_every": "0.001s", "monitor": "max:val_loss", "checkpoint_every": "7steps"}
    whole, run = tmp_path / "whole", tmp_path / "run"
    clock(2, 8, 11, STEPS + 6)
    unbroken = run_to(small_model("binary", dropout=True), rows, whole, **options)
    run_to(small_model("binary", dropout=True), rows, run, stop=13, **options)
    clock(10, STEPS + 6)
    resumed = run_to(small_model("binary", dropout=True), rows, run, resume="auto", **options)
    assert [each.step for each in unbroken.history.report.validations][:4] == [2, 8, STEPS, 11]
    assert resumed == unbroken
    assert all(map(np.array_equal, best_of(run), best_of(whole)))


def test_steps_behind_a_checkpoint_are_due_once_and_in_their_order(tmp_path):
    path = tmp_path / "validated"
    first = ValidatedSteps(path)
    first.begin(0)
    assert first.next == math.inf
    for step in (3, 8, 12):
        first.note(step)
    again = ValidatedSteps(path)
    again.begin(3)
    assert (again.next, again.is_due(7), again.is_due(8), again.is_due(8)) == (8, False, True, False)
    assert (again.is_due(14), again.next) == (False, math.inf)
    again.forget()
    again.begin(0)
    assert again.next == math.inf


def test_what_is_no_whole_line_of_digits_is_passed_over(tmp_path):
    path = tmp_path / "validated"
    path.write_bytes(b"5\n-7\n\xff\n9e9\n" + b"1" * 5000 + b"\n8\n12")
    found = ValidatedSteps(path)
    found.begin(0)
    assert (found.is_due(5), found.is_due(8), found.next) == (True, True, math.inf)


def test_a_disk_that_does_not_take_a_step_is_told_once(tmp_path):
    said: list[str] = []
    (tmp_path / "checkpoints").touch()
    steps = ValidatedSteps(tmp_path / "checkpoints" / "validated", said.append)
    steps.note(1)
    steps.note(2)
    (text,) = said
    assert "File exists" in text
