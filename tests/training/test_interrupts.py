from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from stoker.signals import Terminated
from stoker.training.interrupts import Interrupts


def press(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture
def prompt(monkeypatch):
    """As if a person sat before Python's prompt."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_signal_is_held_back_until_it_is_asked_for(number, raised):
    with Interrupts() as interrupts:
        press(number)
        assert interrupts.asked is None
        with pytest.raises(raised):
            interrupts.check()
        assert (interrupts.asked, interrupts.forced) == (number, False)
        interrupts.check()


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_after_any_signal_is_raised_at_once(first):
    with Interrupts() as interrupts:
        press(first)
        with pytest.raises(KeyboardInterrupt):
            press()
        assert interrupts.forced


def test_ctrl_c_is_raised_at_once_also_while_what_the_first_asked_for_is_done():
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        assert not interrupts.forced
        with pytest.raises(KeyboardInterrupt):
            press()
        assert interrupts.forced


def test_sigterm_sent_twice_is_no_more_than_once():
    with Interrupts() as interrupts:
        press(signal.SIGTERM)
        press(signal.SIGTERM)
        with pytest.raises(Terminated):
            interrupts.check()
        press(signal.SIGTERM)
        assert not interrupts.forced


def test_where_nothing_can_be_lost_it_is_raised_at_once():
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.immediate():
        press()


def test_one_that_was_held_back_comes_first_where_nothing_can_be_lost():
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt), interrupts.immediate():
            pytest.fail("it was not raised")


def test_while_deferred_nothing_is_raised_but_a_second_ctrl_c():
    with Interrupts() as interrupts:
        with interrupts.deferred():
            press()
            interrupts.check()
            assert not interrupts.is_pending
            with interrupts.immediate():
                pass
        assert interrupts.is_pending
        with pytest.raises(KeyboardInterrupt), interrupts.deferred():
            press()


def test_a_wait_in_what_must_be_finished_first_is_not_ended_either():
    with Interrupts() as interrupts:
        with interrupts.deferred(), interrupts.immediate():
            press()
        assert interrupts.is_pending
        with pytest.raises(KeyboardInterrupt), interrupts.deferred(), interrupts.immediate():
            press()


def test_behind_a_shield_not_even_a_second_is_raised_before_the_end():
    closed: list[str] = []

    def close() -> None:
        with interrupts.shielded():
            press()
            closed.append("whole")

    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt):
            close()
        assert interrupts.forced
    assert closed == ["whole"]


def test_a_first_one_behind_a_shield_waits_until_it_is_asked_for():
    with Interrupts() as interrupts:
        with interrupts.shielded():
            press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        assert not interrupts.forced


def test_one_that_nobody_asked_for_is_raised_at_the_end():
    with pytest.raises(KeyboardInterrupt), Interrupts():
        press()


def test_before_a_prompt_one_ctrl_c_returns_what_was_reached(prompt):
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        assert interrupts.returns
    with Interrupts() as late:
        press()
    assert late.returns


def test_before_a_prompt_a_second_ctrl_c_is_raised(prompt):
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt):
            press()
        assert not interrupts.returns


def test_before_a_prompt_sigterm_ends_the_process_as_ever(prompt, monkeypatch):
    sent: list[int] = []
    with Interrupts() as interrupts:
        press(signal.SIGTERM)
        with pytest.raises(Terminated):
            interrupts.check()
        monkeypatch.setattr(os, "kill", lambda process, number: sent.append(number))
    assert sent == [signal.SIGTERM]


def test_the_handlers_are_given_back():
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


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
