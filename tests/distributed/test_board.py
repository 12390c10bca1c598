"""What the first host finds out is told to all that train with it, or why it cannot be."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from stoker.distributed import board
from stoker.distributed.board import Boards
from stoker.distributed.desk import Desk
from stoker.errors import DataError, WorkerError


class Actor:
    """A desk whose methods are called as an actor's."""

    def __init__(self) -> None:
        self.desk = Desk()

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=getattr(self.desk, name))


@pytest.fixture
def actor(monkeypatch: pytest.MonkeyPatch) -> Actor:
    plain = SimpleNamespace(put=lambda value: value, get=lambda reference, timeout: reference)
    monkeypatch.setitem(sys.modules, "ray", plain)
    return Actor()


def refuse() -> Any:
    raise AssertionError("who does not lead is not asked")


def test_only_the_first_is_asked_and_all_know(actor):
    hosts = [Boards(actor, rank, 3, 0) for rank in range(3)]

    assert hosts[0].told("survey", lambda: {"rows": 3}) == {"rows": 3}
    assert hosts[0].told("rows", lambda: 7) == 7
    assert [host.told("survey", refuse) for host in hosts[1:]] == [{"rows": 3}] * 2
    assert [host.told("rows", refuse) for host in hosts[1:]] == [7, 7]
    assert actor.desk.posted("survey, 1 in attempt 0") == (None, 0)


def test_the_second_of_two_answers_about_the_same_is_not_the_first(actor):
    first, second = (Boards(actor, rank, 2, 0) for rank in range(2))

    assert [first.told("texts", lambda value=value: value) for value in (1, 2)] == [1, 2]
    assert [second.told("texts", refuse) for _ in range(2)] == [1, 2]


def test_what_ends_the_first_ends_all(actor):
    first, second = (Boards(actor, rank, 2, 0) for rank in range(2))

    def fail() -> int:
        raise DataError("train.csv, line 7: no number")

    for host in (first, second):
        with pytest.raises(DataError, match=r"^train.csv, line 7: no number$"):
            host.told("survey", fail)


def test_a_first_host_that_is_silent_is_told(actor, monkeypatch):
    monkeypatch.setattr(board, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(board, "_SILENT_SECONDS", 0.01)

    with pytest.raises(WorkerError, match="the first host has been silent for 0 seconds"):
        Boards(actor, 1, 2, 0).told("survey", refuse)
