"""Results come in order, bounded, with exceptions in their place, and nothing is left behind."""

from __future__ import annotations

import ctypes
import threading
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import OptionError, WorkerError
from stoker.prefetch import prefetch, threads
from waiting import Told, until


def threads_named(name: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(f"stoker-{name}")]


@settings(max_examples=examples(40))
@given(count=st.integers(0, 30), workers=st.integers(0, 4), in_flight=st.integers(1, 8))
def test_results_come_in_the_order_of_their_tasks(count, workers, in_flight):
    with prefetch(lambda n: n * n, range(count), workers=workers, in_flight=in_flight, name="t") as results:
        assert list(results) == [n * n for n in range(count)]


def test_no_more_tasks_are_drawn_than_the_bound_allows():
    drawn = []

    def tasks():
        for number in range(100):
            drawn.append(number)
            yield number

    with prefetch(lambda n: n, tasks(), workers=2, in_flight=3, name="bound") as results:
        next(results)
        assert len(drawn) <= 4


def test_nothing_starts_before_the_first_result_is_asked_for():
    drawn = []
    results = prefetch(drawn.append, range(3), workers=1, in_flight=2, name="lazy")
    assert not threads_named("lazy")
    assert not drawn
    results.close()


def test_an_exception_arrives_in_its_place_with_its_own_type():
    def divide(number):
        return 6 // number

    results = prefetch(divide, [3, 2, 0, 1], workers=2, in_flight=4, name="fault")
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []
    assert not threads_named("fault")


def test_a_failing_task_iterator_fails_after_the_good_results():
    def tasks():
        yield 1
        yield 2
        raise KeyError("no more")

    results = prefetch(lambda n: n, tasks(), workers=2, in_flight=8, name="tasks")
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(KeyError, match="no more"):
        next(results)


def test_a_timeout_error_of_the_function_is_not_mistaken_for_a_wait():
    def late(_):
        raise TimeoutError("the device did not answer")

    with (
        prefetch(late, [1], workers=1, in_flight=1, name="late", tell_after=60) as results,
        pytest.raises(TimeoutError, match="device"),
    ):
        next(results)


def test_closing_ends_every_thread_and_closes_the_tasks():
    closed = []

    def tasks():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    results = prefetch(lambda n: n, tasks(), workers=3, in_flight=3, name="closing")
    next(results)
    results.close()
    results.close()
    assert closed == [True]
    assert not threads_named("closing")
    assert list(results) == []


def test_a_long_wait_is_told():
    with (
        Told() as told,
        prefetch(
            told.of, ["slow disk"], workers=1, in_flight=1, name="slow disk", tell_after=0.05
        ) as results,
    ):
        said = next(results)
    assert said.startswith(
        "still waiting for slow disk after N s: its task 'slow disk' is not done yet, and 1 thread works"
    )


def test_ready_tells_whether_the_next_result_can_be_had_at_once():
    release = threading.Event()
    with prefetch(lambda _: release.wait(20), [1], workers=1, in_flight=1, name="ready") as results:
        assert not results.ready()
        release.set()
        assert next(results) is True
        assert results.ready()


@pytest.mark.parametrize(("workers", "in_flight", "name"), [(-1, 1, "workers"), (1, 0, "in_flight")])
def test_impossible_bounds_are_refused_by_name(workers, in_flight, name):
    with pytest.raises(OptionError, match=name):
        prefetch(abs, [], workers=workers, in_flight=in_flight, name="x")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_function_that_raises_stop_iteration_does_not_end_the_results_in_silence(workers):
    def stop(_):
        raise StopIteration

    results = prefetch(stop, [1, 2], workers=workers, in_flight=2, name="stop")
    with pytest.raises(WorkerError, match="'stop' raised StopIteration"):
        next(results)


@pytest.mark.timeout(20)
def test_the_end_of_every_thread_is_noticed():
    def end_this_thread(_):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(threading.get_ident()), ctypes.py_object(SystemExit)
        )

    with (
        prefetch(end_this_thread, iter(range(9)), workers=1, in_flight=3, name="mortal") as results,
        pytest.raises((WorkerError, SystemExit)),
    ):
        list(results)


@pytest.mark.timeout(30)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_job_whose_thread_is_gone_is_an_error_that_names_stage_and_task(monkeypatch):
    monkeypatch.setattr(threads, "_run", lambda job: sys_exit_of_a_thread())
    with (
        prefetch(abs, ["the task"], workers=2, in_flight=1, name="gone") as results,
        pytest.raises(WorkerError, match="'gone' lost the thread that was to compute 'the task'"),
    ):
        next(results)


def sys_exit_of_a_thread():
    raise SystemExit  # which a thread takes as its end


@pytest.mark.timeout(30)
def test_what_a_function_is_at_is_told_with_a_long_wait():
    class Slow:
        def __call__(self, _):
            return told.of("process 4711 computes batch 3")

        def at_work(self):
            return "process 4711 computes batch 3"

    with (
        Told() as told,
        prefetch(Slow(), [1], workers=1, in_flight=1, name="slow", tell_after=0.05) as results,
    ):
        assert next(results).startswith("still waiting for slow ")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("explicitly", [True, False])
def test_a_function_that_can_be_interrupted_is_not_waited_for(explicitly):
    class Endless:
        def __init__(self):
            self.running, self.stop = threading.Event(), threading.Event()

        def __call__(self, _):
            self.running.set()
            self.stop.wait()

        def interrupt(self):
            self.stop.set()

    function = Endless()
    results = prefetch(function, [1, 2, 3], workers=1, in_flight=2, name="endless", close_within=60)
    results.start()
    assert function.running.wait(20)
    if explicitly:
        results.close()
    del results
    assert function.stop.is_set()
    assert not threads_named("endless")


@pytest.mark.timeout(30)
def test_results_that_were_taken_are_not_kept_alive():
    class Batch:
        pass

    with prefetch(lambda _: Batch(), range(3), workers=1, in_flight=1, name="kept") as results:
        last = weakref.ref(next(results))
        until(lambda: last() is None)


@settings(max_examples=examples(40))
@given(count=st.integers(0, 30), workers=st.integers(0, 3), in_flight=st.integers(1, 8))
def test_a_consumer_that_helps_gets_the_same_results(count, workers, in_flight):
    def square(number):
        return number * number

    with prefetch(
        square, range(count), workers=workers, in_flight=in_flight, name="help", helping=True
    ) as results:
        assert list(results) == [number * number for number in range(count)]


@pytest.mark.timeout(30)
def test_a_consumer_that_helps_is_one_of_the_workers():
    begun = threading.Barrier(2, timeout=20)

    def meet(_):
        begun.wait()
        return threading.current_thread().name

    with prefetch(meet, range(2), workers=2, in_flight=2, name="meet", helping=True) as results:
        assert set(results) == {"stoker-meet-0", threading.main_thread().name}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_what_happens_while_the_consumer_helps_is_raised_in_its_place_but_an_interrupt_at_once(error):
    begun, helped = threading.Event(), threading.Event()

    def compute(number):
        if threading.current_thread() is threading.main_thread():
            helped.set()
            raise error
        begun.set()
        assert helped.wait(20)
        return number

    results = prefetch(compute, range(2), workers=2, in_flight=2, name="raise", helping=True)
    results.start()
    assert begun.wait(20)  # so that the second is left for the consumer
    if error is ZeroDivisionError:
        assert next(results) == 0
    with pytest.raises(error):
        next(results)
    assert not threads_named("raise")
