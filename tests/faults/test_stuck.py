"""A source that does not answer: a person is told which stage waits for which file, and where it stands."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from faulty import Disk, feed_of

import stoker
from stoker.checkpoints import BackgroundWriter, CheckpointStore
from stoker.errors import OptionError
from stoker.transforms import Cast
from stoker.waits import VARIABLE, At, StageWait, Wait, look, watched
from waiting import LIMIT_SECONDS, Told, until

pytestmark = pytest.mark.timeout(120)

AFTER = 0.15


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """What is told of waits of a sixth of a second."""
    monkeypatch.setenv(VARIABLE, str(AFTER))
    with Told() as told:
        yield told


@pytest.fixture
def stick(disk: Disk, told: Told) -> Iterator[Callable[..., None]]:
    """Have the first read of a file from now on not return before somebody is told, in these words."""

    def at(name: str, words: str = "still waiting for ") -> None:
        once = threading.Lock()

        def wait(path: str, start: int, size: int) -> int:
            if path.endswith(name) and once.acquire(blocking=False):
                told.of(f"{path} and gets no answer", words)
            return size

        disk.before = wait
        reads.append(once)

    reads: list[threading.Lock] = []
    yield at
    assert reads
    assert all(once.locked() for once in reads)


@pytest.mark.parametrize("workers", [0, 2])
def test_in_a_survey(workers, table, stick, told):
    feed = feed_of(table, workers=workers)
    words = "still waiting for survey after N s: a thread reads "
    stick("t.csv", words)
    feed.prepare()
    text = told.of(words, f" bytes at byte 152 of {table} and gets no answer")
    assert "MainThread waits for survey since N s" in text
    assert "in read_into\n" in text


@pytest.mark.parametrize("workers", [0, 2])
def test_while_an_epoch_is_read(workers, table, stick):
    feed = feed_of(table, workers=workers)
    feed.prepare()
    stick("t.csv", f"still waiting for transform{' (read)' if workers else ''} after ")
    with closing(feed.epoch()) as batches:
        assert sum(batch.size for batch in batches) == feed.num_rows


def test_while_a_cache_is_made(table, stick):
    feed_of(table).prepare()
    feed = feed_of(table, cache="always")
    feed.prepare()
    stick("t.csv", "still waiting for cache after ")
    feed.build_cache()


def test_while_a_vectoriser_learns(here, stick):
    path = here / "texts.csv"
    path.write_text(
        "text,y\n" + "".join(f"word{row % 50} other{row % 3},{row % 2}\n" for row in range(3_000))
    )
    feed = stoker.Feed(
        stoker.open(path, label="y", text="text"),
        transform=stoker.NgramVectorizer(max_features=20),
        batch_size=32,
        cache="never",
        memory="20MB",
        workers=1,
    )
    stick("texts.csv")
    with watched():
        feed.prepare()


@pytest.mark.parametrize("name", ["t.csv", "valid.csv"])
def test_in_training_and_in_validation(name, table, stick, model):
    feed = feed_of(table)
    feed.prepare()
    valid = feed.derive(shutil.copy(table, table.parent / "valid.csv"))
    role = {"t.csv": "training", "valid.csv": "validation"}[name]
    stick(name, f"still waiting for batch 1 of epoch 1 of the {role} (transform")
    stoker.fit(model(feed), feed, validation=valid, epochs=1, progress="none")


def test_while_training_waits_for_a_checkpoint_to_be_on_the_disk(table, told, model, monkeypatch):
    fsync, once = os.fsync, threading.Lock()
    words = ("still waiting for a checkpoint after N s: ", "a thread writes a checkpoint to run/checkpoints")

    def slow(descriptor: int) -> None:
        if threading.current_thread().name == "stoker-checkpoint" and once.acquire(blocking=False):
            told.of(*words)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    feed = feed_of(table)
    stoker.fit(model(feed), feed, epochs=1, run="run", progress="none")
    assert told.of(*words).startswith(words[0])


@pytest.mark.parametrize(
    ("name", "said"),
    [("run/run.json", "the record of run"), ("run/last.keras", "run/last.keras")],
)
def test_a_run_s_file_that_the_disk_does_not_take_is_told(name, said, table, told, model, monkeypatch):
    replaced, once = os.replace, threading.Lock()
    words = f"still waiting for a file after N s: a thread writes {said} and gets no answer"

    def slow(source, target, **known):
        if Path(target) == Path(name).absolute() and once.acquire(blocking=False):
            told.of(words)
        replaced(source, target, **known)

    monkeypatch.setattr(os, "replace", slow)
    feed = feed_of(table)
    stoker.fit(model(feed), feed, epochs=1, run="run", progress="none")
    assert told.of(words)


def test_a_checkpoint_that_nobody_wants_is_waited_for_until_that_was_told(here, told, monkeypatch):
    monkeypatch.setattr("stoker.checkpoints.background._AFTER_TELLING_SECONDS", AFTER)
    store, answers = CheckpointStore(here / "run"), threading.Event()
    monkeypatch.setattr(store, "write", lambda *given: answers.wait(LIMIT_SECONDS))
    writer = BackgroundWriter(store)
    writer.write(None)
    thread = next(each for each in threading.enumerate() if each.name == "stoker-checkpoint")
    began = time.monotonic()
    writer.abandon()
    assert AFTER < time.monotonic() - began < LIMIT_SECONDS / 2
    assert "a thread writes a checkpoint to " in told.of("still waiting for a checkpoint")
    answers.set()
    thread.join()


def test_a_transform_that_hangs_is_told_with_where_it_stands(table, told):
    once = threading.Lock()

    class Hanging(Cast):
        def apply(self, rows, take, out):
            if once.acquire(blocking=False):
                told.of("still waiting for transform", "told.of(")
            return super().apply(rows, take, out)

    feed = feed_of(table, transform=Hanging())
    with closing(feed.epoch()) as batches:
        next(batches)
    text = told.of("still waiting for transform", "told.of(")
    assert "stoker-transform-0 computes " in text
    assert "in apply\n" in text


def test_a_file_that_cannot_be_opened_for_long_is_told(table, told, monkeypatch):
    opened = stoker.sources.packing.open if hasattr(stoker.sources.packing, "open") else open

    def slow(path, *arguments, **options):
        told.of(f"{path} and")
        return opened(path, *arguments, **options)

    monkeypatch.setattr("stoker.sources.packing.open", slow, raising=False)
    stoker.open(table, label="y")
    assert told.of(f"a thread reads the first bytes of {table} and gets no answer")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time by which waits are measured, to be set."""
    now = [1_000.0]
    monkeypatch.setattr("stoker.waits.monotonic", lambda: now[0])
    return now


