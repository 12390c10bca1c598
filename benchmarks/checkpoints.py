"""What checkpoints cost a training at the default interval.

Two models on the same 42,000 rows of 784 numbers, batches of 256: 784-50-10, whose epochs take a tenth of a
second, and 784-1024-1024-10 with Adam, whose state of 22 MB changes with every step. Each turn is one call of
fit; its first epoch, which compiles, is left out. By default a checkpoint is written every five minutes and
after every epoch, unless the last one cost more than a fiftieth of the time since. What training waits for,
and what the thread that writes computes, is measured where it is done: the difference between a run with
checkpoints and one without is less than what two runs differ by.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, Spread, alone, interleave
from benchmarks.data import CSV_ROWS, write_csv

BATCH = 256
SIZES = {"784-50-10": ((50,), 40), "784-1024-1024-10": ((1024, 1024), 3)}
"""Hidden layers, and the epochs of a turn."""
Turn = Callable[[], dict[str, Any]]


def _model(hidden: tuple[int, ...]) -> Any:
    import keras

    keras.utils.set_random_seed(7)
    layers = [keras.layers.Dense(units, activation="relu") for units in hidden]
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Rescaling(1 / 255),
            *layers,
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _clock() -> Any:
    import keras

    class Clock(keras.callbacks.Callback):
        """Notes both clocks at each epoch's end; it overrides no batch hook, and remembers nothing."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.ends: list[tuple[float, float]] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.ends.append((time.perf_counter(), time.process_time()))

        def get_state(self) -> None:
            return None

        def set_state(self, state: None) -> None:
            pass

    return Clock()


def _timed() -> tuple[list[float], list[float]]:
    """Seconds that training waits for each checkpoint, and all seconds of processor spent on them."""
    from stoker.checkpoints import CheckpointStore
    from stoker.training.checkpointing import Checkpointer

    waits: list[float] = []
    works: list[float] = []
    save, write = Checkpointer.save, CheckpointStore.write

    def timed(self: Any, **options: Any) -> None:
        began, worked_before = time.perf_counter(), time.thread_time()
        save(self, **options)
        waits.append(time.perf_counter() - began)
        works.append(time.thread_time() - worked_before)

    def worked(self: Any, *given: Any) -> Any:
        began = time.thread_time()
        try:
            return write(self, *given)
        finally:
            works.append(time.thread_time() - began)

    Checkpointer.save = timed  # type: ignore[method-assign]
    CheckpointStore.write = worked  # type: ignore[method-assign]
    return waits, works


def fit(path: str, run: str, model: str) -> Turn:
    """Train on rows that the survey kept in memory."""
    import stoker
    from stoker.checkpoints import CheckpointStore
    from stoker.transforms.numeric import Cast

    hidden, epochs = SIZES[model]
    source = stoker.open(path, label="label")
    feed = stoker.Feed(source, transform=Cast(), batch_size=BATCH, shuffle=True, seed=7)
    feed.prepare()
    trained = _model(tuple(hidden))
    waits, works = _timed()
    turns = iter(range(1_000_000))

    def turn() -> dict[str, Any]:
        waits.clear()
        works.clear()
        clock, folder = _clock(), f"{run}/{next(turns)}"
        stoker.fit(trained, feed, epochs=epochs, callbacks=[clock], progress="none", run=folder)
        (began, worked), (ended, done) = clock.ends[0], clock.ends[-1]
        newest = CheckpointStore(Path(folder)).newest()
        # Nothing waits for the one after the last epoch, whose work is counted all the same.
        return {
            "seconds": ended - began,
            "processor": done - worked,
            "count": len(waits) - 1,
            "wait": sum(waits[:-1]),
            "longest": max(waits[:-1], default=0.0),
            "work": sum(works),
            "megabytes": 0.0 if newest is None else newest.num_bytes / 1e6,
        }

    return turn


def run(settings: Settings) -> Report:
    """Measure each model."""
    path = str(write_csv(settings, CSV_ROWS))
    contestants = [
        Contestant(
            name=model,
            target="benchmarks.checkpoints:fit",
            options={
                "path": path,
                "run": tempfile.mkdtemp(prefix="checkpoints-", dir=settings.work),
                "model": model,
            },
        )
        for model in SIZES
    ]
    found = interleave(contestants, settings)
    return Report(
        title="What checkpoints cost at the default interval",
        header=("model", "s", "checkpoints", "MB each", "ms of waiting, the longest", "waiting", "computing"),
        rows=tuple(_row(name, spreads) for name, spreads in found.items()),
        figures=tuple(
            Figure(
                what=f"{name}: training waits for checkpoints",
                bound=2.0,
                measured=100 * spreads["wait"].median / spreads["seconds"].median,
                at_least=False,
                unit="%",
            )
            for name, spreads in found.items()
        ),
    )


def _row(name: str, spreads: dict[str, Spread]) -> tuple[str, ...]:
    seconds = spreads["seconds"].median
    return (
        name,
        f"{seconds:.2f}",
        f"{spreads['count'].median:.0f}",
        f"{spreads['megabytes'].median:.1f}",
        f"{1e3 * spreads['longest'].median:.1f}",
        f"{100 * spreads['wait'].median / seconds:.2f} %",
        f"{100 * spreads['work'].median / spreads['processor'].median:.2f} %",
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
