"""What processes that train together settle between two steps."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from stoker.group import ALONE, Group
from stoker.training.interrupts import Interrupts
from stoker.training.meeting import Meeting

pytestmark = pytest.mark.timeout(20)


class Counts:
    """Of a handover."""

    def __init__(self, digests: tuple[int, int], rows: int, waited: float) -> None:
        self.digests, self.rows, self.wait_seconds = digests, rows, waited


class Others(Group):
    """A group in which the others say what they are told to."""

    def __init__(self, rank: int, *others: tuple[int, ...]) -> None:
        super().__init__(rank, len(others) + 1)
        self._others = list(others)

    def words(self, values: Any) -> list[tuple[int, ...]]:
        return [*self._others[: self.rank], tuple(values), *self._others[self.rank :]]


def met(group: Group, counts: Counts, interrupts: Interrupts | None = None) -> Any:
    model = SimpleNamespace(stop_training=False)
    Meeting(group, model, counts, interrupts or Interrupts(agreed=True)).hold()
    return model


QUIET = (0, 0, 0, 0, 0, 0, 0, 0)


def test_the_first_one_takes_over_what_the_others_counted():
    counts = Counts((2**128 - 1, 5), 16, 0.5)

    met(Others(0, (0, 1, 2, 0, 15, 750_000, 0, 0)), counts)

    assert counts.digests == (0, 5 + 2 * 2**64)
    assert (counts.rows, counts.wait_seconds) == (31, 0.75)


def test_the_others_hand_over_what_they_counted_and_begin_anew():
    counts = Counts((3, 5), 16, 0.5)

    met(Others(1, QUIET), counts)

    assert (counts.digests, counts.rows, counts.wait_seconds) == ((0, 0), 0, 0.0)


def test_what_was_counted_is_handed_over_once():
    counts, group = Counts((3, 5), 16, 0.5), Others(0, QUIET)
    meeting = Meeting(group, SimpleNamespace(stop_training=False), counts, Interrupts(agreed=True))

    meeting.hold()
    meeting.hold()

    assert (counts.digests, counts.rows, counts.wait_seconds) == ((3, 5), 16, 0.5)


def test_counts_of_a_run_that_goes_on_are_the_first_ones():
    first, other = Counts((3, 5), 16, 2.0), Counts((3, 5), 16, 2.0)
    for rank, counts in enumerate((first, other)):
        model, interrupts = SimpleNamespace(stop_training=False), Interrupts(agreed=True)
        Meeting(Others(rank, QUIET), model, counts, interrupts).go_on()

    assert (first.rows, first.wait_seconds) == (16, 2.0)
    assert (other.digests, other.rows, other.wait_seconds) == ((0, 0), 0, 0.0)


def test_a_signal_of_anybody_stops_all_and_none_before():
    interrupts = Interrupts(agreed=True)
    interrupts.check()
    assert not interrupts.is_pending

    met(Others(0, (0, 0, 0, 0, 0, 0, int(signal.SIGINT), 0)), Counts((0, 0), 0, 0.0), interrupts)

    assert interrupts.is_pending
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_ctrl_c_waits_until_all_have_met():
    with Interrupts(agreed=True) as interrupts:
        signal.raise_signal(signal.SIGINT)
        with interrupts.immediate():
            interrupts.check()
        met(Others(0, QUIET), Counts((0, 0), 0, 0.0), interrupts)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_second_ctrl_c_waits_for_nobody():
    with Interrupts(agreed=True):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_whoever_stops_stops_all():
    assert met(Others(0, (0, 0, 0, 0, 0, 0, 0, 1)), Counts((0, 0), 0, 0.0)).stop_training


def test_somebody_outside_may_ask_to_stop():
    group, interrupts = Others(0, QUIET), Interrupts(agreed=True)
    group.asked = lambda: int(signal.SIGINT)

    met(group, Counts((0, 0), 0, 0.0), interrupts)

    assert interrupts.is_pending


def test_who_trains_by_itself_meets_nobody():
    counts = Counts((3, 5), 16, 0.5)
    meeting = Meeting(ALONE, SimpleNamespace(stop_training=False), counts, Interrupts())

    meeting.hold()

    assert not meeting.is_shared
    assert (counts.digests, counts.rows, counts.wait_seconds) == ((3, 5), 16, 0.5)


def test_they_meet_about_four_times_a_second_or_when_something_is_due(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    meeting = Meeting(ALONE, SimpleNamespace(), Counts((0, 0), 0, 0.0), Interrupts())

    for now[0], look in [(0.01, 12), (0.02, 14), (0.03, 18), (0.3, 18), (1.0, 14)]:
        assert meeting.next_look(10, 1_000) == look
    assert meeting.next_look(10, 11) == 11
