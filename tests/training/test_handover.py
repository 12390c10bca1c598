from __future__ import annotations

import weakref

import numpy as np
import pytest
from memory_feed import MemoryFeed, make_feed

from stoker.errors import DataError
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts


def handover_of(feed: MemoryFeed, events: list[str] | None = None) -> Handover:
    noted = [] if events is None else events
    return Handover(feed, wait_for=lambda result: noted.append(f"result {result}"), interrupts=Interrupts())


def test_batches_come_in_order_and_the_epoch_ends():
    handover = handover_of(make_feed(rows=20, shuffle=False))
    handover.begin(0)
    assert [handover.take().size for _ in range(3)] == [8, 8, 4]
    with pytest.raises(StopIteration):
        handover.take()


def test_fetching_pulls_what_a_step_takes_and_never_beyond_the_epoch():
    feed = make_feed(rows=20)
    handover = handover_of(feed)
    handover.begin(0)
    handover.fetch(2)
    assert feed.streams[0].next == 2
    handover.fetch(2)
    assert feed.streams[0].next == 2
    handover.take()
    handover.fetch(32)
    assert feed.streams[0].next == 3


def test_the_stream_is_closed_with_its_last_batch():
    feed = make_feed(rows=20)
    handover = handover_of(feed)
    handover.begin(0)
    handover.fetch(3)
    assert feed.open_streams == 0
    assert handover.take().size == 8


def test_an_empty_queue_waits_for_the_last_result_before_the_clock_starts():
    events: list[str] = []
    feed = make_feed(always_ready=False, before=lambda epoch, batch: events.append(f"pull {batch}"))
    handover = handover_of(feed, events)
    handover.begin(0)
    handover.fetch(1, "none yet")
    handover.take()
    handover.fetch(1, "of step 1")
    assert events == ["result none yet", "pull 0", "result of step 1", "pull 1"]
    assert handover.wait_seconds > 0


def test_while_kernels_are_compiled_nobody_waits_for_data(monkeypatch):
    """Which is done once after an installation, and tells nothing of the disk."""
    passed, now = [0.0], [100.0]

    def compile_for_long(epoch: int, batch: int) -> None:
        now[0] += 0.75
        passed[0] += 0.5

    monkeypatch.setattr("stoker.training.handover.compiled_seconds", lambda: passed[0])
    monkeypatch.setattr("stoker.training.handover.time.perf_counter", lambda: now[0])
    handover = handover_of(make_feed(always_ready=False, before=compile_for_long))
    handover.begin(0)
    handover.take()
    assert (handover.compile_seconds, handover.wait_seconds) == (0.5, 0.25)


def test_a_full_queue_waits_for_nothing():
    events: list[str] = []
    handover = handover_of(make_feed(), events)
    handover.begin(0)
    handover.fetch(1, "result")
    assert not events
    assert handover.wait_seconds == 0


def test_no_more_than_two_steps_wait_to_be_computed():
    """JAX queues 32 steps, and holds their batches."""
    events: list[str] = []
    handover = handover_of(make_feed(rows=48), events)
    handover.begin(0)
    for step in range(6):
        handover.fetch(1, f"of step {step - 1}" if step else None)
        handover.take()
    assert events == ["result of step 0", "result of step 1", "result of step 2"]


def test_results_are_not_kept_behind_the_last_step():
    result = np.zeros(3)
    handover = handover_of(make_feed(rows=48))
    handover.begin(0)
    handover.fetch(1, result)
    gone = weakref.ref(result)
    del result
    handover.close()
    assert gone() is None


def test_an_epoch_may_begin_in_its_middle():
    feed = make_feed(rows=48)
    handover = handover_of(feed)
    handover.begin(3, start_batch=4)
    handover.take()
    assert (feed.streams[0].number, feed.streams[0].next) == (3, 5)


def test_beginning_an_epoch_forgets_the_one_before():
    feed = make_feed(rows=48)
    handover = handover_of(feed)
    handover.begin(0)
    handover.fetch(3)
    handover.begin(1)
    assert feed.open_streams == 0
    assert handover.take().position.epoch == 1


def test_an_epoch_that_was_opened_ahead_is_the_one_that_is_served():
    feed = make_feed(rows=48)
    handover = handover_of(feed)
    handover.begin(0)
    handover.fetch(6)
    assert handover.all_fetched
    handover.open_ahead(1)
    handover.begin(1)
    assert handover.take().position.epoch == 1
    assert len(feed.streams) == 2


@pytest.mark.parametrize("then", [lambda handover: handover.close(), lambda handover: handover.begin(5)])
def test_an_epoch_that_was_opened_ahead_and_is_not_wanted_is_closed(then):
    feed = make_feed(rows=48)
    handover = handover_of(feed)
    handover.open_ahead(1)
    then(handover)
    assert feed.open_streams == 0


def test_the_error_is_kept_with_its_cause_and_raised_once_more():
    cause = KeyError("inner")

    def fail(epoch: int, batch: int) -> None:
        raise DataError("bad") from cause

    handover = handover_of(make_feed(before=fail))
    handover.begin(0)
    with pytest.raises(DataError) as first:
        handover.fetch(1)
    first.value.__cause__ = None
    with pytest.raises(DataError, match="bad") as second:
        handover.raise_failure()
    assert second.value.__cause__ is cause
    handover.raise_failure()


def test_digests_add_up_over_the_batches_whose_step_was_taken_modulo_two_to_the_128():
    class Digested(MemoryFeed):
        def epoch(self, epoch: int, start_batch: int = 0):
            stream = super().epoch(epoch, start_batch)
            words = np.array([2**64 - 1, 2**64 - 1, 5, 1], np.uint64)
            stream.extra = {"digest_words": words}
            return stream

    plain = make_feed(rows=20)
    handover = handover_of(Digested(x=plain.x, y=plain.y, spec=plain.spec))
    handover.begin(0)
    handover.fetch(3)
    handover.take()
    assert handover.digests == (0, 0)
    handover.finish(1)
    assert handover.digests == (2**128 - 1, 5 + 2**64)
    handover.take()
    handover.finish(1)
    assert handover.digests == (2**128 - 2, 2 * (5 + 2**64))
