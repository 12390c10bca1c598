from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from stoker.signals import Taken, Terminated, raise_for


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
