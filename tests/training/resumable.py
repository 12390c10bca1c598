"""A small run on a file that is stopped by an error at a step, and one that never was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

import stoker

STEPS = 9
"""Of an epoch."""


class StoppedError(Exception):
    pass


class StopsAt(keras.callbacks.Callback):
    """Raises in the step of that number, counted over the call; it has nothing to remember."""

    def __init__(self, step: int | None = None) -> None:
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen == self.step:
            raise StoppedError

    def get_state(self) -> None:
        return None

    def set_state(self, state: None) -> None:
        pass


def write_rows(folder: Path, rows: int = 180, seed: int = 0) -> Path:
    path = folder / "rows.csv"
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    y = (x @ rng.normal(size=4) > 0).astype(int)
    lines = [",".join(f"{value:.4f}" for value in row) + f",{label}" for row, label in zip(x, y, strict=True)]
    path.write_text("a,b,c,d,y\n" + "\n".join(lines) + "\n")
    return path


def feed_of(path: Path, **options: Any) -> tuple[Any, Any]:
    """144 rows in 9 batches to train on, 36 to validate on."""
    train, valid = stoker.open(path, label="y").split(0.8, seed=3)
    options = {"batch_size": 16, "seed": 5, "cache": "never", "workers": 0, **options}
    return stoker.Feed(train, **options), valid


@dataclass
class Reached:
    history: Any
    values: list[Any]
    model: Any

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Reached)
        same = all(np.array_equal(*pair) for pair in zip(self.values, other.values, strict=True))
        mine, theirs = self.history, other.history
        return (
            same
            and mine.history == theirs.history
            and mine.epoch == theirs.epoch
            and mine.report.validations == theirs.report.validations
            and (mine.report.steps, mine.report.rows) == (theirs.report.steps, theirs.report.rows)
            and (mine.report.best, mine.report.best_step) == (theirs.report.best, theirs.report.best_step)
        )

    __hash__ = None  # type: ignore[assignment]


def reached(model: Any, history: Any) -> Reached:
    variables = [*model.variables, *model.optimizer.variables]
    values = [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]
    return Reached(history=history, values=values, model=model)


def run_to(
    model: Any,
    path: Path,
    run: Path,
    *,
    stop: int | None = None,
    callbacks: Sequence[Any] = (),
    feed: dict[str, Any] | None = None,
    **options: Any,
) -> Reached | None:
    """Train; None where it was stopped."""
    made, valid = feed_of(path, **(feed or {}))
    options = {"epochs": 3, "progress": "none", "checkpoint_every": "2steps", **options}
    try:
        history = stoker.fit(
            model,
            made,
            validation=valid,
            run=run,
            callbacks=[*callbacks, StopsAt(stop)],
            **options,
        )
    except StoppedError:
        return None
    finally:
        made.close()
    return reached(model, history)
