"""`stoker plan`."""

from __future__ import annotations

import json
import os
import re

from points import last_json

from stoker.cli import main

SIZE, TIME = r"[\d.]+ (kB|MB)", r"(\d+\.\d|\d+) (s|min)"


PLAN = rf"""
data      points\.csv · {SIZE} · 600 rows
columns   2 int and 1 float · label kind · held as float64
note      column 'id': 540 rows, each with another value, first at points\.csv, line 2 \(row 0\): --drop id
task      binary: the label has two values \(--task overrides\)
classes   no, yes
rows      540 to train on, 60 to validate on \(held out, 10 %\)
order     block: blocks of 12 rows, shuffled in windows of 768 · 3 steps of 256 rows an epoch · seed 0
memory    {SIZE} of 8 MB: row places {SIZE}, windows {SIZE}, batches {SIZE}
disk      cache of {SIZE}: asked for
workers   \d+ threads? a stage, \d windows and \d+ groups of batches ahead
time      survey {TIME} · cache about {TIME} · reading an epoch about {TIME}, 3 at most
"""


def test_the_plan_says_what_is_there_and_what_would_be_done(capsys, table):
    flags = ["--label", "kind", "--epochs", "3", "--memory", "8MB", "--cache", "always"]
    assert main(["plan", os.path.basename(table), *flags]) == 0
    said = capsys.readouterr().out.splitlines()
    for found, expected in zip(said, PLAN.strip().splitlines(), strict=True):
        assert re.fullmatch(expected, found), found


def test_the_plan_warns_of_a_label_that_is_nearly_always_the_same(capsys, tmp_path):
    path = tmp_path / "rare.csv"
    path.write_text("a,y\n" + "".join(f"{row},{int(row % 40 == 0)}\n" for row in range(400)))
    assert main(["plan", str(path), "--label", "y"]) == 0
    assert "always answering 0 scores 97" in capsys.readouterr().out


def test_the_plan_as_json_is_one_line(capsys, table):
    assert main(["plan", table, "--label", "kind", "--json"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert json.loads(said)["plan"]["order"]["num_rows"] == 540


def test_the_plan_trains_nothing_and_writes_no_run(table, tmp_path):
    assert main(["plan", table, "--label", "kind", "--cache", "always", "--quiet"]) == 0
    assert not (tmp_path / "runs").exists()
    assert not list(tmp_path.glob(".stoker/*.arrow"))


def test_a_limit_beyond_the_end_takes_all_rows(capsys, table):
    assert main(["plan", table, "--label", "kind", "--limit", "5000", "--json"]) == 0
    assert last_json(capsys)["rows"] == 540


def test_a_limit_takes_the_first_rows(capsys, table):
    assert main(["plan", table, "--label", "kind", "--limit", "100", "--json"]) == 0
    record = last_json(capsys)
    assert record["rows"] + record["validation_rows"] == 100
