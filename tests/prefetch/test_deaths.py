"""Whatever kills a process, a child or the parent, is noticed at once and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time

import cloudpickle
import numpy as np
import psutil
import pytest

from left_behind import named_segments, no_thread_is_left
from stoker.errors import WorkerError
from stoker.prefetch import Processes, prefetch
from stoker.prefetch.spawned import Spawned
from waiting import Told, ctrl_c_when, meanwhile, until

pytestmark = pytest.mark.timeout(60)

cloudpickle.register_pickle_by_value(sys.modules[__name__])

AN_HOUR = 3600
"""What sleeps so long, or is looked at so rarely, outlasts the limit of any test: an event ends the wait."""


def call(task):
    return task()


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for_children(processes):
    """Until every interpreter has started, which takes the longer the more the machine has to do."""
    seen = set()
    while seen != set(processes.pids):
        count = len(processes.pids)
        with prefetch(
            processes, [os.getpid] * 2 * count, workers=count, in_flight=2 * count, name="start"
        ) as pids:
            seen.update(pids)


@pytest.fixture
def nobody_looks(monkeypatch):
    """From now on a death is noticed by the event that it is, or not at all."""
    return lambda: monkeypatch.setattr("stoker.prefetch.spawned._LOOK_EVERY_MILLISECONDS", 1_000 * AN_HOUR)


def is_at_work(processes):
    return processes.at_work().startswith("process ")


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def crash():
    import ctypes

    ctypes.string_at(0)


def fork_and_die():
    if os.fork():  # the other one keeps the socket open
        os._exit(5)
    time.sleep(60)


DEATHS = {
    "sigkill": (kill_self, "was killed by SIGKILL"),
    "segmentation fault": (crash, "was killed by SIGSEGV"),
    "sys.exit": (lambda: sys.exit(3), r"called sys\.exit\(3\)"),
    "sys.exit with words": (lambda: sys.exit("enough"), r"called sys\.exit\('enough'\)"),
    "sys.exit with 0": (lambda: sys.exit(), r"called sys\.exit\(None\)"),
    "os._exit": (lambda: os._exit(7), "ended with exit code 7"),
    "os._exit with 0": (lambda: os._exit(0), "ended with exit code 0"),
    "os._exit after a fork": (fork_and_die, "ended with exit code 5"),
}


QUICK = ("sigkill", "segmentation fault", "sys.exit with 0", "os._exit after a fork")


@pytest.mark.parametrize(
    "death",
    [pytest.param(death, marks=[] if death in QUICK else [pytest.mark.slow]) for death in DEATHS],
)
def test_a_child_that_dies_is_noticed_at_once_with_a_message_that_says_which_and_how(
    death, nobody_looks, capfd
):
    fatal, how = DEATHS[death]
    with Processes(call, workers=2, name="batches") as processes:
        wait_for_children(processes)
        if fatal is not fork_and_die:  # whose child keeps the line open, so that somebody must look
            nobody_looks()
        results = prefetch(processes, [lambda: 1, fatal, lambda: 3], workers=2, in_flight=3, name="batches")
        assert next(results) == 1
        with pytest.raises(WorkerError, match=f"process [0-9]+ of 'batches' {how}.* while it computed"):
            next(results)


def test_a_child_killed_while_it_is_idle_is_told_with_the_next_task(nobody_looks):
    with Processes(call, workers=1, name="batches") as processes:
        processes(lambda: 1)
        nobody_looks()
        os.kill(processes.pids[0], signal.SIGKILL)
        with pytest.raises(WorkerError, match="SIGKILL"):
            processes(lambda: 2)
        with pytest.raises(WorkerError, match="no process of 'batches' is left"):
            processes(lambda: 3)


def test_the_others_go_on_when_one_has_died():
    with Processes(call, workers=2, name="batches") as processes:
        with pytest.raises(WorkerError):
            processes(kill_self)
        assert [processes(lambda n=n: n) for n in range(5)] == [0, 1, 2, 3, 4]


def test_calls_that_wait_for_a_child_are_told_when_the_last_one_dies(nobody_looks):
    with Processes(call, workers=1, name="batches") as processes:
        wait_for_children(processes)
        nobody_looks()
        with (
            prefetch(processes, [kill_self] * 4, workers=4, in_flight=4, name="crowd") as results,
            pytest.raises(WorkerError),
        ):
            next(results)


def test_a_child_whose_interpreter_does_not_start_is_noticed(monkeypatch, capfd):
    monkeypatch.setattr("stoker.prefetch.spawned._command", lambda *_: [sys.executable, "-c", "1/0"])
    with (
        Processes(call, workers=1, name="batches") as processes,
        pytest.raises(WorkerError, match=r"ended with exit code 1.* while it started"),
    ):
        processes(lambda: 1)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_child_whose_interpreter_takes_too_long_to_start_is_given_up(monkeypatch):
    code = "import time; time.sleep(60)"
    monkeypatch.setattr("stoker.prefetch.spawned._command", lambda *_: [sys.executable, "-c", code])
    with (
        Processes(call, workers=1, name="batches", start_within=0.1) as processes,
        pytest.raises(WorkerError, match="did not start within 0 s"),
    ):
        processes(lambda: 1)


def test_no_child_is_left_where_one_cannot_be_started(monkeypatch):
    started = []

    def second_fails(*arguments, **options):
        if started:
            raise WorkerError("cannot be started")
        started.append(Spawned(*arguments, **options))
        return started[0]

    monkeypatch.setattr("stoker.prefetch.processes.Spawned", second_fails)
    with pytest.raises(WorkerError, match="cannot be started"):
        Processes(call, workers=2, name="batches")
    assert gone(started[0].pid)


def test_an_interpreter_that_is_not_there_is_an_error_of_its_own(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(WorkerError, match=r"cannot be started: .*nowhere"):
        Processes(call, workers=1, name="batches")


def test_closing_ends_children_that_sleep_for_ever_at_once():
    processes = Processes(call, workers=2, name="batches")
    results = prefetch(processes, [lambda: time.sleep(AN_HOUR)] * 4, workers=2, in_flight=4, name="batches")
    results.start()
    until(lambda: is_at_work(processes))
    pids = processes.pids
    results.close()
    processes.close()
    processes.close()
    assert all(gone(pid) for pid in pids)
    with pytest.raises(WorkerError, match="no process"):
        processes(lambda: 1)


def test_closing_while_another_thread_waits_for_a_result_tells_that_thread():
    processes = Processes(call, workers=1, name="batches")
    with (
        pytest.raises(WorkerError, match="was shut down while it"),
        meanwhile(processes.close, when=lambda: is_at_work(processes)),
    ):
        processes(lambda: time.sleep(AN_HOUR))


def test_a_call_after_the_close_is_told_so():
    with Processes(call, workers=2, name="batches") as processes:
        assert processes(lambda: 1) == 1
    for _ in range(3):
        with pytest.raises(WorkerError, match="no process of 'batches' is left"):
            processes(lambda: 1)


def test_children_end_when_nobody_refers_to_them_any_more():
    processes = Processes(call, workers=2, name="batches")
    pids = processes.pids
    del processes
    gc.collect()
    assert all(gone(pid) for pid in pids)


def test_what_a_child_has_started_ends_with_it():
    def start_another():
        return subprocess.Popen(["sleep", "600"]).pid

    with Processes(call, workers=1, name="batches") as processes:
        grandchild = processes(start_another)
        assert not gone(grandchild)
    until(lambda: gone(grandchild))


def test_ctrl_c_in_the_parent_is_not_held_up_by_a_child_that_sleeps():
    processes = Processes(call, workers=1, name="batches")
    with pytest.raises(KeyboardInterrupt), ctrl_c_when(lambda: is_at_work(processes)), processes:
        for _ in prefetch(
            processes, [lambda: time.sleep(AN_HOUR)] * 2, workers=1, in_flight=2, name="batches"
        ):
            pass


def test_ctrl_c_in_a_call_without_threads_does_not_mix_up_the_answers(tmp_path):
    def sleep():
        begun.touch()
        time.sleep(AN_HOUR)

    begun = tmp_path / "begun"
    with Processes(call, workers=1, name="batches") as processes:
        processes(lambda: 1)
        with pytest.raises(KeyboardInterrupt), ctrl_c_when(begun.exists):
            processes(sleep)
        with pytest.raises(WorkerError, match="no process"):
            processes(lambda: 2)


def test_children_ignore_ctrl_c():
    with Processes(call, workers=1, name="batches") as processes:
        processes(lambda: 1)
        os.kill(processes.pids[0], signal.SIGINT)
        assert processes(lambda: "still there") == "still there"


def test_a_long_wait_names_process_and_task(here):
    def wait_for(name):
        while not os.path.exists(name):
            time.sleep(0.01)

    with (
        Told() as told,
        Processes(wait_for, workers=1, name="naps") as processes,
        prefetch(processes, ["gate"], workers=1, in_flight=1, name="naps", tell_after=0.2) as results,
    ):
        (pid,) = processes.pids
        with meanwhile((here / "gate").touch, when=lambda: told.texts):
            next(results)
    said = told.of("still waiting for naps")
    assert said.startswith(f"still waiting for naps after N s: process {pid} computes 'gate' since N s\n")


def never_lets_go():
    any(iter(int, 1))  # one call of C code, in which no thread of Python's gets a turn


def test_a_long_wait_shows_where_a_process_stands_that_never_lets_go_of_the_interpreter():
    with Told() as told, Processes(call, workers=1, name="busy") as busy:
        busy(lambda: 1)
        (pid,) = busy.pids
        with (
            prefetch(busy, [never_lets_go], workers=1, in_flight=1, name="busy", tell_after=0.3) as results,
            pytest.raises(WorkerError),
            meanwhile(
                lambda: os.kill(pid, signal.SIGKILL),
                when=lambda: any("in never_lets_go" in text for text in told.texts),
            ),
        ):
            next(results)
    assert f"process {pid}:\n" in told.of("in never_lets_go")


PARENT = """
import os, sys, time
import numpy as np
from stoker.prefetch import Processes, prefetch

