"""One side of a soak, in a process of its own: trains until the time is up, and tells its memory on the way.

Run as ``python soaking.py KIND SECONDS FOLDER``: prints one JSON object. KIND is ``feed``, ``text``,
``generator`` or ``processes``, or one of these with ``constant-`` before it: the same model after the same
imports and allocator setting, fed one batch again and again. With ``quick-KIND-KIND STEPS FOLDER`` it
takes so many steps of each of these kinds, each time behind the same model fed one batch.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv

import stoker
from stoker import backends
from stoker.buffers import release_idle
from stoker.ledger import Ledger

with backends.unaccompanied():  # scikit-learn and pandas take 0.8 s
    import keras

COLUMNS, LENGTH, WORDS, BATCH = 64, 32, 2_000, 256
_ROWS, _FEW_ROWS = 60_000, 6_000
_EVERY = 0.25


def memory() -> dict[str, int]:
    """Bytes of this process that are its own, and those that show mapped files."""
    found = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("RssAnon", "RssFile", "RssShmem"):
            found[name] = int(value.split()[0]) * 1024
    return found


def memory_of_children() -> int:
    """Bytes of this process's own processes that are their own."""
    total = 0
    for child in psutil.Process().children(recursive=True):
        with suppress(OSError, psutil.Error, ValueError, IndexError):
            status = Path(f"/proc/{child.pid}/status").read_text()
            total += int(status.split("RssAnon:")[1].split()[0]) * 1024
    return total


class Watch(keras.callbacks.Callback):
    """Takes the memory down every so many seconds, and stops when time or steps are up."""

    def __init__(self, seconds: float, *, every: float = _EVERY, most_steps: float = math.inf) -> None:
        super().__init__()
        self.samples: list[tuple[float, int, int, int]] = []
        self._began: float | None = None
        self._next, self._seconds, self.steps = 0.0, seconds, 0
        self._every, self._most_steps = every, most_steps

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.steps += 1
        self._began = time.monotonic() if self._began is None else self._began
        now = time.monotonic() - self._began
        if now >= self._next:
            found = memory()
            mapped = found["RssFile"] + found.get("RssShmem", 0)
            self.samples.append((now, found["RssAnon"], mapped, memory_of_children()))
            self._next = now + self._every
        if now >= self._seconds or self.steps >= self._most_steps:
            self.model.stop_training = True


def numbers_file(folder: Path, rows: int) -> Path:
    path = folder / "numbers.csv"
    values = np.random.default_rng(1).integers(0, 1000, (COLUMNS, rows))
    columns = {"y": (values[0] > 500).astype(np.int64)}
    columns |= {f"c{place}": column for place, column in enumerate(values)}
    pyarrow.csv.write_csv(pa.table(columns), path)
    return path


