"""``stoker`` on a real table: no flag but the label, every choice told, and each to be had otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import stoker
from stoker.cli import main
from stoker.rundir import RunDirectory
from test_columns_feed import write_table

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def table(here: Path) -> str:
    write_table(here / "houses.csv")
    return "houses.csv"


@pytest.mark.slow
def test_a_table_of_everything_trains_without_a_flag_and_says_why(
    table: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", table, "--label", "sold", "--epochs", "1"]) == 0
    said = capsys.readouterr().err
    for line in (
        "input     price, rooms → standardize: numbers",
        "input     gaps → standardize: numbers, ",
        "input     city → category: 3 different texts",
        "input     zip → category: 30 different codes of digits",
        "input     review → ngram: 6 words each",
        "left out  id: another value in every row, as an id has",
    ):
        assert line in said
    record = RunDirectory("runs/houses-1").read()
    assert [choice.columns for choice in record.choices if choice.input is None] == [["id"]]


@pytest.mark.slow
def test_such_a_run_is_evaluated_proved_resumed_and_answers(table: str, capsys: pytest.CaptureFixture[str]):
    assert main(["train", table, "--label", "sold", "--epochs", "1", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "runs/houses-1", table, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 300
    assert main(["predict", "runs/houses-1", table, "-o", "out.csv", "--quiet"]) == 0
    assert main(["verify", "runs/houses-1"]) == 0
    assert main(["resume", "runs/houses-1", "--epochs", "2", "--quiet"]) == 0
    assert RunDirectory("runs/houses-1").read().outcome.rows == 2 * 270


def test_a_plan_tells_the_same_and_keeps_what_flags_say(table: str, capsys: pytest.CaptureFixture[str]):
    words = "city=hash,id=standardize,review=drop"
    assert main(["plan", table, "--label", "sold", "--transform", words, "--json"]) == 0
    choices = json.loads(capsys.readouterr().out)["choices"]
    told = {choice["columns"][0]: (choice["transform"], choice["reason"]) for choice in choices}
    assert told["city"] == ("hash", "asked for")
    assert told["id"] == ("standardize", "asked for")
    assert told["review"] == ("drop", "asked for")
    assert told["price"] == ("standardize", "numbers")


@pytest.mark.parametrize("command", ["plan", "train"])
def test_a_model_that_does_not_take_such_a_table_is_refused_before_a_batch_is_made(
    command: str, table: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stoker.Feed, "build_cache", None)  # nothing comes to it
    assert main([command, table, "--label", "sold", "--model", "linear"]) == 2
    assert "linear takes numbers or n-grams, and this feed gives several inputs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--transform", "ask"], "column 'city': 300 rows of text"),
        (["--na", "error"], "column 'gaps'"),
        (["--transform", "city=categories"], "did you mean category"),
        (["--transform", "town=category"], "no feature"),
        (["--transform", "city=standardize"], "'city' holds text"),
        (["--text", "review", "--transform", "review=hash"], "no effect where all features are text"),
    ],
)
def test_what_is_refused(table: str, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", table, "--label", "sold", *flags]) == 2
    assert said in capsys.readouterr().err
