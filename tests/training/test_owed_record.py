"""A record that a disk has no room for holds all epochs in the end, whatever comes before it is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from resumable import STEPS, StopsAt, run_to, write_rows
from test_owed import wait_for_checkpoint

import stoker
from stoker.checkpoints import CheckpointStore
from stoker.errors import RunError
from stoker.rundir import RunDirectory
from stoker.runrecords import RunRecord

pytestmark = pytest.mark.timeout(120)


class Fills(StopsAt):
    """Takes the room for run.json before an epoch ends, and copies the run as a kill later would leave it."""

    def __init__(
        self, patch: pytest.MonkeyPatch | None = None, *paths: Path, steps: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__()
        self.patch, self.paths, self.steps = patch, paths, steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.patch is None:
            return
        if self.seen == self.steps[0]:
            self.patch.setattr(RunDirectory, "write", _no_room)
        if self.seen % STEPS == 1 and self.seen > 1:  # so that none waits for the one before to be written
            wait_for_checkpoint(self.paths[0], self.seen - 1)
        if self.seen == self.steps[1]:
            shutil.copytree(*self.paths)

    def on_train_end(self, logs: Any = None) -> None:
        if self.patch is not None:
            if not self.paths[1].exists():
                wait_for_checkpoint(self.paths[0], self.seen)
                shutil.copytree(*self.paths)
            self.patch.undo()


def _no_room(directory: RunDirectory, record: RunRecord) -> None:
    raise RunError("run.json cannot be written") from OSError(28, "No space left on device")


def told(run: Path) -> tuple[list[Any], str, list[str]]:
    """What run.json says of each epoch but how long it took, the outcome, and the epochs of epochs.csv."""
    record = RunDirectory(run).read()
    plain = [
        msgspec.to_builtins(msgspec.structs.replace(e, seconds=0.0, wait_seconds=0.0)) for e in record.epochs
    ]
    rows = (run / "epochs.csv").read_text().splitlines()[1:]
    return plain, record.outcome.status, [row.split(",")[0] for row in rows]


@pytest.mark.parametrize(
    ("full", "killed", "epochs"),
    [(STEPS - 1, STEPS + 5, [0]), (STEPS - 1, 2 * STEPS + 5, [0, 1]), (3 * STEPS - 1, 10**6, [2])],
    ids=["in the next epoch", "two epochs later", "behind the last"],
)
def test_a_run_killed_while_its_record_is_owed_ends_with_the_same_bits_and_every_epoch(
    small_model, tmp_path, monkeypatch, full, killed, epochs
):
    path, run, copy = write_rows(tmp_path), tmp_path / "run", tmp_path / "killed"
    undisturbed = run_to(small_model("binary", dropout=True), path, tmp_path / "undisturbed")
    assert undisturbed is not None
    with monkeypatch.context() as patch:
        fills = Fills(patch, run, copy, steps=(full, killed))
        run_to(small_model("binary", dropout=True), path, run, callbacks=[fills], checkpoint_every="1epoch")
    assert told(run) == told(tmp_path / "undisturbed")

    newest = CheckpointStore(copy).newest()
    assert newest is not None
    assert [record.epoch for record in newest.manifest.unrecorded] == epochs
    assert not set(epochs) & {record.epoch for record in RunDirectory(copy).read().epochs}
    assert stoker.verify(copy).agrees
    gone_on = run_to(small_model("binary", dropout=True), path, copy, callbacks=[Fills()], resume="auto")
    assert gone_on == undisturbed
    assert told(copy) == told(tmp_path / "undisturbed")
    assert stoker.verify(copy).agrees
