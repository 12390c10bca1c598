"""SIGKILL at every point where it could hurt: the same command run again ends with the same bits."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from killing import (
    Point,
    Zygote,
    age,
    assert_identical,
    finished,
    killed_at,
    left_over,
    outcome,
    said,
    zygote,
)

from stoker.rundir import RunDirectory

pytestmark = pytest.mark.timeout(240)

IN_TURN = [
    Point(name="mid-survey", where="stoker.survey.scan:Pass._take_in", calls=2),
    Point(name="mid-cache", where="stoker.cache.draft:Draft._add", calls=2),
    Point(name="mid-step", where="stoker.training.handover:Handover.finish", calls=30),
    Point(name="mid-checkpoint", where="stoker.checkpoints.packages:_write_array", calls=8),
    Point(name="between rename and fsync", where="os:rename", about="step-", after=True),
]
"""In the order in which a run meets them, each in the run that goes on behind the one killed before."""

BETWEEN = [
    Point(name="survey not yet renamed", where="os:rename", about=".stoker"),
    Point(name="cache not yet renamed", where="os:replace", about=".arrow"),
    Point(name="run not yet begun", where="os:replace", about="run.json"),
    Point(name="checkpoint not yet renamed", where="os:rename", about="step-", calls=2),
    Point(name="old checkpoint half removed", where="os:unlink", about="manifest", calls=2),
    Point(name="mid-model", where="keras:Model.save"),
    Point(name="model not yet renamed", where="os:replace", about="model.keras"),
    Point(name="epoch not yet recorded", where="os:replace", about="run.json", after=True),
    Point(name="table not yet renamed", where="os:replace", about="epochs.csv"),
    Point(name="mid-validation", where="stoker.training.handover:Handover._next", calls=60),
]
"""Where files take the place of others, beside the points that the issue of many an hour's work names."""

LEARNING = [
    Point(name="mid-spill", where="stoker.transforms.spill:Spill.write", calls=20),
    Point(name="transform written and run not", where="os:replace", about="transform.json", after=True),
]


@pytest.fixture(scope="module")
def forks() -> Iterator[Zygote]:
    with zygote() as process:
        yield process


@pytest.fixture
def folder(table: Path) -> Path:
    """With a table to train on and one to validate on."""
    shutil.copy(table, table.parent / "valid.csv")
    return table.parent


def undisturbed_outcome(forks: Zygote, folder: Path, command: Sequence[str], **options: object) -> dict:
    """What a command comes to in a copy of a folder."""
    copied = Path(shutil.copytree(folder, folder.with_name("undisturbed")))
    finished(forks, copied, command, **options)
    return outcome(copied)


def dies_and_goes_on(
    forks: Zygote, folder: Path, command: Sequence[str], points: Sequence[Point], **options: object
) -> None:
    """At each point in turn; what it comes to at last is what comes of it undisturbed."""
    expected = undisturbed_outcome(forks, folder, command, **options)
    for point in points:
        killed_at(forks, folder, command, point.drawn(), **options)
    age(folder)
    finished(forks, folder, command, **options)
    assert_identical(outcome(folder), expected)
    assert left_over(folder) == []


COMMAND = shlex.split(
    "stoker train t.csv --valid valid.csv --label y --model mlp --epochs 3 --batch-size 250 --memory 8MB "
    "--cache always --seed 1 --early-stopping off --run run --resume auto --checkpoint-every 10steps"
)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([point for point in IN_TURN if point.name == "mid-step"], id="between two checkpoints"),
        pytest.param(IN_TURN, id="everywhere in turn", marks=[pytest.mark.slow, pytest.mark.backends]),
    ],
)
def test_a_command_that_is_killed_again_and_again_ends_with_the_same_bits(forks, folder, points):
    dies_and_goes_on(forks, folder, COMMAND, points)


@pytest.mark.slow
def test_a_script_with_dropout_and_callbacks_does_too(forks, folder):
    dies_and_goes_on(forks, folder, ["table"], IN_TURN)


@pytest.mark.slow
def test_a_run_that_is_killed_whenever_a_file_takes_the_place_of_another_does_too(forks, folder):
    dies_and_goes_on(forks, folder, ["table"], BETWEEN)


@pytest.mark.slow
@pytest.mark.backends
def test_a_vectoriser_that_is_killed_while_it_learns_begins_again(forks, here):
    words = (f"word{row % 97} {row * row % 89} other{row % 13},{row % 2}\n" for row in range(4_000))
    (here / "texts.csv").write_text("text,y\n" + "".join(words))
    # Everything but a few kilobytes goes to the temporary file.
    dies_and_goes_on(forks, here, ["texts"], LEARNING, settings={"stoker.transforms.learning:SHARES": 4_000})


@pytest.mark.slow
def test_of_runs_that_are_killed_within_their_first_epoch_the_one_that_came_furthest_is_kept(forks, folder):
    command = [*COMMAND, "--validate-every", "3steps"]
    command[command.index("10steps")] = "never"
    for validation in (5, 2, 2, 2, 2):
        point = {"where": "stoker.training.monitor:Monitor.observe", "call": validation}
        killed_at(forks, folder, command, point)
    assert "before-4 has the record and the models of before; removed before-2 (at least 3 steps)" in said(
        folder
    )
    steps = {path.name: RunDirectory(path).read().outcome.steps for path in (folder / "run").glob("before-*")}
    assert steps == {"before-1": 12, "before-3": 3, "before-4": 3}
