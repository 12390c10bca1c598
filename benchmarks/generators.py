"""``stoker.fit_generator``: a step from a cheap generator, Sequences in several workers, memory over epochs.

The model of the first comparison is 784-50-10 with batches of 256; the peer is Keras 3's own ``fit`` on the
same generator. Sequences that sleep or burn 10 ms a batch train a model of one weight: the batches are
all that takes time; each turn is one call, of whose two epochs the first, which starts workers and compiles,
is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, Spread, alone, interleave
from benchmarks.fit_overhead import _clock, _model

BATCH = 256
STEPS = 165
EPOCHS = 6
ITEMS = 100
SECONDS = 0.010
LOOPS = 170_000
MEMORY_EPOCHS = 50
MEMORY_STEPS = 20
MODULE = "benchmarks.generators"
Turn = Callable[[], dict[str, Any]]


def _batches() -> Iterator[tuple[Any, Any]]:
    """Slices of arrays in memory, without end."""
    import numpy as np

    random = np.random.default_rng(7)
    x = random.random((STEPS * BATCH, 784), np.float32)
    y = random.integers(0, 10, STEPS * BATCH)
    while True:
        for start in range(0, len(y), BATCH):
            yield x[start : start + BATCH], y[start : start + BATCH]


def cheap(who: str, **options: Any) -> Turn:
    """Train from the cheap generator, by Keras's own ``fit`` or by stoker's ``fit_generator``."""
    import stoker

    model = _model()

    def turn() -> dict[str, Any]:
        clock = _clock()
        common = {"steps_per_epoch": STEPS, "epochs": EPOCHS, "verbose": 0, "callbacks": [clock]}
        if who == "keras":
            model.fit(_batches(), **common)
        else:
            stoker.fit_generator(model, _batches(), **common, **options)
        return {"milliseconds": (clock.ends[-1] - clock.ends[0]) / (EPOCHS - 1) / STEPS * 1e3}

    return turn


class Slow:
    """A Sequence whose batches take 10 ms each, asleep or in a loop of pure Python."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        import numpy as np

        if self.kind == "sleep":
            time.sleep(SECONDS)
        else:
            total = 0
            for number in range(LOOPS):
                total += number
        return np.ones((8, 1), np.float32), np.ones((8, 1), np.float32)


def slow(kind: str, **options: Any) -> Turn:
    """Train a model of one weight on a slow Sequence."""
    import keras

    import stoker

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")

    def turn() -> dict[str, Any]:
        clock = _clock()
        stoker.fit_generator(model, Slow(kind), epochs=2, verbose=0, callbacks=[clock], **options)
        return {"milliseconds": (clock.ends[1] - clock.ends[0]) / ITEMS * 1e3}

    return turn


def memory() -> Turn:
    """Fifty epochs of twenty steps, each with batches that are new arrays."""
    import numpy as np
    import psutil

    import stoker

    model = _model()
    process = psutil.Process()

    def batches() -> Iterator[tuple[Any, Any]]:
        random = np.random.default_rng(7)
        while True:
            yield random.random((BATCH, 784), np.float32), random.integers(0, 10, BATCH)

    def turn() -> dict[str, Any]:
        import keras

        resident: list[float] = []

        class Look(keras.callbacks.Callback):
            """Notes the resident memory at each epoch's end."""

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                resident.append(process.memory_info().rss / 1e6)

        stoker.fit_generator(
            model,
            batches(),
            steps_per_epoch=MEMORY_STEPS,
            epochs=MEMORY_EPOCHS,
            verbose=0,
            callbacks=[Look()],
        )
        return {"second": resident[1], "most": max(resident[2:]), "last": resident[-1]}

    return turn


def contestants() -> list[Contestant]:
    """Who takes part, by what each does."""
    fits: dict[str, tuple[str, dict[str, Any]]] = {
        "model.fit, cheap generator": ("cheap", {"who": "keras"}),
        "fit_generator, cheap generator": ("cheap", {"who": "stoker"}),
        "fit_generator, cheap generator, workers=0": ("cheap", {"who": "stoker", "workers": 0}),
        "sleeping Sequence, 1 thread": ("slow", {"kind": "sleep", "workers": 1}),
        "sleeping Sequence, 4 threads": ("slow", {"kind": "sleep", "workers": 4}),
        "burning Sequence, 1 thread": ("slow", {"kind": "burn", "workers": 1}),
        "burning Sequence, 1 process": (
            "slow",
            {"kind": "burn", "workers": 1, "use_multiprocessing": True},
        ),
        "burning Sequence, 2 processes": (
            "slow",
            {"kind": "burn", "workers": 2, "use_multiprocessing": True},
        ),
    }
    return [
        Contestant(name=name, target=f"{MODULE}:{target}", options=options)
        for name, (target, options) in fits.items()
    ]


def run(settings: Settings) -> Report:
    """Measure calls and memory."""
    found = {name: spread["milliseconds"] for name, spread in interleave(contestants(), settings).items()}
    held = interleave([Contestant(name="memory", target=f"{MODULE}:memory")], settings)["memory"]
    growth = held["most"].first / held["second"].first
    return Report(
        title="fit_generator: milliseconds a step from a cheap generator and from slow Sequences",
        header=("who", "ms a step min", "median", "max"),
        rows=tuple((name, *spread.cells("{:.3f}".format)) for name, spread in found.items()),
        figures=(
            Figure(
                what="fit_generator from a cheap generator ÷ Keras's own fit on it",
                bound=1.05,
                measured=_ratio(found, "fit_generator, cheap generator", "model.fit, cheap generator"),
                at_least=False,
            ),
            Figure(
                what="Sequence that sleeps 10 ms: 4 threads against 1",
                bound=3.6,
                measured=_ratio(found, "sleeping Sequence, 1 thread", "sleeping Sequence, 4 threads"),
                at_least=True,
            ),
            Figure(
                what="Sequence that burns 10 ms of Python: 2 processes against 1",
                bound=1.7,
                measured=_ratio(found, "burning Sequence, 1 process", "burning Sequence, 2 processes"),
                at_least=True,
            ),
            Figure(
                what="most resident memory after the second of 50 epochs ÷ that after the second",
                bound=1.02,
                measured=growth,
                at_least=False,
            ),
        ),
        notes=(
            f"resident memory of a fresh process: {held['second'].first:.1f} MB after the second epoch, at "
            f"most {held['most'].first:.1f} MB later, {held['last'].first:.1f} MB after the last",
        ),
    )


def _ratio(found: dict[str, Spread], above: str, below: str) -> float:
    return found[above].median / found[below].median


if __name__ == "__main__":
    alone(run, __doc__ or "")
