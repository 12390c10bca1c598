"""Daemon threads: exceptions in position, and an end that nothing can hold up."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest

from left_behind import no_thread_is_left
from stoker.prefetch import prefetch
from stoker.prefetch.threads import Threads
from waiting import until

pytestmark = pytest.mark.timeout(30)


def test_no_more_threads_are_started_than_there_are_jobs():
    with no_thread_is_left():
        threads = Threads(8, name="few", within=20.0)
        assert threads.submit(abs, -1).result(20) == 1
        assert [each.name for each in threading.enumerate() if "few" in each.name] == ["stoker-few-0"]
        threads.close()


def test_threads_end_when_nobody_refers_to_them_any_more():
    with no_thread_is_left():
        threads = Threads(2, name="collected", within=20.0)
        threads.submit(abs, -1).result(20)
        del threads


def test_an_interrupt_while_a_thread_is_started_hides_behind_no_other_error(monkeypatch):
    real = threading.Event.wait

    def interrupted(event, timeout=None):  # `Thread.start` waits until the thread has begun
        monkeypatch.setattr(threading.Event, "wait", real)
        raise KeyboardInterrupt

    with prefetch(abs, [-1, -2], workers=2, in_flight=2, name="begun") as results:
        monkeypatch.setattr(threading.Event, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(results)
    until(lambda: not any("stoker-begun" in each.name for each in threading.enumerate()))


def test_a_thread_that_was_never_begun_is_not_waited_for(monkeypatch):
    def interrupted(thread):
        raise KeyboardInterrupt

    threads = Threads(2, name="never", within=20.0)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            threads.submit(abs, -1)
    begun = time.monotonic()
    threads.close()
    assert time.monotonic() - begun < 10


def test_what_has_not_begun_is_cancelled_at_the_end():
    release = threading.Event()
    threads = Threads(1, name="cancel", within=20.0)
    running, waiting = threads.submit(lambda _: release.wait(20), 1), threads.submit(abs, -1)
    until(running.running)
    waiting.add_done_callback(lambda _: release.set())
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
    begun, wake = threading.Event(), threading.Event()

    def sleep(_):
        begun.set()
        wake.wait()

    results = prefetch(sleep, ["batch 7"], workers=1, in_flight=1, name="i", close_within=0.2)
    results.start()
    until(begun.is_set)
    with caplog.at_level(logging.WARNING, logger="stoker"):
        results.close()  # and not only at the limit of this test
    assert "1 of its threads did not end" in caplog.text
    assert "batch 7" in caplog.text
    wake.set()


SLEEPER = """
import logging, threading, time
from stoker.prefetch import prefetch

begun = threading.Event()
def sleep(seconds):
    begun.set()
    time.sleep(seconds)

logging.basicConfig()
results = prefetch(sleep, [3600], workers=1, in_flight=1, name="sleep", close_within={within})
results.start()
assert begun.wait(20)
{then}
"""


@pytest.mark.parametrize("then", ["results.close()", "", "raise SystemExit(0)"])
def test_the_interpreter_exits_although_a_task_sleeps_for_ever(then):
    code = SLEEPER.format(within=0.2, then=then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=25)
    assert done.returncode == 0
    assert "left behind" in done.stderr
