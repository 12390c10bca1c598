"""A checkpoint is written while something else goes on."""

from __future__ import annotations

import threading

import pytest
from kept_checkpoints import made_checkpoint

from stoker.checkpoints import BackgroundWriter, CheckpointStore

pytestmark = pytest.mark.timeout(30)


class Slow(CheckpointStore):
    def __init__(self, folder, gate):
        super().__init__(folder)
        self.gate = gate

    def write(self, checkpoint):
        self.gate.wait()
        return super().write(checkpoint)


def test_writing_does_not_wait_and_leaves_no_thread(tmp_path):
    gate = threading.Event()
    writer = BackgroundWriter(Slow(tmp_path, gate))
    before = threading.active_count()
    writer.write(made_checkpoint(3))
    assert writer.is_busy
    assert writer.finished() is None
    with pytest.raises(RuntimeError, match="being written"):
        writer.write(made_checkpoint(4))
    gate.set()
    assert writer.wait().name == "step-000000000003"
    assert not writer.is_busy
    assert threading.active_count() == before
    assert writer.wait() is None


def test_what_went_wrong_is_told_once(tmp_path):
    (tmp_path / "checkpoints").write_text("a file is in the way")
    writer = BackgroundWriter(CheckpointStore(tmp_path))
    writer.write(made_checkpoint(3))
    with pytest.raises(OSError, match="checkpoints"):
        writer.wait()
    assert writer.wait() is None
