"""What Ray Data leaves running behind a stream, and what is said of processes that are lost, without Ray."""

from __future__ import annotations

import logging
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from stoker.cli.noting import losses_noted
from stoker.cluster import streaming
from stoker.training.progress import Display


class Executor(threading.Thread):
    """Ends when somebody waits for it, if at all."""

    def __init__(self, *, ends: bool) -> None:
        super().__init__(daemon=True, name="executor")
        self.ends, self.asked = ends, threading.Event()

    def run(self) -> None:
        self.asked.wait(60)

    def join(self, timeout: float | None = None) -> None:
        if self.ends:
            self.asked.set()
        super().join(timeout)


@pytest.fixture
def of_ray_data(monkeypatch):
    monkeypatch.setattr(Executor, "__module__", "ray.data._internal.execution.streaming_executor")


def test_what_executes_is_waited_for_and_what_only_fetches_is_not(of_ray_data):
    fetched = threading.Event()
    fetcher = threading.Thread(target=fetched.wait, args=(60,), daemon=True)
    with streaming._executors_ended():
        executor = Executor(ends=True)
        executor.start()
        fetcher.start()
    assert (executor.is_alive(), fetcher.is_alive()) == (False, True)
    fetched.set()
    fetcher.join()


def test_what_takes_results_over_is_waited_for_and_what_has_blocks_fetched_ahead_is_not(monkeypatch):
    taken = threading.Event()

    class Ahead:
        def run(self) -> None:
            taken.wait(60)

    def take_over() -> None:
        time.sleep(0.05)
        taken.wait(0.05)

    for each in (Ahead.run, take_over):
        monkeypatch.setattr(each, "__module__", "ray.data._internal.block_batching.util")
    ahead = threading.Thread(target=Ahead().run, daemon=True)
    taking = threading.Thread(target=take_over, daemon=True)
    with streaming._executors_ended():
        ahead.start()
        taking.start()
    assert (taking.is_alive(), ahead.is_alive()) == (False, True)
    taken.set()
    ahead.join()


def test_what_does_not_end_is_told(of_ray_data, monkeypatch):
    monkeypatch.setattr(streaming, "_END_SECONDS", 0.01)
    executor = Executor(ends=False)
    with pytest.warns(UserWarning, match="Ray Data's executor has not ended"), streaming._executors_ended():
        executor.start()
    executor.asked.set()
    executor.join()


class Noted(Display):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def note(self, name: str, text: str) -> None:
        self.seen.append(f"{name}: {text}")


@pytest.fixture
def losses(monkeypatch):
    """What says of losses, and the counts that it goes by; each answer is there at once, or at the end."""
    begun = streaming._Begun()
    actor = SimpleNamespace(lost=SimpleNamespace(remote=lambda wanted: lambda: begun.lost(wanted)))
    here = SimpleNamespace(wait=lambda answers, timeout: (answers if begun.answers else [], []))
    begun.answers = True
    monkeypatch.setitem(sys.modules, "ray", here)
    monkeypatch.setattr(streaming, "heard", lambda answer: answer())
    return streaming._Losses(actor, 2), begun


def test_each_loss_is_said_once_and_processes_that_are_wanted_are_none(losses):
    found, begun = losses
    display = Noted()
    with losses_noted(display):
        for what in ("read", "work", "work"):
            begun.again(what)
        found.look()
        assert display.seen == []
        begun.again("work")
        found.look()
        found.look()
        assert display.seen == ["hosts: a process was lost: its work is done again"]
        begun.again("work"), begun.again("read")
        found.look()
    assert display.seen[1:] == ["hosts: 2 processes were lost: their work is done again"]
    assert not logging.getLogger("stoker.hosts").handlers


def test_nobody_waits_for_the_count_but_at_the_end(losses, caplog):
    found, begun = losses
    begun.answers = False
    for _ in range(3):
        begun.again("work")
    found.look()
    assert not caplog.messages
    found.look(waits=True)
    assert caplog.messages == ["a process was lost: its work is done again"]
