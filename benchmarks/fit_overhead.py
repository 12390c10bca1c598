"""``stoker.fit`` against ``model.fit`` on the same arrays in memory: milliseconds a step of an MLP.

The model is 784-50-10, batches are of 256. Each turn is one call of fit; its first epoch, which compiles and
fills queues, is left out, and the others' time is divided by their steps. stoker keeps its position and shows
its progress; Keras runs both silent, which is the bar to meet, and with its own progress bar.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave
from benchmarks.data import CSV_ROWS, write_arrays, write_csv

BATCH = 256
EPOCHS = 6
STEPS = -(-CSV_ROWS // BATCH)
Turn = Callable[[], dict[str, Any]]


def _model() -> Any:
    import keras

    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Dense(50, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _clock() -> Any:
    import keras

    class Clock(keras.callbacks.Callback):
        """Notes the time of each epoch's end; it overrides no batch hook."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.ends: list[float] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.ends.append(time.perf_counter())

    return Clock()


def _milliseconds(ends: list[float]) -> dict[str, Any]:
    return {"milliseconds": (ends[-1] - ends[0]) / (len(ends) - 1) / STEPS * 1e3}


def keras_fit(pixels: str, labels: str, verbose: int) -> Turn:
    import numpy as np

    x = np.load(pixels).astype(np.float32)
    y = np.load(labels)
    model = _model()

    def turn() -> dict[str, Any]:
        clock = _clock()
        with contextlib.redirect_stdout(io.StringIO()):
            model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=verbose, callbacks=[clock])
        return _milliseconds(clock.ends)

    return turn


def stoker_fit(path: str, progress: str, run: str | None = None) -> Turn:
    """Train from rows that the survey kept in memory, which is what "in memory" means for a Feed."""
    import stoker
    from stoker.transforms.numeric import Cast

    feed = stoker.Feed(
        stoker.open(path, label="label"), transform=Cast(), batch_size=BATCH, shuffle=True, seed=7
    )
    feed.prepare()
    model = _model()
    turns = iter(range(1_000_000))

    def turn() -> dict[str, Any]:
        clock = _clock()
        folder = None if run is None else f"{run}/{next(turns)}"
        stoker.fit(model, feed, epochs=EPOCHS, callbacks=[clock], progress=progress, run=folder)
        return _milliseconds(clock.ends)

    return turn


def run(settings: Settings) -> Report:
    """Measure all contestants and compare with a silent model.fit."""
    path = str(write_csv(settings, CSV_ROWS))
    pixels, labels = map(str, write_arrays(settings, CSV_ROWS))
    file = {"path": path}
    arrays = {"pixels": pixels, "labels": labels}
    module = "benchmarks.fit_overhead"
    silent, shown = "model.fit, verbose=0", "model.fit, verbose=1"
    headline, bare = "stoker.fit, progress display", "stoker.fit, no display"
    stored = "stoker.fit, progress display, run directory"
    folder = tempfile.mkdtemp(prefix="fit-runs-", dir=settings.work)
    contestants = [
        Contestant(name=silent, target=f"{module}:keras_fit", options={**arrays, "verbose": 0}),
        Contestant(
            name=headline,
            target=f"{module}:stoker_fit",
            options={**file, "progress": "bar"},
        ),
        Contestant(name=shown, target=f"{module}:keras_fit", options={**arrays, "verbose": 1}),
        Contestant(name=bare, target=f"{module}:stoker_fit", options={**file, "progress": "none"}),
        Contestant(
            name=stored,
            target=f"{module}:stoker_fit",
            options={**file, "progress": "bar", "run": folder},
        ),
    ]
    results = {name: spread["milliseconds"] for name, spread in interleave(contestants, settings).items()}
    bar = results[silent].median
    return Report(
        title="A step of stoker.fit against a step of model.fit, 784-50-10 MLP, batches of 256",
        header=("who", "ms a step min", "median", "max", "÷ model.fit, verbose=0"),
        rows=tuple(
            (name, *spread.cells("{:.3f}".format), f"{spread.median / bar:.2f} ×")
            for name, spread in results.items()
        ),
        figures=(
            Figure(
                what="stoker.fit with its progress display ÷ model.fit without",
                bound=1.15,
                measured=results[headline].median / bar,
                at_least=False,
            ),
        ),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
