"""Chunks that the workers draw themselves come in turn, and nobody waits for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stoker.survey.drawing import Drawing

pytestmark = pytest.mark.timeout(30)


def test_each_turn_gets_the_item_of_its_number_whoever_comes_first():
    drawing = Drawing(iter(range(50)), lambda item: item)
    with ThreadPoolExecutor(8) as pool:
        late_first = [pool.submit(drawing, turn) for start in range(0, 56, 8) for turn in _reversed(start)]
        found = sorted((future.result() for future in late_first[:48]), key=int)
    assert found == list(range(48))


def _reversed(start: int) -> list[int]:
    return list(range(start, start + 8))[::-1]


def test_two_threads_never_draw_at_once_and_work_at_once():
    drawn, both = threading.Lock(), threading.Barrier(2, timeout=10)

    def items():
        while True:
            assert drawn.acquire(blocking=False)
            drawn.release()
            yield 1

    drawing = Drawing(items(), lambda item: both.wait() >= 0)
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(drawing, range(10)))


def test_what_fails_in_drawing_is_the_turns_own_and_the_later_ones_get_nothing():
    def items():
        yield "first"
        raise ValueError("torn")

    drawing = Drawing(items(), str.upper)
    assert drawing(0) == "FIRST"
    with pytest.raises(ValueError, match="torn"):
        drawing(1)
    assert drawing(2) is None
    assert drawing(7) is None


def test_a_turn_that_never_comes_is_waited_for_until_the_interrupt():
    drawing = Drawing(iter("ab"), str.upper)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(drawing, 1)
        assert not waiting.done()
        drawing.interrupt()
        assert waiting.result(timeout=10) is None


def test_closing_closes_the_items_once():
    closed = []

    def items():
        try:
            yield from "ab"
        finally:
            closed.append(True)

    drawing = Drawing(items(), str.upper)
    assert drawing(0) == "A"
    drawing.close()
    drawing.close()
    assert closed == [True]
    assert drawing(1) is None
