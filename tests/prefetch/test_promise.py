"""A promise is a result that another stage's thread waits for."""

from __future__ import annotations

import threading

import pytest

from stoker.prefetch import prefetch


@pytest.mark.timeout(30)
def test_a_promise_is_made_before_the_result_is_there_and_kept_in_order():
    release = threading.Event()

    def double(number):
        release.wait(10)
        return 2 * number

    with prefetch(double, range(3), workers=2, in_flight=1, name="double") as results:
        promises = [results.promise() for _ in range(3)]
        release.set()
        assert [promise() for promise in promises] == [0, 2, 4]
        assert promises[0]() == 0


def test_without_workers_a_promise_computes_its_result():
    with prefetch(abs, [-3], workers=0, in_flight=1, name="abs") as results:
        assert results.promise()() == 3


def test_a_promise_keeps_an_exception_with_its_type():
    with prefetch(int, ["1", "one"], workers=1, in_flight=2, name="int") as results:
        assert results.promise()() == 1
        with pytest.raises(ValueError, match="one"):
            results.promise()()