def work(task):
    if task < 4:
        return np.full(1 << 20, task)
    print("computing", os.getpid(), flush=True)
    time.sleep(3600) if task % 2 or {fork!r} else any(iter(int, 1))  # which never lets go of the interpreter

remote = Processes(work, workers=2, name="work")
results = prefetch(remote, range(8), workers=2, in_flight=6, name="work")
batches = [next(results) for _ in range(4)]
{fork}
next(results)
"""

FORK = "os.fork() or (print('forked', os.getpid(), flush=True), time.sleep(3600), os._exit(0))"


@pytest.mark.parametrize("fork", ["", FORK], ids=["alone", "with a fork of it that lives on"])
def test_a_parent_that_is_killed_leaves_no_child_no_segment_and_no_file(tmp_path, fork):
    segments = named_segments()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(fork=fork)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    with parent:
        lines = [parent.stdout.readline().split() for _ in range(3 if fork else 2)]
        pids = [int(pid) for what, pid in lines if what == "computing"]
        forks = [int(pid) for what, pid in lines if what == "forked"]
        family = psutil.Process(parent.pid).children(recursive=True)
        assert {*pids, *forks} <= {process.pid for process in family}
        parent.kill()
        parent.wait()
        until(lambda: all(gone(pid) for pid in pids))
        assert not any(map(gone, forks))
        for pid in forks:
            os.kill(pid, signal.SIGKILL)
    assert named_segments() == segments
    assert not list(tmp_path.iterdir())


def test_a_fork_of_the_parent_does_not_end_its_children(tmp_path):
    code = """
