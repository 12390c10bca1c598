"""A checkpoint is written while something else goes on."""

from __future__ import annotations

import threading
import time

import pytest
from kept_checkpoints import made_checkpoint

from left_behind import no_thread_is_left
from stoker.checkpoints import BackgroundWriter, CheckpointStore

pytestmark = pytest.mark.timeout(30)


class Slow(CheckpointStore):
    def __init__(self, folder, gate):
        super().__init__(folder)
        self.gate = gate

    def write(self, checkpoint, between):
        self.gate.wait()
        return super().write(checkpoint, between)


def test_writing_does_not_wait_and_leaves_no_thread(tmp_path):
    gate = threading.Event()
    writer = BackgroundWriter(Slow(tmp_path, gate))
    with no_thread_is_left():
        writer.write(made_checkpoint(3))
        assert writer.is_busy
        assert writer.finished() is None
        with pytest.raises(RuntimeError, match="being written"):
            writer.write(made_checkpoint(4))
        gate.set()
        assert writer.wait().name == "step-000000000003"
        assert not writer.is_busy
    assert writer.wait() is None


def test_what_went_wrong_is_told_once(tmp_path):
    (tmp_path / "checkpoints").write_text("a file is in the way")
    writer = BackgroundWriter(CheckpointStore(tmp_path))
    writer.write(made_checkpoint(3))
    with pytest.raises(OSError, match="checkpoints"):
        writer.wait()
    assert writer.wait() is None


def test_one_that_is_abandoned_leaves_nothing_and_those_before_it_stay(tmp_path):
    class UntilNobodyWantsIt(CheckpointStore):
        def write(self, checkpoint, between):
            def wait():
                while checkpoint.step == 4:
                    between()
                    time.sleep(0.01)

            return super().write(checkpoint, wait)

    store = CheckpointStore(tmp_path)
    store.write(made_checkpoint(3))
    writer = BackgroundWriter(UntilNobodyWantsIt(tmp_path))
    writer.write(made_checkpoint(4))
    writer.abandon()
    assert not writer.is_busy
    assert [path.name for path in store.folder.iterdir()] == ["step-000000000003"]
    assert writer.wait() is None
    writer.write(made_checkpoint(5))
    assert writer.wait().name == "step-000000000005"


def test_what_the_check_refuses_is_not_written(tmp_path):
    def check(checkpoint):
        if checkpoint.step == 4:
            raise ArithmeticError("spoilt")

    writer = BackgroundWriter(CheckpointStore(tmp_path), check)
    writer.write(made_checkpoint(4))
    with pytest.raises(ArithmeticError, match="spoilt"):
        writer.wait()
    assert not writer.store.paths()
