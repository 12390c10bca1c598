"""What checkpoints cost a training at the default interval: the same run with them and without.

Two models on the same 42,000 rows of 784 numbers, batches of 256: 784-50-10, whose epochs take a tenth of a
second, and 784-1024-1024-10 with Adam, whose state of 22 MB changes with every step. Each turn is one call of
fit; its first epoch, which compiles, is left out. By default a checkpoint is written every five minutes and
after every epoch, unless the last one cost more than a fiftieth of the time since.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, Spread, alone, interleave
from benchmarks.data import CSV_ROWS, write_csv

BATCH = 256
SIZES = {"784-50-10": ((50,), 40), "784-1024-1024-10": ((1024, 1024), 3)}
"""Hidden layers, and the epochs of a turn."""
EVERY = {"with checkpoints": None, "without": "never"}
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


def _timed_saves() -> list[float]:
    """Seconds that training waits for each checkpoint, as they are taken."""
    from stoker.training.checkpointing import Checkpointer

    waits: list[float] = []
    save = Checkpointer.save

    def timed(self: Any, **options: Any) -> None:
        began = time.perf_counter()
        save(self, **options)
        waits.append(time.perf_counter() - began)

    Checkpointer.save = timed  # type: ignore[method-assign]
    return waits


def fit(path: str, run: str, model: str, every: str | None) -> Turn:
    """Train on rows that the survey kept in memory."""
    import stoker
    from stoker.checkpoints import CheckpointStore
    from stoker.transforms.numeric import Cast

    hidden, epochs = SIZES[model]
    source = stoker.open(path, label="label")
    feed = stoker.Feed(source, transform=Cast(), batch_size=BATCH, shuffle=True, seed=7)
    feed.prepare()
    trained = _model(tuple(hidden))
    waits = _timed_saves()
    turns = iter(range(1_000_000))

    def turn() -> dict[str, Any]:
        waits.clear()
        clock, folder = _clock(), f"{run}/{next(turns)}"
        stoker.fit(
            trained,
            feed,
            epochs=epochs,
            callbacks=[clock],
            progress="none",
            run=folder,
            checkpoint_every=every,
        )
        (began, worked), (ended, done) = clock.ends[0], clock.ends[-1]
        newest = CheckpointStore(folder).newest()
        return {
            "seconds": ended - began,
            "processor": done - worked,
            # The one after the last epoch, for which nothing waits, is not among the epochs measured.
            "count": max(len(waits) - 1, 0),
            "milliseconds": 1e3 * max(waits[:-1], default=0.0),
            "megabytes": 0.0 if newest is None else newest.num_bytes / 1e6,
        }

    return turn


def run(settings: Settings) -> Report:
    """Measure each model with and without."""
    path = str(write_csv(settings, CSV_ROWS))
    rows: list[tuple[str, ...]] = []
    figures: list[Figure] = []
    for model in SIZES:
        contestants = [
            Contestant(
                name=f"{model}, {name}",
                target="benchmarks.checkpoints:fit",
                options={
                    "path": path,
                    "run": tempfile.mkdtemp(prefix="checkpoints-", dir=settings.work),
                    "model": model,
                    "every": every,
                },
            )
            for name, every in EVERY.items()
        ]
        found = list(interleave(contestants, settings).items())
        rows += [_row(name, spreads) for name, spreads in found]
        (_, kept), (_, bare) = found
        lost = kept["count"].median * kept["milliseconds"].median / 1e3 / bare["seconds"].median
        ratio = kept["processor"].median / bare["processor"].median - 1
        figures += [
            Figure(
                what=f"{model}: training waits for checkpoints",
                bound=2.0,
                measured=100 * lost,
                at_least=False,
                unit="%",
            ),
            Figure(
                what=f"{model}: processor time with them ÷ without, less 1",
                bound=2.0,
                measured=100 * ratio,
                at_least=False,
                unit="%",
            ),
        ]
    return Report(
        title="What checkpoints cost at the default interval",
        header=(
            "run",
            "s",
            "s of processor",
            "checkpoints",
            "MB each",
            "ms that training waits for one, at most",
        ),
        rows=tuple(rows),
        figures=tuple(figures),
    )


def _row(name: str, spreads: dict[str, Spread]) -> tuple[str, ...]:
    return (
        name,
        f"{spreads['seconds'].median:.2f}",
        f"{spreads['processor'].median:.2f}",
        f"{spreads['count'].median:.0f}",
        f"{spreads['megabytes'].median:.1f}",
        f"{spreads['milliseconds'].median:.1f}",
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