def test_it_is_told_again_when_it_has_taken_twice_as_long(told, clock):
    with StageWait("nothing", after=60.0):
        for passed in (59.9, 0.1, 0.0, 59.9, 0.1):
            clock[0] += passed
            look()
            clock[0] = round(clock[0], 6)
    assert [text.partition("\n")[0] for text in told.texts] == [
        "still waiting for nothing after 60 s: nothing has come",
        "still waiting for nothing after 120 s: nothing has come",
    ]


def test_waits_in_a_row_that_are_each_short_are_not_told(told, clock):
    with At("reads much"):
        for _ in range(6):
            with Wait("reads {}", "a"):
                clock[0] += AFTER / 3
                look()
    assert told.texts == []


def test_a_wait_for_another_is_told_from_outside_inwards_and_only_once(told, clock):
    with StageWait("outer", after=AFTER):
        clock[0] += 0.01
        with StageWait("inner", why=lambda: "the disk is slow", after=1e-9):
            clock[0] += 0.2  # it is told again when it has taken twice as long
            look()
            look()
    assert [text.partition("\n")[0] for text in told.texts] == [
        "still waiting for outer (inner) after 0 s: the disk is slow"
    ]


def test_nobody_watches_when_nothing_is_done(table):
    with watched(), watched():
        assert "stoker-watch" in {thread.name for thread in threading.enumerate()}
    feed = feed_of(table, workers=0)
    with closing(feed.epoch()) as batches:
        next(batches)
    assert "stoker-watch" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
def test_a_limit_that_is_none_is_refused(text, table, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(
        OptionError, match=f"STOKER_TELL_AFTER must be a number of seconds above 0, got '{text}'"
    ):
        stoker.open(table, label="y")


def test_a_wait_for_kernels_to_be_compiled_is_told_as_that_and_without_stacks(caplog):
    from numba.core.compiler_lock import global_compiler_lock

    @global_compiler_lock
    def compile_for_long():
        with StageWait("survey", after=0.01):
            time.sleep(0.05)
            look()

    compile_for_long()
    (said,) = (record.getMessage() for record in caplog.records if record.name == "stoker")
    assert said.endswith("stoker's kernels are being compiled, which is done once after an installation")


def test_an_interrupt_while_the_watch_begins_leaves_no_thread(monkeypatch):
    def interrupted(thread):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt), watched():
            pass
    with watched():
        assert any(each.name == "stoker-watch" for each in threading.enumerate())
    until(lambda: not any(each.name == "stoker-watch" for each in threading.enumerate()))
