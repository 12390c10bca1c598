"""How a command ends that is asked to stop, or whose training went wrong: its exit code, and what it says."""

from __future__ import annotations

import _thread
import bz2
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import ModuleType

import pytest

from stoker.cli import main, telling
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
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and stays so
    try:
        found = ending(lambda: os.kill(os.getpid(), number))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert found == (code, f"stoker: {said}\n")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGHUP])
def test_one_that_comes_again_does_not_interrupt_the_end(ending, again):
    """`timeout` and schedulers send it to the process and to its group."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    ended: list[str] = []

    def action():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), again)
            ended.append("all of it")

    try:
        assert ending(action) == (143, "stoker: stopped by SIGTERM\n")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert ended


def test_one_that_was_swallowed_does_not_keep_the_next_from_being_raised(ending):
    def action():
        with suppress(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    assert ending(action) == (143, "stoker: stopped by SIGTERM\n")


def test_whoever_is_impatient_presses_ctrl_c_again(ending):
    ended: list[str] = []

    def action():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            ended.append("all of it")

    assert ending(action) == (130, "stoker: stopped by Ctrl-C\n")
    assert not ended


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_was_stopped_is_not_stopped_once_more_while_that_is_told(ending, monkeypatch, again):
    def tell(*given):
        os.kill(os.getpid(), again)
        return telling.tell(*given)

    monkeypatch.setattr("stoker.cli.interrupts.tell", tell)
    found = ending(lambda: os.kill(os.getpid(), signal.SIGINT))
    assert found == (130, "stoker: stopped by Ctrl-C\n")


FULL_PIPE = """
import os, signal, sys
from stoker.cli.interrupts import until_stopped

class Full:
    def write(self, text):
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
            print("waits", flush=True)

sys.stderr = Full()
until_stopped(lambda: os.kill(os.getpid(), signal.SIGINT))
"""


def test_whoever_asks_twice_more_does_not_wait_for_the_reader_of_a_full_pipe():
    done = subprocess.run([sys.executable, "-c", FULL_PIPE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "waits\n")


def test_a_signal_while_the_command_line_is_imported_is_told_as_any_other(monkeypatch, capsys):
    class Interrupted(ModuleType):
        def __getattr__(self, name):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setitem(sys.modules, "stoker.cli.failure", Interrupted("failure"))
    assert main(["plan", "points.csv"]) == 143
    assert capsys.readouterr().err == "stoker: stopped by SIGTERM\n"


class Swallowing:
    """What it raises where it ends cannot leave there."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("took", [0.0, 0.3])
def test_a_sigterm_that_a_callback_swallows_comes_again(ending, took, monkeypatch):
    """None comes before it can be raised, however long the thread that sends it takes to begin."""
    start = _thread.start_new_thread

    def slowly(*given):
        start(*given)
        time.sleep(took)

    def callback():
        monkeypatch.setattr(_thread, "start_new_thread", slowly)
        Swallowing()
        time.sleep(50)

    assert ending(callback)[0] == 143


def test_a_loss_that_is_not_finite_ends_with_3(ending):
    def raised():
        raise NonFiniteLossError(
            "the loss is nan after step 7; say on_nan='continue'", first_step=7, last_step=7
        )

    said = "stoker: the loss is nan after step 7; say --on-nan continue\n"
    assert ending(raised) == (3, said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_before_training_began_it_is_said_that_nothing_is_saved(number, monkeypatch, tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(20)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stoker.cli.train.prepare", lambda *given: os.kill(os.getpid(), number))
    assert main(["train", str(path), "--label", "y", "--run", "run"]) == 128 + number
    said = " ".join(capsys.readouterr().err.split())
    assert "before training began: nothing is saved but a survey that was finished" in said
    assert "resume" not in said
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize("command", ["train", "predict"])
def test_a_signal_that_keras_catches_while_a_model_is_made_is_heeded(command, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(20)))
    trains = ["train", "points.csv", "--label", "y", "--epochs", "1"]
    if command == "predict":
        assert main([*trains, "--run", "run", "--quiet"]) == 0

    def caught(*given, **options):
        with suppress(BaseException):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("keras.models.load_model", caught)
    monkeypatch.setattr("stoker.models.build", caught)
    given = trains if command == "train" else ["predict", "run", "points.csv", "-o", "out.csv"]
    assert main([*given, "--quiet"]) == 143
    assert capsys.readouterr().err == "stoker: stopped by SIGTERM\n"


def test_without_a_checkpoint_nothing_more_is_promised_than_to_begin_again(monkeypatch, tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(20)))
    monkeypatch.chdir(tmp_path)
    stopped = "stoker.training.call.TrainingCall.run"
    monkeypatch.setattr(stopped, lambda call: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["train", str(path), "--label", "y", "--run", "run"]) == 143
    said = " ".join(capsys.readouterr().err.split())
    assert "there is no checkpoint: stoker resume run begins the run again" in said


