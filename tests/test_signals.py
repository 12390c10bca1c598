from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import pytest

from moments import moments
from stoker import signals
from stoker.signals import Held, Taken, Terminated, heeded, raise_for
from waiting import until


@pytest.fixture(autouse=True)
def hang_up_ends_the_process():
    """Under nohup it does not, and whatever is ignored stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_what_would_end_the_process_is_raised(number, code):
    with pytest.raises(Terminated) as caught, Taken(raise_for):
        send(number)
    assert (caught.value.code, caught.value.number) == (code, number)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_ctrl_c_stays_a_keyboard_interrupt():
    with pytest.raises(KeyboardInterrupt), Taken(raise_for):
        send(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_stays():
    sent: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: sent.append(number))
    try:
        with Taken(raise_for):
            send(signal.SIGTERM)
        assert sent == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Taken(raise_for):
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_handler_that_is_set_inside_stays_afterwards():
    def own(number: int, frame: object) -> None: ...

    try:
        with Taken(raise_for):
            signal.signal(signal.SIGTERM, own)
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_one_that_yields_is_taken_over_and_comes_back():
    held: list[int] = []
    with Taken(raise_for, yields=True):
        with Taken(held.append), Taken(raise_for):
            send(signal.SIGTERM)
        assert held == [signal.SIGTERM]
        with pytest.raises(Terminated):
            send(signal.SIGTERM)


def test_outside_of_the_main_thread_nothing_is_taken():
    found: list[object] = []

    def enter() -> None:
        with Taken(raise_for):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_while_it_is_held_is_raised_behind(number):
    done: list[str] = []

    def work() -> None:
        with Taken(raise_for), Held():
            with Held():
                send(number)
                done.append("inner")
            done.append("outer")

    with pytest.raises((KeyboardInterrupt, Terminated)):
        work()
    assert done == ["inner", "outer"]
    with Taken(raise_for), Held():
        pass


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)])
def test_of_several_that_come_while_they_are_held_each_is_raised(numbers):
    heard: list[int] = []

    def hear(number: int) -> None:
        heard.append(number)
        raise_for(number)

    def work() -> None:
        with Taken(hear), Held():
            for number in numbers:
                send(number)

    with pytest.raises((KeyboardInterrupt, Terminated)):
        work()
    assert heard == list(numbers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_they_are_taken_leaves_none_of_them_taken(number, monkeypatch):
    before = {each: signal.getsignal(each) for each in signals.STOPPING}
    real = signal.signal

    def signalled(each, handler):
        found = real(each, handler)
        if each == number:
            monkeypatch.setattr(signal, "signal", real)
            send(each)
        return found

    monkeypatch.setattr(signal, "signal", signalled)
    with pytest.raises((KeyboardInterrupt, Terminated)):
        Taken(raise_for).__enter__()
    assert {each: signal.getsignal(each) for each in signals.STOPPING} == before


def test_a_signal_while_they_are_given_back_keeps_none_of_them(monkeypatch):
    before = {each: signal.getsignal(each) for each in signals.STOPPING}
    taken, real = Taken(raise_for).__enter__(), signal.getsignal

    def signalled(each):
        monkeypatch.setattr(signal, "getsignal", real)
        send(signal.SIGINT)
        return real(each)

    monkeypatch.setattr(signal, "getsignal", signalled)
    with pytest.raises(KeyboardInterrupt):
        taken.__exit__()
    assert {each: signal.getsignal(each) for each in signals.STOPPING} == before


def test_where_the_system_gives_no_more_threads_a_signal_is_raised_at_once(monkeypatch):
    def refuse(*arguments):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(signals._thread, "start_new_thread", refuse)
    event = threading.Event()
    real = threading.Condition.notify_all

    def signalled(condition):
        send(signal.SIGTERM)
        real(condition)

    monkeypatch.setattr(threading.Condition, "notify_all", signalled)
    with pytest.raises(Terminated), Taken(raise_for):
        event.set()


def test_another_thread_holds_nothing():
    holds, over = threading.Event(), threading.Event()

    def hold() -> None:
        with Held():
            holds.set()
            over.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert holds.wait(20)
        with pytest.raises(Terminated), Taken(raise_for):
            send(signal.SIGTERM)
    finally:
        over.set()
        thread.join()


def test_a_signal_while_a_thread_is_started_is_raised_when_it_has_begun(monkeypatch):
    real, went_on = threading.Event.wait, []

    def signalled(event, timeout=None):  # which is how `Thread.start` waits
        monkeypatch.setattr(threading.Event, "wait", real)
        send(signal.SIGTERM)
        return real(event, timeout)

    def begin() -> None:
        with Taken(raise_for):
            monkeypatch.setattr(threading.Event, "wait", signalled)
            thread.start()
            went_on.append(True)
            until(lambda: False)

    thread = threading.Thread(target=lambda: None)
    with pytest.raises(Terminated):
        begin()
    assert went_on
    thread.join()


def test_a_thread_that_does_not_begin_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(signals, "_MOMENT", 0.001)
    monkeypatch.setattr(signals, "_MOST_MOMENTS", 3)

    def stuck(event, timeout=None):
        send(signal.SIGTERM)
        until(lambda: False)

    thread = threading.Thread(target=lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Event, "wait", stuck)
        with pytest.raises(Terminated), Taken(raise_for):
            thread.start()
    until(lambda: not thread.is_alive())


def swallows():
    with suppress(BaseException):
        send(signal.SIGTERM)


def makes_another_of_it():
    try:
        send(signal.SIGTERM)
    except BaseException:
        raise ValueError("there is no such shape") from None


@pytest.mark.parametrize("library", [swallows, makes_another_of_it])
def test_what_a_library_catches_is_raised_all_the_same(library):
    with pytest.raises(Terminated), Taken(raise_for), heeded():
        library()
    with pytest.raises(ValueError, match="its own"), Taken(raise_for), heeded():
        raise ValueError("its own")


def test_what_is_raised_in_the_main_thread_is_no_signal_to_another_one():
    begun, over, ended = threading.Event(), threading.Event(), threading.Event()

    def load() -> None:
        with heeded():
            begun.set()
            over.wait(20)
        ended.set()

    thread = threading.Thread(target=load)
    thread.start()
    assert begun.wait(20)
    try:
        with pytest.raises(Terminated), Taken(raise_for):
            send(signal.SIGTERM)
    finally:
        over.set()
        thread.join()
    assert ended.is_set()


def an_event(locks):
    event = threading.Event()
    locks.append(event._cond._lock)
    event.wait(0.001)


def a_result(locks):
    future: Future[int] = Future()
    locks.append(future._condition._lock)
    with suppress(TimeoutError):
        future.result(0.001)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("wait", [an_event, a_result])
def test_whenever_a_wait_is_interrupted_its_lock_is_given_back_and_nothing_hides_the_signal(
    wait, monkeypatch
):
    monkeypatch.setattr(signals, "_MOMENT", 0.001)
    locks: list[Any] = []
    place = 0
    for place in moments(lambda: wait(locks), within=lambda name: name == threading.__file__):
        assert all(map(is_free, locks)), f"it is kept where the signal comes at moment {place}"
        locks.clear()
    assert place > 10


@pytest.mark.timeout(60)
def test_whenever_a_thread_is_started_and_ended_none_goes_on(monkeypatch):
    """JAX has such a timer while it looks for devices, for which the program would wait a minute."""
    monkeypatch.setattr(signals, "_MOMENT", 0.001)
    made: list[threading.Timer] = []

    def work() -> None:
        timer = threading.Timer(60, print)
        made.append(timer)
        timer.start()
        try:
            len("what it is there for")
        finally:
            timer.cancel()

    place = 0
    for place in moments(work, within=lambda name: name in (threading.__file__, __file__)):
        for timer in made:
            if timer.ident is not None:
                timer.join(20)
            assert not timer.is_alive(), f"it goes on where the signal comes at moment {place}"
        made.clear()
    assert place > 20


def is_free(lock) -> bool:
    """Whether another thread can have it."""
    had: list[bool] = []

    def take() -> None:
        if lock.acquire(timeout=20):
            had.append(True)
            lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return bool(had)


FORKING = """
import os, signal
from stoker.signals import Taken

with Taken(lambda number: None):
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""


@pytest.mark.timeout(30)
def test_a_forked_process_dies_of_it_as_ever():
    said = subprocess.run([sys.executable, "-c", FORKING], check=True, capture_output=True, text=True)
    assert int(said.stdout) == signal.SIGTERM


def test_where_threading_has_other_names_or_is_not_in_python_signals_are_raised_all_the_same():
    script = (
        "import signal, threading\n"
        "threading.Condition.wait = threading.Timer.cancel = print\n"
        "from stoker.signals import Taken, raise_for\n"
        "with Taken(raise_for):\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 143
