"""Nothing hangs, nothing stays behind: every fault is noticed within seconds."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from givers import Failing, Numbers, OwnError, Shrinking, endless, failing, in_worker, raise_own_error
from tellers import Way, steps_of

from left_behind import named_segments
from stoker import evaluate_generator, fit_generator, predict_generator
from stoker.errors import WorkerError

HERE = Path(__file__).parent
PROC = Path("/proc/self")


@contextmanager
def noticed_within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def our_threads() -> list[str]:
    return sorted(each.name for each in threading.enumerate() if each.name.startswith("stoker"))


def children() -> list[int]:
    return [each.pid for each in psutil.Process().children(recursive=True)]


def shared_segments() -> list[str]:
    """Shared memory that this process maps or has open, and what has a name."""
    found = []
    if (PROC / "maps").exists():
        lines = (PROC / "maps").read_text().splitlines()
        found += [line.split(None, 5)[-1] for line in lines if "memfd:" in line or "/dev/shm/" in line]
    return sorted(found + named_segments())


def descriptors() -> int:
    return psutil.Process().num_fds()


def left() -> dict[str, Any]:
    """What a fit could leave behind."""
    return {
        "threads": our_threads(),
        "children": children(),
        "descriptors": descriptors(),
        "segments": shared_segments(),
    }


def eventually(look: Callable[[], Any], wanted: Any, *, seconds: float = 5.0) -> None:
    """Equality, at the latest after a while: the system needs a moment to take back what was given up."""
    until = time.monotonic() + seconds
    while (found := look()) != wanted and time.monotonic() < until:
        gc.collect()
        time.sleep(0.05)
    assert found == wanted


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """No thread, process or shared segment more than before the test."""
    before = left()

    def more() -> list[Any]:
        now = left()
        return [
            each
            for name in ("threads", "children", "segments")
            for each in (Counter(now[name]) - Counter(before[name])).elements()
        ]

    yield
    eventually(more, [])


pytestmark = [pytest.mark.timeout(90), pytest.mark.usefixtures("nothing_left")]


@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_an_exception_at_batch_3_ends_the_fit_and_all_workers(kind, each_way, teller):
    giver = (
        failing(3, raise_own_error)
        if kind == "generator"
        else Failing(50, at=3, action=raise_own_error, pause=0.005)
    )
    with each_way.warned(kind), noticed_within(10), pytest.raises(OwnError):
        fit_generator(teller, giver, steps_per_epoch=50, verbose=0, shuffle=False, **each_way.arguments)
    assert steps_of(teller) == 3
    assert our_threads() == []
    assert children() == []


@pytest.mark.parametrize(
    ("what", "told"), [("kill", "SIGKILL|signal 9|-9"), ("exit", r"\b3\b")], ids=["SIGKILL", "sys.exit"]
)
@pytest.mark.parametrize("kind", ["generator", "Sequence"])
def test_a_worker_process_that_dies_is_noticed(kind, what, told, teller, seen):
    action = in_worker(what)
    giver = failing(3, action) if kind == "generator" else Failing(50, at=3, action=action, pause=0.02)
    workers = 1 if kind == "generator" else 2
    with noticed_within(10), pytest.raises(WorkerError, match=told):
        fit_generator(
            teller,
            giver,
            steps_per_epoch=50,
            verbose=0,
            callbacks=[seen],
            shuffle=False,
            **Way(workers, True).arguments,
        )
    assert seen.trained == [[0, 1, 2]]
    assert children() == []


def test_a_validation_worker_process_that_dies_is_noticed_and_all_others_end(teller):
    with noticed_within(10), pytest.raises(WorkerError):
        fit_generator(
            teller,
            Numbers(4),
            epochs=2,
            verbose=0,
            validation_data=Failing(4, at=2, action=in_worker("kill")),
            **Way(1, True).arguments,
        )
    assert steps_of(teller) == 4
    assert children() == []


@pytest.mark.slow
@pytest.mark.backends
def test_a_worker_process_that_dies_is_noticed_in_evaluation_and_prediction(teller):
    for call in (evaluate_generator, predict_generator):
        with noticed_within(10), pytest.raises(WorkerError):
            call(teller, Failing(4, at=2, action=in_worker("kill")), **Way(1, True).arguments)


def test_a_model_can_be_trained_on_after_a_worker_process_died(teller, seen):
    way = Way(1, True)
    with pytest.raises(WorkerError):
        fit_generator(teller, failing(1, in_worker("kill")), steps_per_epoch=5, verbose=0, **way.arguments)
    fit_generator(teller, endless(3), steps_per_epoch=3, verbose=0, callbacks=[seen], **way.arguments)
    assert seen.trained == [[0, 1, 2]]


def test_a_sequence_that_shrinks_within_a_pass_is_an_error_in_its_place(way, teller, seen):
    """It says 6 and has 4."""
    with noticed_within(10), pytest.raises(IndexError, match="4"):
        fit_generator(teller, Shrinking(6, 4), verbose=0, callbacks=[seen], shuffle=False, **way.arguments)
    assert seen.trained == [[0, 1, 2, 3]]


def test_a_sequence_that_shrinks_to_nothing_between_passes_is_refused(threads, teller):
    class Vanishing(Numbers):
        def on_epoch_end(self) -> None:
            self.length = 0

    with noticed_within(10), pytest.raises(ValueError, match=r"\b0\b|empty|no batch"):
        fit_generator(teller, Vanishing(3), epochs=2, verbose=0, **threads.arguments)
    assert teller.history.epoch == [0]


SLEEPER = """
    import os, sys, time
    sys.path[:0] = [{here!r}, {above!r}]
    import psutil
    import stoker
    from givers import Failing, Numbers, failing
    from tellers import keras, make_teller, steps_of

    def say(words):  # in one piece, whoever else says something
        os.write(1, words.encode() + b"\\n")

    def sleep():
        say("asleep")
        time.sleep(3600)

    def tell(batch, logs=None):
        if batch == 2:
            say("three trained")

    for line in sys.stdin:
        kind, workers, processes = line.split()
        giver = failing(3, sleep) if kind == "generator" else Failing(9, at=3, action=sleep)
        steps, validation = 9, None
        if kind == "validation":
            giver, steps, validation = Numbers(3), None, Failing(4, at=2, action=sleep)
        model, callback = make_teller(), keras.callbacks.Callback()
        callback.on_train_batch_end = tell
        try:
            stoker.fit_generator(model, giver, steps_per_epoch=steps, verbose=0, shuffle=False,
                                 callbacks=[callback], workers=int(workers), validation_data=validation,
                                 use_multiprocessing=processes == "True")
        except KeyboardInterrupt:
            children = len(psutil.Process().children())
            say(f"interrupted after {{steps_of(model)}} with {{children}} children")