def texts_file(folder: Path, rows: int) -> Path:
    path = folder / "texts.csv"
    words = np.array([f"word{place}" for place in range(WORDS)])
    places = np.random.default_rng(2).integers(0, WORDS, (rows // 30, LENGTH))
    lines = [f"{row % 2},{' '.join(found)}\n" for row, found in enumerate(words[places])]
    path.write_text("y,text\n" + "".join(lines) * 30)
    return path


def made(kind: str) -> keras.Model:
    return tokens_model() if kind == "text" else mlp()


def mlp() -> keras.Model:
    layers = [keras.layers.Input((COLUMNS,)), keras.layers.Dense(64, activation="relu")]
    return compiled(keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")]))


def tokens_model() -> keras.Model:
    layers = [keras.layers.Input((LENGTH,), dtype="int32"), keras.layers.Embedding(WORDS + 1, 16)]
    layers += [keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1, activation="sigmoid")]
    return compiled(keras.Sequential(layers))


def compiled(model: keras.Model) -> keras.Model:
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def numbers_batch(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(BATCH, COLUMNS)).astype(np.float32)
    return x, (x[:, :1] > 0).astype(np.float32)


class Batches(keras.utils.PyDataset):
    """New arrays for every batch, as a user's own data set has them."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)

    def __len__(self) -> int:
        return 200

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return numbers_batch(index)


def generator() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    seed = 0
    while True:
        seed += 1
        yield numbers_batch(seed)


def soak(kind: str, seconds: float, folder: Path) -> dict[str, object]:
    """Train, and tell."""
    kind, is_constant = kind.removeprefix("constant-"), kind.startswith("constant-")
    if is_constant:
        import_all(kind, folder)
    watch, model = Watch(seconds), made(kind)
    ledger = None if is_constant else train(kind, model, watch, folder)
    if is_constant:
        train_constant(kind, model, watch)
    else:
        (folder / "modules.json").write_text(json.dumps([name for name in sys.modules if name != "__main__"]))
    return {
        "steps": watch.steps,
        "samples": watch.samples,
        "ledger_peak": 0 if ledger is None else ledger.peak,
        "ledger_limit": 0 if ledger is None else ledger.limit,
        "ledger_kinds": {} if ledger is None else ledger.peaks_by_kind,
    }


def train(kind: str, model: keras.Model, watch: Watch, folder: Path, rows: int = _ROWS) -> Ledger | None:
    """Train as a user does; the ledger of a feed."""
    forever = {"epochs": 1_000_000, "callbacks": [watch], "progress": "none"}
    if kind in ("feed", "text"):
        feed = feed_of(kind, folder, rows)
        stoker.fit(model, feed, **forever)
        feed.close()
        return feed.ledger
    if kind == "generator":
        stoker.fit(model, generator(), steps_per_epoch=200, **forever)
    else:
        batches = Batches(workers=2, use_multiprocessing=True, max_queue_size=8)
        stoker.fit(model, batches, **forever)
    return None


def train_constant(kind: str, model: keras.Model, watch: Watch) -> None:
    """Train on one batch; the feed's epochs have as many steps, for an epoch costs a little, too."""
    one = constant(constant_batch(kind == "text"))
    model.fit(one, steps_per_epoch=200, epochs=1_000_000, callbacks=[watch], verbose=0, shuffle=False)


def quick(kinds: list[str], steps: int, folder: Path) -> dict[str, object]:
    """For each kind what the process held over the last half of its steps, and what with one batch before."""
    found: dict[str, object] = {}
    for kind in kinds:  # what they import and compile is in the process from the beginning
        train(kind, made(kind), Watch(math.inf, most_steps=2), folder, _FEW_ROWS)
    for kind in kinds:
        levels = []
        for is_constant in (True, False):
            model = made(kind)
            watch, ledger = Watch(math.inf, every=0.0, most_steps=steps), None
            if is_constant:
                train_constant(kind, model, watch)
            else:
                ledger = train(kind, model, watch, folder, _FEW_ROWS)
            levels.append([sample[1] for sample in watch.samples])
            del model
            gc.collect()
            release_idle()
        found[kind] = {
            "constant": levels[0],
            "trained": levels[1],
            "ledger_peak": 0 if ledger is None else ledger.peak,
            "ledger_limit": 0 if ledger is None else ledger.limit,
        }
    return found


def import_all(kind: str, folder: Path) -> None:
    """Import what the other side had imported in the end, and compile what its feed does; hold none of it."""
    for name in json.loads((folder / "modules.json").read_bytes()):
        with suppress(Exception):
            importlib.import_module(name)
    if kind in ("feed", "text"):
        feed = feed_of(kind, folder)
        for _ in feed.epoch(0):
            pass
        feed.close()
        del feed
        release_idle()


def feed_of(kind: str, folder: Path, rows: int = _ROWS) -> stoker.Feed:
    if kind == "feed":
        table = stoker.open(numbers_file(folder, rows), label="y")
        return stoker.Feed(table, batch_size=BATCH, memory="16MB", cache="never", epochs=2)
    texts = stoker.open(texts_file(folder, rows), label="y", text="text")
    words = stoker.SequenceVectorizer(max_tokens=WORDS + 1, max_length=LENGTH)
    return stoker.Feed(texts, transform=words, batch_size=BATCH, memory="16MB", cache="never", epochs=2)


def constant_batch(is_text: bool) -> tuple[np.ndarray, np.ndarray]:
    if not is_text:
        return numbers_batch(0)
    tokens = np.random.default_rng(0).integers(1, WORDS, (BATCH, LENGTH)).astype(np.int32)
    return tokens, (tokens[:, :1] % 2).astype(np.float32)


def constant(one: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        yield one


if __name__ == "__main__":
    kind, amount, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    name, *kinds = kind.split("-")
    found = quick(kinds, int(amount), folder) if name == "quick" else soak(kind, amount, folder)
    json.dump(found, sys.stdout)
