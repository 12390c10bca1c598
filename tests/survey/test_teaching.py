"""A table whose inputs are the same in every row is trained on with a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

import stoker
from stoker.cli import main
from stoker.survey import survey
from stoker.survey.teaching import told_hopeless

SAME = {"a": "1", "b": "2.5"}


def table(folder: Path, **columns: str) -> Path:
    """120 rows; a value of ``{}`` is the row's number."""
    rows = [
        ",".join([*(value.format(row) for value in columns.values()), str(row % 2)]) for row in range(120)
    ]
    path = folder / "t.csv"
    path.write_text(",".join([*columns, "y"]) + "\n" + "\n".join(rows) + "\n")
    return path


def told(path: Path, transform: str | None = "auto", **options: object) -> list[str]:
    feed = stoker.Feed(stoker.open(path, label="y", **options), transform=transform).prepare()
    return told_hopeless(feed.survey, feed.spec.features)


@pytest.mark.parametrize("transform", ["auto", None])
def test_constant_numbers_teach_nothing(tmp_path, transform):
    (said,) = told(table(tmp_path, **SAME), transform)
    assert said.startswith(
        "nothing can be learned from 'a', 'b', which have the same value in each of the 120 rows to train on"
    )


def test_constant_texts_and_numbers_teach_nothing(tmp_path):
    (said,) = told(table(tmp_path, a="1", colour="red"))
    assert "from 'colour', 'a'" in said or "from 'a', 'colour'" in said


def test_one_column_is_told_as_one(tmp_path):
    (said,) = told(table(tmp_path, a="7"))
    assert "from 'a', which has the same value" in said


def test_one_row_is_told_as_one(tmp_path):
    source = stoker.open(table(tmp_path, a="7"), label="y").head(1)
    (said,) = told_hopeless(survey(source, role="valid", stored=False), ["a"])
    assert "has the same value in the only row to train on: a model" in said


def test_of_many_columns_the_first_are_named(tmp_path):
    (said,) = told(table(tmp_path, **{f"c{number}": "1" for number in range(9)}))
    assert "'c4' and 4 more, which have" in said


@pytest.mark.parametrize("other", [{"c": "{}.5"}, {"c": "number {}"}])
def test_one_column_that_varies_is_enough(tmp_path, other):
    assert told(table(tmp_path, **SAME, **other)) == []


def test_blanks_among_one_value_may_teach_something(tmp_path):
    path = table(tmp_path, **SAME)
    path.write_text(path.read_text().replace("\n1,", "\n,", 3))
    assert told(path) == []


def test_rows_that_are_not_trained_on_make_no_difference(tmp_path):
    path = table(tmp_path, a="1")
    path.write_text(path.read_text() + "2,1\n")
    feed = stoker.Feed(stoker.open(path, label="y").head(120)).prepare()
    assert "each of the 120 rows to train on" in told_hopeless(feed.survey, feed.spec.features)[0]


def test_plan_and_train_warn_in_flags_and_the_run_keeps_the_warning(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path, **SAME)
    said = (
        "nothing can be learned from 'a', 'b', which have the same value in each of the 108 rows to train on"
    )
    assert main(["plan", "t.csv", "--label", "y"]) == 0
    assert f"warning {said}: " in (plan := " ".join(capsys.readouterr().out.split()))
    assert "name other columns (--columns, --drop)" in plan
    assert main(["train", "t.csv", "--label", "y", "--epochs", "1", "--run", "run"]) == 0
    assert " ".join(capsys.readouterr().err.split()).count(f"warning {said}") == 1
    assert stoker.load("run").record.warnings[0].startswith(said)