import os, warnings
from stoker.prefetch import Processes

remote = Processes(abs, workers=1, name="abs")
remote(-1)
warnings.simplefilter("ignore")
if os.fork() == 0:
    raise SystemExit  # with everything that is done at the exit
os.wait()
print(remote(-2))
remote.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "2\n", done.stderr


def open_things():
    process = psutil.Process()
    children = [child.pid for child in process.children()]
    return children, process.num_fds(), named_segments()


@pytest.mark.parametrize("openings", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_hundreds_of_openings_leave_no_thread_process_descriptor_or_segment(openings, capfd):
    def cycle(number):
        with Processes(call, workers=1, name="cycle") as processes:
            tasks = [lambda: np.ones(1 << 16), kill_self if number % 60 == 30 else lambda: 1]
            if number % 30 == 0:
                with prefetch(processes, tasks, workers=1, in_flight=2, name="cycle") as results:
                    try:
                        list(results)
                    except WorkerError:
                        assert number % 60 == 30
            elif number % 3 == 0:
                prefetch(processes, tasks, workers=1, in_flight=2, name="cycle").start()

    cycle(0)
    gc.collect()
    before = open_things()
    with no_thread_is_left():
        for number in range(openings):
            cycle(number)
        gc.collect()
    assert open_things() == before