"""


@contextmanager
def sleeper(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A script that makes one fit for each line that it is sent, three batches until a next never comes."""
    script = folder / "sleeper.py"
    script.write_text(textwrap.dedent(SLEEPER.format(here=str(HERE), above=str(HERE.parent))))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def sends_to_sleep(process: subprocess.Popen[str], kind: str, workers: int, processes: bool) -> bool:
    """Have three batches trained on, and a worker of training or validation asleep."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{kind} {workers} {processes}\n")
    process.stdin.flush()
    return {process.stdout.readline() for _ in range(2)} == {"asleep\n", "three trained\n"}


@pytest.mark.parametrize(
    "fits",
    [
        pytest.param(
            [("generator", 0, False), ("Sequence", 2, True), ("validation", 1, True), ("Sequence", 2, False)],
            marks=[pytest.mark.slow, pytest.mark.backends],
        ),
        pytest.param(
            [("generator", 1, True), ("generator", 1, False), ("validation", 1, False)],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["in every kind of worker", "of a generator"],
)
@pytest.mark.timeout(240)
def test_ctrl_c_ends_fits_whose_worker_sleeps_for_ever_and_their_script_ends_as_ever(fits, tmp_path):
    with sleeper(tmp_path) as process:
        for kind, workers, processes in fits:
            assert sends_to_sleep(process, kind, workers, processes)
            with noticed_within(20):
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "interrupted after 3 with 0 children\n"
        with noticed_within(20):
            said = process.communicate(timeout=30)
        assert (process.returncode, said[0]) == (0, ""), said


@pytest.mark.slow
def test_the_workers_of_a_killed_script_end_with_it(tmp_path):
    with sleeper(tmp_path) as process:
        assert sends_to_sleep(process, "Sequence", 2, processes=True)
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) == 2
        process.kill()
        process.wait()
        assert not psutil.wait_procs(workers, timeout=10)[1]


def many_fits(model: Any, count: int) -> None:
    """Fits of every kind by turns, some with validation, some that fail."""
    ways = [Way(0), Way(1), Way(4)]
    for number in range(count):
        way = ways[number % 3]
        giver: Any = Numbers(2) if number % 2 else endless(2)
        if number % 5 == 4:
            with pytest.raises(OwnError):
                fit_generator(
                    model,
                    failing(1, raise_own_error),
                    steps_per_epoch=2,
                    verbose=0,
                    validation_data=giver,
                    validation_steps=1,
                    **way.arguments,
                )
            continue
        fit_generator(
            model,
            giver,
            steps_per_epoch=2,
            verbose=0,
            validation_data=Numbers(1),
            **way.arguments,
        )


def many_fits_by_processes(model: Any, count: int) -> None:
    for number in range(count):
        fit_generator(
            model,
            Numbers(2) if number % 2 else endless(2),
            steps_per_epoch=2,
            verbose=0,
            validation_data=Numbers(1) if number % 4 == 1 else None,
            **Way(1, True).arguments,
        )


@pytest.mark.parametrize(
    ("fits", "by_processes"),
    [
        pytest.param(50, 4, marks=[pytest.mark.slow, pytest.mark.backends]),
        pytest.param(1000, 40, marks=pytest.mark.slow),
    ],
    ids=["50", "1000"],
)
@pytest.mark.timeout(600)
def test_fits_in_a_row_leave_nothing_behind(fits, by_processes, teller):
    many_fits(teller, 15)
    many_fits_by_processes(teller, 2)
    gc.collect()
    before = left()
    many_fits(teller, fits)
    many_fits_by_processes(teller, by_processes)
    eventually(left, before)
    assert before["threads"] == []
    assert before["children"] == []


def test_batches_that_a_user_keeps_do_not_keep_the_workers(teller):
    """Only their own memory stays, until they go too."""
    kept: list[Any] = []
    before = left()
    way = Way(1, True)
    kept.append(predict_generator(teller, Numbers(3), **way.arguments))
    eventually(lambda: left()["children"], before["children"])
    assert kept[0][::2, 0].tolist() == [0, 1, 2]
