"""How a command ends that is asked to stop, or whose training went wrong: its exit code, and what it says."""

from __future__ import annotations

import os
import signal
import time

import pytest

from stoker.cli import main
from stoker.errors import NonFiniteLossError


@pytest.fixture
def ending(monkeypatch, tmp_path, capsys):
    """``ending(action)``: exit code and words of a command in the middle of which `action` is called."""
    path = tmp_path / "points.csv"
    path.write_text("a,y\n1,2\n")

    def end(action):
        monkeypatch.setattr("stoker.cli.plan.open_parts", lambda *given: action())
        return main(["plan", str(path), "--label", "y"]), capsys.readouterr().err

    return end


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "stopped by Ctrl-C"),
        (signal.SIGTERM, 143, "stopped by SIGTERM"),
        (signal.SIGHUP, 129, "stopped by SIGHUP"),
    ],
)
def test_a_signal_ends_a_command_with_its_own_code(number, code, said, ending):
    assert ending(lambda: os.kill(os.getpid(), number)) == (code, f"stoker: {said}\n")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.timeout(20)
def test_a_sigterm_that_a_callback_swallows_comes_again(ending):
    class Swallowing:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    def callback():
        Swallowing()
        time.sleep(20)

    assert ending(callback)[0] == 143


def test_a_loss_that_is_not_finite_ends_with_3(ending):
    def raised():
        raise NonFiniteLossError(
            "the loss is nan after step 7; say on_nan='continue'", first_step=7, last_step=7
        )

    said = "stoker: the loss is nan after step 7; say --on-nan continue\n"
    assert ending(raised) == (3, said)