@pytest.fixture
def stopped(monkeypatch, tmp_path, capsys):
    """``stopped(number, *more)``: exit code, answer and words of a training that is stopped behind a step."""
    from stoker.training.supervisor import TrainingSupervisor

    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(200)))
    look = TrainingSupervisor.look

    def stop(number, *more):
        def looking(*given):
            os.kill(os.getpid(), number)
            look(*given)

        with monkeypatch.context() as patch:
            patch.setattr(TrainingSupervisor, "look", looking)
            command = ["train", "points.csv", "--label", "y", "--batch-size", "16", "--run", "run"]
            code = main([*command, "--checkpoint-every", "3steps", "--json", *more])
        found = capsys.readouterr()
        return code, found.out, " ".join(found.err.split())

    return stop


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_stopped_answers_with_what_it_came_to(number, stopped):
    code, answer, said = stopped(number)
    found = json.loads(answer)
    assert (code, found["ended"], found["steps"], found["rows"]) == (128 + number, "interrupted", 3, 48)
    assert (found["epochs"], found["digests"]) == (0, [])
    assert "resume stoker resume run stoker: stopped by" in said


@pytest.mark.timeout(60)
def test_ctrl_c_that_comes_while_the_way_on_is_told_does_not_hide_it(stopped, monkeypatch):
    from stoker.cli import ending

    def again(*given):
        os.kill(os.getpid(), signal.SIGINT)
        return resumes(*given)

    resumes = ending.command_that_resumes
    monkeypatch.setattr(ending, "command_that_resumes", again)
    code, _, said = stopped(signal.SIGINT)
    assert (code, said.count("resume stoker resume run")) == (130, 1)


@pytest.mark.timeout(60)
def test_ctrl_c_in_mid_answer_ends_it_with_the_way_on(stopped, monkeypatch):
    """The second one, behind training and before what is told of it."""
    from stoker.training import fit

    def again(*given):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(fit, "end_feeds", again)
    code, answer, said = stopped(signal.SIGINT)
    assert (code, json.loads(answer)["ended"], said.count("resume stoker resume run")) == (
        130,
        "interrupted",
        1,
    )


def test_files_that_were_moved_are_named_in_what_resumes_while_the_record_does_not_have_them(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(20)))
    assert main(["train", "points.csv", "--label", "y", "--epochs", "1", "--run", "run", "--quiet"]) == 0
    (tmp_path / "points.csv").rename("moved.csv")
    with monkeypatch.context() as patch:
        patch.setattr("stoker.cli.train.prepare", lambda *given: os.kill(os.getpid(), signal.SIGINT))
        capsys.readouterr()
        assert main(["resume", "run", "moved.csv", "--epochs", "2"]) == 130
    told = " ".join(capsys.readouterr().err.split())
    assert "stoker resume run moved.csv --epochs 2 goes on with it" in told
    assert main(["resume", "run", "moved.csv", "--epochs", "2", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "there is nothing to resume"),
        (("--epochs", "3"), "stoker resume run --epochs 3 goes on with it"),
        (("--max-time", "2h"), "stoker resume run --max-time 2h goes on with it"),
    ],
)
def test_a_finished_run_whose_resuming_is_stopped_is_told_as_what_it_is(
    more, said, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(20)))
    assert main(["train", "points.csv", "--label", "y", "--epochs", "1", "--run", "run", "--quiet"]) == 0
    record = (tmp_path / "run" / "run.json").read_bytes()
    monkeypatch.setattr("stoker.cli.train.prepare", lambda *given: os.kill(os.getpid(), signal.SIGINT))
    capsys.readouterr()
    assert main(["resume", "run", *more]) == 130
    told = " ".join(capsys.readouterr().err.split())
    assert f"the run has finished, and is as it ended: {said}" in told
    assert "stoker evaluate run FILE" in told
    assert (tmp_path / "run" / "run.json").read_bytes() == record


@pytest.mark.timeout(240)
def test_sigterm_in_the_middle_of_a_survey_leaves_nothing_unfinished(tmp_path):
    lines = [b"%d,%d\n" % (row, row % 7) for row in range(100_000)]
    rows = bz2.compress(b"".join(lines))
    path = tmp_path / "long.csv.bz2"
    path.write_bytes(bz2.compress(b"a,y\n") + 400 * rows)  # minutes of unpacking
    home = tmp_path / ".stoker"
    short = tmp_path / "elsewhere" / "short.csv.bz2"
    short.parent.mkdir()
    short.write_bytes(bz2.compress(b"a,y\n" + b"".join(lines[:1_000])))
    plan = [sys.executable, "-m", "stoker", "plan", "--label", "y", "--memory", "64MB"]
    # A kernel that has not been compiled yet would be then: a thread that compiles does not stop for anybody.
    subprocess.run([*plan, str(short)], check=True, stdout=subprocess.DEVNULL, timeout=150)
    command = [*plan, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (home.is_dir() and any(not each.name.startswith(".git") for each in home.iterdir())):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.terminate()
        said = process.communicate(timeout=60)
    assert (process.returncode, *said) == (143, "", "stoker: stopped by SIGTERM\n")
    assert {each.name for each in home.iterdir()} <= {".gitignore"}
