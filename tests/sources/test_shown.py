"""What a source prints as: one line that says which files, columns and rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker


@pytest.fixture
def source(here):
    (here / "t.csv").write_text("a,b,w,y\n" + "".join(f"{row},{row % 3},1,{row % 2}\n" for row in range(50)))
    return stoker.open("t.csv", label="y", sample_weight="w")


BEGIN = "<Source t.csv: 2 features 'a', 'b', label 'y', weighed by 'w'"
VIEWS = {
    "all": (lambda rows: rows, ""),
    "split": (lambda rows: rows.split(0.9, seed=7)[1], ", rows of split(0.9, seed=7)[1]"),
    "fold": (lambda rows: list(rows.folds(5))[2][1], ", rows of fold 2 of 5 (seed=0)"),
    "other folds": (lambda rows: list(rows.folds(5))[2][0], ", rows of all but fold 2 of 5 (seed=0)"),
    "shard": (lambda rows: rows.shard(1, 3), ", rows of shard(1, 3)"),
    "take": (lambda rows: rows.take(np.arange(40)), ", rows of 40 chosen ones"),
    "where": (lambda rows: rows.where("a > 10"), ", rows of where('a > 10')"),
    "two steps": (
        lambda rows: rows.split(0.5, seed=1)[0].take([1, 3]),
        ", rows of split(0.5, seed=1)[0], 2 chosen ones",
    ),
}


@pytest.mark.parametrize(("view", "end"), VIEWS.values(), ids=VIEWS.keys())
def test_a_view_is_told_by_its_steps(view, end, source):
    assert repr(view(source)) == f"{BEGIN}{end}>"


def test_many_files_and_columns_are_told_by_some(here):
    names = [f"p{number}" for number in range(784)]
    for file in ("a.csv", "b.csv", "c.csv"):
        (here / file).write_text(",".join(["y", *names]) + "\n" + ",".join("0" * 785) + "\n")
    assert str(stoker.open("?.csv", label="y")) == (
        "<Source a.csv and 2 more: 784 features 'p0', 'p1', 'p2', 'p3', 'p4', …, 'p783', label 'y'>"
    )


def test_what_is_no_file_and_what_a_condition_left_are_told(here):
    frame = pd.DataFrame({"a": [1, 2, 3], "y": [0, 1, 0], "z": [0.5, 1, 2]})
    assert repr(stoker.open(frame, label=["y", "z"])).endswith(": 1 feature 'a', labels 'y', 'z'>")
    pq.write_table(pa.table(frame), here / "t.parquet")
    rows = stoker.open("t.parquet", label="y", where="a > 1")
    assert repr(rows) == "<Source t.parquet: 2 features 'a', 'z', label 'y', rows where a > 1>"


def test_feeds_and_plans_are_told_in_a_line_and_a_look_prepares_nothing(source):
    feed = stoker.Feed(source, batch_size=20)
    assert repr(feed) == f"<Feed of {source!r}, not prepared yet>"
    plan = repr(feed.plan)
    assert plan.startswith("<Plan: block order of 50 rows, seed 0, 3 steps of 20 rows an epoch; ")
    assert "of 1,000,000,000 bytes of memory; no cache: the rows fit into memory; " in plan
    assert "\n" not in plan
    assert repr(feed) == f"<Feed of {source!r}: {plan}>"
    held_out = feed.derive(source.take([1, 2]))
    assert repr(held_out).startswith("<DerivedFeed of <Source t.csv: ")
