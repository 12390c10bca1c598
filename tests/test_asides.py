"""Of what a run had come to before it began again, the last few are kept, and what goes is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stoker.asides import MOST_ASIDE, Aside, keep_aside, next_aside
from stoker.rundir import RunDirectory

NAMES = ("run.json", "model.keras")


def kept_after(folder: Path, steps: int) -> Aside:
    for name in NAMES:  # a run's files are replaced, never written in place
        (folder / name).unlink(missing_ok=True)
    (folder / "run.json").write_text(json.dumps({"outcome": {"steps": steps}}))
    (folder / "model.keras").write_text(f"the model of step {steps}")
    return keep_aside(folder, Path("runs/a"), NAMES)


def asides(folder: Path) -> dict[str, str]:
    return {path.name: (path / "model.keras").read_text() for path in sorted(folder.glob("before-*"))}


def test_up_to_three_are_kept_and_nothing_is_said_of_removing(tmp_path):
    for steps in range(MOST_ASIDE):
        aside = kept_after(tmp_path, steps)
        assert str(aside) == f"runs/a/before-{steps + 1} has the record and the models of before"
    assert list(asides(tmp_path)) == ["before-1", "before-2", "before-3"]


def test_the_oldest_goes_for_a_new_one_and_is_named_with_its_steps(tmp_path):
    for steps in (5, 6, 7):
        kept_after(tmp_path, steps)
    aside = kept_after(tmp_path, 8)
    assert aside.removed == ("before-1 (5 steps)",)
    assert "before-4 has the record and the models of before; removed before-1 (5 steps): " in str(aside)
    assert asides(tmp_path) == {f"before-{n}": f"the model of step {n + 4}" for n in (2, 3, 4)}


def test_the_one_that_came_furthest_stays_however_old(tmp_path):
    for steps in (1, 900, 2, 3, 4, 5):
        kept_after(tmp_path, steps)
    assert list(asides(tmp_path)) == ["before-2", "before-5", "before-6"]


def test_numbers_are_not_given_again(tmp_path):
    for steps in range(12):
        kept_after(tmp_path, steps)
    assert next_aside(tmp_path) == "before-13"
    assert sorted(asides(tmp_path)) == ["before-10", "before-11", "before-12"]


def test_of_many_that_were_there_all_but_three_go_and_each_is_named(tmp_path):
    for number in range(1, 7):
        (tmp_path / f"before-{number}").mkdir()
        (tmp_path / f"before-{number}" / "run.json").write_text('{"outcome": {"steps": 1}}')
    (tmp_path / "before-2" / "run.json").write_text("torn")
    assert kept_after(tmp_path, 3).removed == (
        "before-1 (1 step)",
        "before-2 (steps unknown)",
        "before-3 (1 step)",
        "before-4 (1 step)",
    )


@pytest.mark.parametrize("name", ["before-1-precious", "before", "before-x"])
def test_folders_that_a_user_named_or_put_something_into_stay(tmp_path, name):
    kept_after(tmp_path, 1)
    (tmp_path / "before-1").rename(tmp_path / name)
    kept_after(tmp_path, 2)
    (tmp_path / "before-1" / "notes.txt").write_text("mine")
    for steps in range(3, 9):
        kept_after(tmp_path, steps)
    assert (tmp_path / name / "model.keras").read_text() == "the model of step 1"
    assert (tmp_path / "before-1" / "notes.txt").read_text() == "mine"
    assert sum(path.name.startswith("before") for path in tmp_path.iterdir()) == MOST_ASIDE + 2


def test_nothing_is_removed_where_the_new_one_cannot_be_kept(tmp_path, monkeypatch):
    for steps in range(MOST_ASIDE):
        kept_after(tmp_path, steps)
    there = asides(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stoker.asides.staged_folder", full)
    with pytest.raises(OSError, match="No space left"):
        kept_after(tmp_path, 9)
    assert asides(tmp_path) == there


def test_of_a_run_that_was_killed_no_more_is_told_than_is_known(tmp_path):
    for number, steps in enumerate((1_000, 0), start=1):
        (tmp_path / f"before-{number}").mkdir()
        outcome = {"steps": steps, "status": "running"}
        (tmp_path / f"before-{number}" / "run.json").write_text(json.dumps({"outcome": outcome}))
    kept_after(tmp_path, 2_000)
    assert kept_after(tmp_path, 1).removed == ("before-1 (at least 1,000 steps)",)
    assert kept_after(tmp_path, 1).removed == ("before-2 (steps unknown)",)


def test_a_folder_that_holds_no_record_stays(tmp_path):
    (tmp_path / "before-1").mkdir()
    (tmp_path / "before-2").mkdir()
    (tmp_path / "before-2" / "model.keras").touch()
    for steps in range(MOST_ASIDE + 1):
        kept_after(tmp_path, steps)
    assert sorted(path.name for path in tmp_path.glob("before-*")) == [f"before-{n}" for n in (1, 2, 4, 5, 6)]


def test_what_of_one_cannot_be_removed_is_told_and_lies_aside_until_it_can_be(tmp_path, monkeypatch):
    for steps in range(MOST_ASIDE):
        kept_after(tmp_path, steps)
    with monkeypatch.context() as patch:
        patch.setattr(
            "shutil.rmtree", lambda path, **_: next(path.glob("*/run.json")).unlink()
        )  # and no more
        (removed,) = kept_after(tmp_path, 9).removed
    (left,) = tmp_path.glob(".building-removed-*")
    assert removed == f"before-1 (0 steps; what of it cannot be removed is in {left.name})"
    assert list(asides(tmp_path)) == ["before-2", "before-3", "before-4"]
    RunDirectory(tmp_path).clean()
    assert not left.exists()


def test_one_whose_name_cannot_be_taken_is_left_whole(tmp_path, monkeypatch):
    for steps in range(MOST_ASIDE):
        kept_after(tmp_path, steps)
    rename = os.rename

    def forbidden(path: Path, other: Path) -> None:
        if path.name == "before-1":
            raise PermissionError(13, "Permission denied")
        rename(path, other)

    monkeypatch.setattr("os.rename", forbidden)
    assert kept_after(tmp_path, 9).removed == ()
    assert {path.name for path in (tmp_path / "before-1").iterdir()} == set(NAMES)
