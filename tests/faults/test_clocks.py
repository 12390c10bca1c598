"""Clocks that are set back: intervals are measured by clocks that nobody can set."""

from __future__ import annotations

import ast
import datetime
import itertools
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from faulty import feed_of

import stoker
from stoker import folders

SOURCES = Path(stoker.__file__).parent
TIMES_OF_DAY = {"time", "time_ns", "localtime", "gmtime", "ctime", "now", "utcnow", "today", "fromtimestamp"}
CLOCKS = {"time", "datetime", "datetime.datetime", "datetime.date", "date"}
ALLOWED = {
    "folders.py": "beside a file's own time, and whichever way they differ",
    "training/recording.py": "written to run.json for people",
    "training/capturing.py": "written to a checkpoint for people",
}


def times_of_day(text: str) -> list[str]:
    """Where a clock on the wall is asked, or imported by a name that tells nothing any more."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            clock = ast.unparse(node.func.value)
            if node.func.attr in TIMES_OF_DAY and clock in CLOCKS:
                found.append(ast.unparse(node.func))
        elif isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
            found += [alias.name for alias in node.names if alias.name in TIMES_OF_DAY | CLOCKS]
    return found


def test_nothing_asks_the_time_of_day_but_to_write_it_down():
    found = {
        path.relative_to(SOURCES).as_posix(): names
        for path in SOURCES.rglob("*.py")
        if re.search(r"\b(time|datetime)\b", text := path.read_text()) and (names := times_of_day(text))
    }
    assert set(found) == set(ALLOWED), found


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
