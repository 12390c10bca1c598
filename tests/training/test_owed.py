"""The best model that a disk has no room for is the best model, whatever comes before it is written."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from resumable import STEPS, StopsAt, run_to, write_rows

from stoker.checkpoints import CheckpointStore
from stoker.errors import RunError
from stoker.training.artifacts import BEST, ModelFiles
from waiting import until

pytestmark = pytest.mark.timeout(120)

FULL = range(2 * STEPS - 1, 2 * STEPS + 6)
"""Steps behind which there is no room for a model; the best one is that of the second epoch's last step."""


class SecondIsBest(keras.callbacks.Callback):
    """The second epoch has the lowest loss."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["loss"] = float(abs(epoch - 1))


class Fills(StopsAt):
    """Takes the room for a model, and gives it back; copies the run as a kill in between would leave it."""

    def __init__(
        self, patch: pytest.MonkeyPatch | None = None, copied: tuple[Path, Path] | None = None
    ) -> None:
        super().__init__()
        self.patch, self.copied = patch, copied

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.patch is None:
            return
        # While one checkpoint is written none is begun: at the next step it is the turn of the next.
        until(lambda: "stoker-checkpoint" not in {thread.name for thread in threading.enumerate()})
        if self.seen == FULL.start:
            self.patch.setattr(ModelFiles, "_save", _no_room)
        elif self.seen == FULL.stop:
            if self.copied is not None:
                wait_for_checkpoint(self.copied[0], 2 * STEPS + 2)
                shutil.copytree(*self.copied)
            self.patch.undo()


def _no_room(files: ModelFiles, model: Any, name: str) -> None:
    raise RunError(f"{name} cannot be written") from OSError(28, "No space left on device")


def wait_for_checkpoint(run: Path, step: int) -> None:
    until = time.monotonic() + 60
    while not any(int(path.name[5:]) >= step for path in CheckpointStore(run).paths()):
        assert time.monotonic() < until
        time.sleep(0.01)


def best_of(run: Path) -> list[Any]:
    """All that ``model.keras`` holds: weights, and the optimizer's state."""
    model = keras.models.load_model(run / BEST)
    variables = [*model.weights, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def same(one: Path, other: Path) -> bool:
    return all(np.array_equal(*pair) for pair in zip(best_of(one), best_of(other), strict=True))


@pytest.mark.parametrize("early_stopping", [None, 3])
def test_it_is_written_later_with_weights_and_optimizer_of_when_it_was_best(
    small_model, tmp_path, monkeypatch, early_stopping
):
    path = write_rows(tmp_path)
    options = {"monitor": "min:loss", "early_stopping": early_stopping}

    def train(name: str, fills: Fills, **more: Any) -> None:
        callbacks = [SecondIsBest(), fills]
        run_to(
            small_model("binary", dropout=True), path, tmp_path / name, callbacks=callbacks, **options, **more
        )

    train("undisturbed", Fills())
    with monkeypatch.context() as patch:
        train("run", Fills(patch, (tmp_path / "run", tmp_path / "killed")))
    assert same(tmp_path / "run", tmp_path / "undisturbed")

    checkpoint = CheckpointStore(tmp_path / "killed").newest()
    assert checkpoint is not None
    assert checkpoint.manifest.owed is not None
    assert not same(tmp_path / "killed", tmp_path / "undisturbed")
    train("killed", Fills(), resume="auto")
    assert same(tmp_path / "killed", tmp_path / "undisturbed")
    newest = CheckpointStore(tmp_path / "killed").newest()
    assert newest is not None
    assert newest.manifest.owed is None


def test_one_that_is_not_of_the_model_is_refused(small_model, tmp_path, monkeypatch):
    path, run = write_rows(tmp_path), tmp_path / "run"
    with monkeypatch.context() as patch:
        fills = Fills(patch, (run, tmp_path / "killed"))
        run_to(
            small_model("binary"), path, run, callbacks=[SecondIsBest(), fills], monitor="min:loss", epochs=3
        )
    shape = CheckpointStore.read

    def smaller(store: CheckpointStore, where: Path) -> Any:
        found = shape(store, where)
        assert found.manifest.owed is not None
        last = found.manifest.owed.optimizer[-1]
        found.arrays[last] = found.arrays[last].reshape(1, -1)
        return found

    monkeypatch.setattr(CheckpointStore, "read", smaller)
    with pytest.raises(RunError, match="not of this model"):
        run_to(
            small_model("binary"),
            path,
            tmp_path / "killed",
            callbacks=[SecondIsBest(), Fills()],
            monitor="min:loss",
            resume="auto",
        )
