"""Processes that train together, here threads: what one says, all hear."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from stoker.group import ALONE, Group, current, joined

pytestmark = pytest.mark.timeout(20)


def together(count: int, act: Callable[[Group], Any]) -> list[Any]:
    """What each of so many members comes to."""
    frames: list[Any] = [None] * count
    barrier = threading.Barrier(count, timeout=10)

    def exchange(rank: int, frame: Any) -> Any:
        frames[rank] = frame
        barrier.wait()
        found = np.stack(frames)
        barrier.wait()
        return found

    groups = [Group(rank, count, lambda frame, rank=rank: exchange(rank, frame)) for rank in range(count)]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, groups))


def test_each_hears_what_all_say_in_order_of_rank():
    found = together(3, lambda group: group.gather(bytes([group.rank]) * group.rank))

    assert found == [[b"", b"\x01", b"\x02\x02"]] * 3


@pytest.mark.parametrize("length", [0, 247, 248, 249, 100_000])
def test_messages_may_have_any_length_and_others_another(length):
    found = together(2, lambda group: group.gather(b"x" * length if group.is_first else b"short"))

    assert found == [[b"x" * length, b"short"]] * 2


def test_the_first_one_is_asked_and_the_others_are_told():
    asked = []

    def act(group: Group) -> Any:
        return group.told(lambda: asked.append(group.rank) or {"next": 7})

    assert together(3, act) == [{"next": 7}] * 3
    assert asked == [0]


def test_words_go_up_to_64_bits():
    most = 2**64 - 1

    assert together(2, lambda group: group.words([most - group.rank, 0])) == [[(most, 0), (most - 1, 0)]] * 2


def test_who_is_alone_hears_itself_and_exchanges_nothing():
    assert (ALONE.gather(b"a"), ALONE.told(lambda: 3), ALONE.words([4])) == ([b"a"], 3, [(4,)])


def test_a_group_is_the_current_one_while_it_is_joined():
    with joined(Group(1, 2)) as group:
        assert current() is group

    assert current() is ALONE


def test_a_rank_is_below_the_count():
    with pytest.raises(ValueError, match=r"rank must lie in \[0, 2\), got 2"):
        Group(2, 2)
