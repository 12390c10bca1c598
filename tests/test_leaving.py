"""The beginning of the program, and its end."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys

import pytest

from stoker.cli.collecting import look_again, look_no_more

ENDING = """
import atexit, os, signal, sys, threading, time
from stoker.cli.leaving import leave
class Taken:
    def __del__(self): print("taken apart")
kept = Taken()
atexit.register(print, "registered")
{more}
print("printed")
leave({code}, {arguments})
"""


def end(arguments: list[str], *, code: int = 0, more: str = "") -> tuple[int, list[str]]:
    program = ENDING.format(arguments=arguments, code=code, more=more)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_cycles_are_looked_for_again_once_modules_are_imported(monkeypatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    look_no_more()
    try:
        assert not gc.isenabled()
    finally:
        look_again()
    look_again()
    assert gc.isenabled()
    assert len(frozen) == 1


@pytest.mark.parametrize("code", [0, 2, 130])
def test_what_is_registered_is_done_and_what_is_printed_is_there(code: int) -> None:
    assert end(["plan", "x.csv"], code=code) == (code, ["printed", "registered"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["legacy", "x.py"],
        ["train", "x.csv", "--model", "mine:build"],
        ["train", "x.csv", "--config", "run.toml"],
        ["evaluate", "runs/a", "--import", "mine"],
    ],
)
def test_where_own_code_ran_python_ends_as_ever(arguments: list[str]) -> None:
    assert end(arguments, code=3) == (3, ["printed", "registered", "taken apart"])


def test_a_thread_that_python_would_wait_for_is_waited_for() -> None:
    more = "threading.Thread(target=lambda: (time.sleep(0.3), print('worked'))).start()"
    code, printed = end(["train", "x.csv"], code=1, more=more)
    assert code == 1
    assert "worked" in printed


@pytest.mark.parametrize("arguments", [["train", "x.csv"]])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_whoever_asks_once_more_ends_it_at_once_and_loses_nothing_that_was_printed(
    arguments: list[str], name: str
) -> None:
    more = f"atexit.register(lambda: (os.kill(os.getpid(), signal.{name}), time.sleep(50)))"
    assert end(arguments, code=130, more=more) == (130, ["printed"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("code", [0, 2])
def test_a_signal_behind_a_command_changes_nothing_of_how_it_ended(number: int, code: int) -> None:
    ignored_by_none = "signal.default_int_handler" if number == signal.SIGINT else "signal.SIG_DFL"
    more = f"import os, signal; signal.signal({number:d}, {ignored_by_none})\n"
    more += f"atexit.register(os.kill, os.getpid(), {number:d})"
    assert end(["plan", "x.csv"], code=code, more=more) == (code, ["printed"])


SENDING = """
import os, signal
def send():
    while signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait()
threading.Thread(target=send).start()
"""


@pytest.mark.parametrize(("command", "code"), [("legacy", 143), ("train", 0)])
def test_a_signal_ends_the_wait_for_threads(command: str, code: int) -> None:
    assert end([command, "x"], more=SENDING) == (code, ["printed"])


def test_a_signal_beside_the_command_ends_the_program_without_a_word() -> None:
    program = "import os; import stoker.__main__ as p; p.main = lambda: os.kill(os.getpid(), 15); p.run()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, b"", b"")
