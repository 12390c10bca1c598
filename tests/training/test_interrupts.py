from __future__ import annotations

import os
import signal
import threading

import pytest

from stoker.training.interrupts import Interrupts


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_is_held_back_until_it_is_asked_for():
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        interrupts.check()


def test_a_second_ctrl_c_is_raised_at_once():
    with Interrupts():
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_where_nothing_can_be_lost_it_is_raised_at_once():
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.immediate():
            press()
        press()
        with pytest.raises(KeyboardInterrupt), interrupts.immediate():
            pytest.fail("the one that was held back comes first")


def test_one_that_nobody_asked_for_is_raised_at_the_end():
    with pytest.raises(KeyboardInterrupt), Interrupts():
        press()


def test_the_handler_is_given_back():
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_is_left_alone():
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        with Interrupts() as interrupts:
            press()
            interrupts.check()
        assert pressed == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_of_the_main_thread_it_does_nothing():
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            with Interrupts() as interrupts:
                interrupts.check()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert not failures
