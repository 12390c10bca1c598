"""Daemon threads: exceptions in position, and an end that nothing can hold up."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest

from stoker.prefetch import prefetch
from stoker.prefetch.threads import Threads

pytestmark = pytest.mark.timeout(20)


def test_no_more_threads_are_started_than_there_are_jobs():
    before = threading.active_count()
    threads = Threads(8, name="few", within=5.0)
    assert threads.submit(abs, -1).result(5) == 1
    assert threading.active_count() == before + 1
    threads.close()
    assert threading.active_count() == before


def test_threads_end_when_nobody_refers_to_them_any_more():
    before = threading.active_count()
    threads = Threads(2, name="collected", within=5.0)
    threads.submit(abs, -1).result(5)
    del threads
    assert threading.active_count() == before


def test_what_has_not_begun_is_cancelled_at_the_end():
    release = threading.Event()
    threads = Threads(1, name="cancel", within=5.0)
    running, waiting = threads.submit(lambda _: release.wait(5), 1), threads.submit(abs, -1)
    while not running.running():
        time.sleep(0.001)
    threading.Timer(0.05, release.set).start()
    threads.close()
    assert running.result(0) is True
    assert waiting.cancelled()


def test_attributes_and_notes_of_an_exception_arrive_with_it():
    class OutOfStockError(Exception):
        def __init__(self, *, part):
            super().__init__("out of stock")
            self.part = part

    def fail(task):
        error = OutOfStockError(part=task)
        error.add_note("reorder")
        raise error

    with (
        prefetch(fail, ["bolt"], workers=1, in_flight=1, name="x") as results,
        pytest.raises(OutOfStockError) as caught,
    ):
        next(results)
    assert (caught.value.part, caught.value.__notes__) == ("bolt", ["reorder"])


def test_a_task_that_sleeps_for_ever_is_named_and_left_behind_at_the_close(caplog):
    wake = threading.Event()
    results = prefetch(lambda _: wake.wait(), ["batch 7"], workers=1, in_flight=1, name="i", close_within=0.2)
    results.start()
    began = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="stoker"):
        results.close()
    assert time.monotonic() - began < 2
    assert "1 of its threads did not end" in caplog.text
    assert "batch 7" in caplog.text
    wake.set()


SLEEPER = """
import logging, time
from stoker.prefetch import prefetch

logging.basicConfig()
results = prefetch(time.sleep, [3600], workers=1, in_flight=1, name="sleep", close_within={within})
results.start()
time.sleep(0.1)
{then}
"""


@pytest.mark.parametrize("then", ["results.close()", "", "raise SystemExit(0)"])
def test_the_interpreter_exits_although_a_task_sleeps_for_ever(then):
    code = SLEEPER.format(within=0.2, then=then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=15)
    assert done.returncode == 0
    assert "left behind" in done.stderr
