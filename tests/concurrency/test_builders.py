"""Two processes that survey or cache one file do not disturb each other; a killed one is in nobody's way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import stoker

# Stops, with a word, where the file is half read or half written, until somebody writes a line or kills it.
PROGRAM = """
import json, sys
import numpy as np
import stoker
path, cache, stops = sys.argv[1], sys.argv[2], sys.argv[3] == "stop"
stopped = False

def stop(done, total):
    global stopped
    if stops and not stopped and done:
        stopped = True
        print("half", flush=True)
        sys.stdin.readline()

rows = stoker.open(path, label="y")
feed = stoker.Feed(rows, batch_size=64, memory="8MB", cache=cache, workers=2, epochs=2)
if cache == "never":
    feed.prepare(stop)
else:
    feed.prepare()
    feed.build_cache(stop)
total = [0, 0]
for batch in feed.epoch(0):
    total[0] += batch.size
    total[1] = (total[1] + batch.order_digest) % 2**128
feed.close()
print(json.dumps(total), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    rows = "".join(f"{row % 2},{row % 300},{row * 7},{row % 11}\n" for row in range(60_000))
    (folder / "t.csv").write_text("y,a,b,c\n" + rows)
    return folder / "t.csv"


@pytest.fixture(params=["never", pytest.param("always", marks=pytest.mark.slow)])
def cache(request, path: Path) -> str:
    """Whether rows are surveyed, or cached by a survey that is there."""
    if request.param == "always":
        stoker.Feed(stoker.open(path, label="y"), memory="8MB", cache="never").prepare().close()
    return request.param


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen]]:
    """Processes, none of which outlives its test."""
    every: list[subprocess.Popen] = []
    yield every
    for each in every:
        each.kill()
        each.communicate()


@pytest.fixture
def begin(started: list[subprocess.Popen], path: Path) -> Callable[..., subprocess.Popen]:
    """Have another process survey or cache the file."""

    def begun(cache: str, *, stop: bool) -> subprocess.Popen:
        command = [sys.executable, "-c", PROGRAM, str(path), cache, "stop" if stop else "go"]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    return begun


def result(process: subprocess.Popen) -> list[int]:
    out, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


def half_way(process: subprocess.Popen) -> None:
    assert process.stdout.readline() == "half\n"


def unfinished(path: Path) -> list[str]:
    return sorted(each.name for each in (path.parent / ".stoker").glob(".building-*"))


def kept(path: Path) -> list[str]:
    """Surveys and caches beside the data."""
    names = [each.name for each in (path.parent / ".stoker").iterdir() if not each.name.startswith(".")]
    return sorted("cache" if name.startswith("rows-") else "survey" for name in names)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_of_two_builders_at_once_both_end_well_and_one_work_is_left(path, cache, begin):
    others = [begin(cache, stop=True), begin(cache, stop=True)]
    for other in others:
        half_way(other)
    first, second = map(result, others)
    assert first == second
    assert first[0] == 60_000
    assert kept(path) == (["survey"] if cache == "never" else ["cache", "survey"])
    assert unfinished(path) == []
    assert result(begin(cache, stop=False)) == first


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_builder_does_not_wait_for_one_that_hangs_nor_touch_what_it_builds(path, cache, begin):
    hanging = begin(cache, stop=True)
    half_way(hanging)
    building = unfinished(path)
    began = time.monotonic()
    found = result(begin(cache, stop=False))
    assert time.monotonic() - began < 60
    assert unfinished(path) == building
    assert result(hanging) == found


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_killed_builder_blocks_nobody_and_what_it_left_goes(path, cache, begin):
    killed = begin(cache, stop=True)
    half_way(killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    for name in unfinished(path):  # as an hour later: a moment's grace is for those who have just begun
        os.utime(path.parent / ".stoker" / name, (1, 1))
    found = result(begin(cache, stop=False))
    assert found[0] == 60_000
    assert unfinished(path) == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_second_training_in_a_directory_is_refused_and_harms_nobody(path, started, tmp_path):
    """Through `stoker.fit` itself, new and resumed, while another process trains there."""
    program = """
import sys
import stoker
import stoker.training
import keras
rows = stoker.open(sys.argv[1], label="y").take(range(256))
feed = stoker.Feed(rows, batch_size=64, memory="8MB", cache="never")
model = stoker.models.linear(feed)

class Wait(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if sys.argv[3] == "stop":
            print("half", flush=True)
            sys.stdin.readline()

try:
    resume = sys.argv[4] or False
    stoker.fit(model, feed, run=sys.argv[2], resume=resume, callbacks=[Wait()], progress="none")
except stoker.errors.RunError as error:
    print("refused", error, flush=True)
else:
    print("trained", flush=True)
"""

    def train(*words: str) -> subprocess.Popen:
        command = [sys.executable, "-c", program, str(path), str(tmp_path / "run"), *words]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    first = train("stop", "")
    half_way(first)
    for resume in ("", "auto"):
        out, _ = train("go", resume).communicate("\n", timeout=60)
        assert out.startswith("refused ")
        assert f"is being trained in, by process {first.pid} on " in out
    out, _ = first.communicate("\n", timeout=60)
    assert out == "trained\n"
    assert not (tmp_path / "run" / ".lock").exists()
    assert stoker.rundir.RunDirectory(tmp_path / "run").read().outcome.status == "finished"
