"""Of two trainings in one directory the second is refused; a lock never outlives its process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import stoker
from moments import moments
from stoker.errors import RunError
from stoker.filelocks import signing_as
from stoker.runlock import alone_in_its_run, running

HOLDER = """
import sys, time
from pathlib import Path
from stoker.runlock import running
with running(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""

FORKER = """
import os, sys, time
from pathlib import Path
from stoker.runlock import running
with running(Path(sys.argv[1])):
    if not os.fork():
        print("held", flush=True)  # by now it has let go of what its parent holds
        time.sleep(60)  # a worker that does not notice that its parent is gone
        os._exit(0)
    sys.stdin.readline()
"""


def holder(folder: Path, program: str = HOLDER) -> subprocess.Popen:
    """Another process that holds the lock of a run directory."""
    made = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert made.stdout.readline() == "held\n"
    return made


def end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.mark.timeout(30)
def test_the_second_process_is_refused_and_told_who_is_there(tmp_path):
    other = holder(tmp_path / "run")
    try:
        with pytest.raises(RunError, match=rf"is being trained in, by process {other.pid} on .*: wait until"):
            running(tmp_path / "run").__enter__()
    finally:
        end(other)


def test_who_works_for_another_program_signs_as_that(tmp_path):
    with signing_as("process 7 on box"), running(tmp_path / "run"):
        assert (tmp_path / "run/.lock").read_text() == "process 7 on box"
    with running(tmp_path / "run"):
        assert (tmp_path / "run/.lock").read_text().startswith(f"process {os.getpid()} on ")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("resume", [False, "auto"])
def test_a_training_is_refused_before_anything_else_whether_new_or_resumed(tmp_path, resume):
    other = holder(tmp_path / "run")
    try:
        with pytest.raises(RunError, match="is being trained in"):
            stoker.fit(None, None, run=tmp_path / "run", resume=resume)
    finally:
        end(other)


@pytest.mark.timeout(30)
def test_a_killed_process_holds_nothing(tmp_path):
    other = holder(tmp_path / "run")
    os.kill(other.pid, signal.SIGKILL)
    end(other)
    assert (tmp_path / "run" / ".lock").exists()
    with running(tmp_path / "run"):
        assert str(os.getpid()) in (tmp_path / "run" / ".lock").read_text()


@pytest.mark.timeout(30)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_that_outlives_a_killed_process_holds_nothing(tmp_path):
    other = holder(tmp_path / "run", FORKER)
    child = int(subprocess.check_output(["pgrep", "-P", str(other.pid)], text=True))
    try:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        os.kill(child, 0)
        with running(tmp_path / "run"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        end(other)


@pytest.mark.timeout(30)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_of_a_training_does_not_train_beside_it(tmp_path):
    program = """
import os, sys
from pathlib import Path
from stoker.errors import RunError
from stoker.filelocks import signing_as
from stoker.runlock import running
with running(Path(sys.argv[1])):
    if not os.fork():
        try:
            running(Path(sys.argv[1])).__enter__()
        except RunError as error:
            os._exit(7 if f"process {os.getppid()} on" in str(error) else 8)
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert subprocess.check_output([sys.executable, "-c", program, str(tmp_path / "run")], text=True) == "7\n"


@pytest.mark.timeout(30)
def test_a_copy_of_the_folder_meanwhile_lets_nobody_in(tmp_path):
    with running(tmp_path / "run"):
        shutil.copytree(tmp_path / "run", tmp_path / "backup")
        asked = subprocess.run(
            [sys.executable, "-c", HOLDER, str(tmp_path / "run")], capture_output=True, text=True, input=""
        )
    assert f"is being trained in, by process {os.getpid()} on " in asked.stderr
    with running(tmp_path / "backup"):
        pass


@pytest.mark.timeout(30)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_that_leaves_the_block_takes_nothing_from_its_parent(tmp_path):
    program = """
import os, sys
from pathlib import Path
from stoker.runlock import running
parent = os.getpid()
try:
    with running(Path(sys.argv[1])):
        if not os.fork():
            raise SystemExit
        os.wait()
        print((Path(sys.argv[1]) / ".lock").read_text().split()[1] == str(parent))
finally:
    if os.getpid() != parent:
        os._exit(0)
"""
    assert (
        subprocess.check_output([sys.executable, "-c", program, str(tmp_path / "run")], text=True) == "True\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.timeout(60)
def test_of_many_processes_at_once_one_is_in_there_at_a_time(tmp_path):
    program = """
import os, sys, time
from pathlib import Path
from stoker.errors import RunError
from stoker.filelocks import signing_as
from stoker.runlock import running
folder, inside = Path(sys.argv[1]), Path(sys.argv[1] + "-inside")
entered = 0
for _ in range(200):
    try:
        with running(folder):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            entered += 1
            os.unlink(inside)
    except RunError:
        pass
print(entered)
"""
    others = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    entered = [int(other.communicate()[0]) for other in others]
    assert [other.returncode for other in others] == [0, 0, 0]
    assert sum(entered) > 0
    assert not list(tmp_path.rglob("*.lock"))


@pytest.mark.timeout(30)
def test_a_second_thread_is_refused_and_the_first_may_ask_again(tmp_path):
    told = []

    def second() -> None:
        try:
            with running(tmp_path):
                pass
        except RunError as error:
            told.append(str(error))

    with running(tmp_path), running(tmp_path / "." / ""):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "another thread of this process" in told[0]
    second()
    assert len(told) == 1


def test_a_folder_that_was_made_for_nothing_goes(tmp_path):
    with running(tmp_path / "runs" / "a"):
        assert (tmp_path / "runs" / "a").is_dir()
    assert not (tmp_path / "runs").exists()
    with running(tmp_path / "runs" / "a"):
        (tmp_path / "runs" / "a" / "run.json").write_text("{}")
    assert [path.name for path in (tmp_path / "runs" / "a").iterdir()] == ["run.json"]


def test_a_run_in_a_file_or_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file, and a run needs a folder"):
        running(tmp_path / "file").__enter__()
    with pytest.raises(RunError, match="cannot be written"):
        running(Path("/proc/nowhere/run")).__enter__()


def test_without_locks_of_the_file_system_nobody_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("stoker.filelocks.fcntl.flock", refuse)
    with running(tmp_path):
        pass


def test_a_function_holds_the_lock_while_it_runs(tmp_path):
    @alone_in_its_run
    def train(*, run: str | None = None) -> bool:
        return (tmp_path / ".lock").exists()

    assert train(run=str(tmp_path))
    assert not train()
    assert not (tmp_path / ".lock").exists()


@pytest.mark.timeout(60)
def test_whenever_its_holder_is_interrupted_the_lock_is_free_and_its_file_gone(tmp_path):
    folder = tmp_path / "new" / "run"
    place = 0

    def hold() -> None:
        with running(folder):
            pass

    for place in moments(hold, within=lambda name: name.endswith(("runlock.py", "filelocks.py"))):
        assert not folder.exists(), f"of a signal at moment {place}"
        hold()
    assert place > 20
