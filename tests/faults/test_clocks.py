"""Clocks that are set back: intervals are measured by clocks that nobody can set."""

from __future__ import annotations

import ast
import datetime
import itertools
import os
import time
from pathlib import Path

import numpy as np
import pytest
from faulty import feed_of

import stoker
from stoker import folders

SOURCES = Path(stoker.__file__).parent
TIMES_OF_DAY = {"time", "time_ns", "localtime", "gmtime", "ctime", "now", "utcnow", "today", "fromtimestamp"}
ALLOWED = {
    "folders.py": "beside a file's own time, and whichever way they differ",
    "training/recording.py": "written to run.json for people",
    "training/capturing.py": "written to a checkpoint for people",
}


def times_of_day(tree: ast.AST) -> list[str]:
    """Calls of what a clock on the wall says, by their names."""
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [
        ast.unparse(function)
        for function in called
        if isinstance(function, ast.Attribute)
        and function.attr in TIMES_OF_DAY
        and ast.unparse(function.value) in ("time", "datetime", "datetime.datetime", "datetime.date", "date")
    ]


def test_nothing_asks_the_time_of_day_but_to_write_it_down():
    found = {
        path.relative_to(SOURCES).as_posix(): names
        for path in SOURCES.rglob("*.py")
        if (names := times_of_day(ast.parse(path.read_text())))
    }
    assert set(found) == set(ALLOWED), found
    named = [
        path
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        if {alias.name for alias in node.names} & TIMES_OF_DAY
    ]
    assert named == []


@pytest.fixture
def falling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is an hour earlier whenever somebody looks."""
    hours = itertools.count(1)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3_600 * next(hours))
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * (now - 3_600 * next(hours))))


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("falling")
def test_a_run_measures_its_time_and_ends_in_time_all_the_same(table, model):
    feed = feed_of(table)
    trained = model(feed)
    report = stoker.fit(
        trained, feed, validation=feed.derive(table), epochs=2, run="run", progress="none",
        validate_every="1s", max_time="1h", checkpoint_every="1s",
    ).report  # fmt: skip
    assert report.ended == "finished"
    assert 0 <= report.wait_seconds <= report.train_seconds <= report.seconds < 120
    seconds = [epoch.seconds for epoch in stoker.rundir.RunDirectory("run").read().epochs]
    assert len(seconds) == 2
    assert all(0 <= each < 120 for each in seconds)
    assert np.isfinite(trained.get_weights()[0]).all()


def test_what_a_killed_builder_left_is_removed_though_its_time_lies_in_the_future(here):
    tomorrow = time.time() + datetime.timedelta(days=1).total_seconds()
    left = here / ".building-cache-0123456789ab"
    left.mkdir()
    (left / "lock").touch()
    os.utime(left, (tomorrow, tomorrow))
    with folders.staged_folder(here / "other") as being_built:
        os.utime(being_built, (tomorrow, tomorrow))
        folders.clean(here)
        assert being_built.is_dir()
    assert not left.exists()
