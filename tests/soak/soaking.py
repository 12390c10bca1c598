"""One side of a soak, in a process of its own: trains until the time is up, and tells its memory on the way.

Run as ``python soaking.py KIND SECONDS FOLDER``: prints one JSON object. KIND is ``feed``, ``text``,
``generator`` or ``processes``, or one of these with ``constant-`` before it: the same model after the same
imports and allocator setting, fed one batch again and again.
"""

from __future__ import annotations

import importlib
import json
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
import stoker.training
from stoker.buffers import release_idle

import keras  # isort: skip

COLUMNS, LENGTH, WORDS, BATCH = 64, 32, 2_000, 256
_ROWS = 60_000
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
    """Takes the memory down every quarter of a second, and stops when the time is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.samples: list[tuple[float, int, int, int]] = []
        self._began: float | None = None
        self._next, self._seconds, self.steps = 0.0, seconds, 0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.steps += 1
        self._began = time.monotonic() if self._began is None else self._began
        now = time.monotonic() - self._began
        if now >= self._next:
            found = memory()
            mapped = found["RssFile"] + found.get("RssShmem", 0)
            self.samples.append((now, found["RssAnon"], mapped, memory_of_children()))
            self._next = now + _EVERY
        if now >= self._seconds:
            self.model.stop_training = True


def numbers_file(folder: Path) -> Path:
    path = folder / "numbers.csv"
    values = np.random.default_rng(1).integers(0, 1000, (COLUMNS, _ROWS))
    columns = {"y": (values[0] > 500).astype(np.int64)}
    columns |= {f"c{place}": column for place, column in enumerate(values)}
    pyarrow.csv.write_csv(pa.table(columns), path)
    return path


def texts_file(folder: Path) -> Path:
    path = folder / "texts.csv"
    random = np.random.default_rng(2)
    words = np.array([f"word{place}" for place in range(WORDS)])
    with path.open("w") as file:
        file.write("y,text\n")
        for row in range(_ROWS):
            file.write(f"{row % 2},{' '.join(words[random.integers(0, WORDS, LENGTH)])}\n")
    return path


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
    is_text, ledger = kind == "text", None
    if is_constant:
        import_all(kind, folder)
    watch, model = Watch(seconds), tokens_model() if is_text else mlp()
    forever = {"epochs": 1_000_000, "callbacks": [watch], "progress": "none"}
    if is_constant:
        one = constant_batch(is_text)
        # The feed's epochs of this kind of data have as many steps, and an epoch costs a little, too.
        model.fit(
            constant(one), steps_per_epoch=200, epochs=1_000_000, callbacks=[watch], verbose=0, shuffle=False
        )
    elif kind in ("feed", "text"):
        feed = feed_of(kind, folder)
        stoker.fit(model, feed, **forever)
        ledger = feed.ledger
    elif kind == "generator":
        stoker.fit(model, generator(), steps_per_epoch=200, **forever)
    else:
        batches = Batches(workers=2, use_multiprocessing=True, max_queue_size=8)
        stoker.fit(model, batches, **forever)
    if not is_constant:
        (folder / "modules.json").write_text(json.dumps([name for name in sys.modules if name != "__main__"]))
    return {
        "steps": watch.steps,
        "samples": watch.samples,
        "ledger_peak": 0 if ledger is None else ledger.peak,
        "ledger_limit": 0 if ledger is None else ledger.limit,
        "ledger_kinds": {} if ledger is None else ledger.peaks_by_kind,
    }


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


def feed_of(kind: str, folder: Path) -> stoker.Feed:
    if kind == "feed":
        rows = stoker.open(numbers_file(folder), label="y")
        return stoker.Feed(rows, batch_size=BATCH, memory="16MB", cache="never", epochs=2)
    rows = stoker.open(texts_file(folder), label="y", text="text")
    words = stoker.SequenceVectorizer(max_tokens=WORDS + 1, max_length=LENGTH)
    return stoker.Feed(rows, transform=words, batch_size=BATCH, memory="16MB", cache="never", epochs=2)


def constant_batch(is_text: bool) -> tuple[np.ndarray, np.ndarray]:
    if not is_text:
        return numbers_batch(0)
    tokens = np.random.default_rng(0).integers(1, WORDS, (BATCH, LENGTH)).astype(np.int32)
    return tokens, (tokens[:, :1] % 2).astype(np.float32)


def constant(one: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        yield one


if __name__ == "__main__":
    json.dump(soak(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])), sys.stdout)
