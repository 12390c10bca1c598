"""One of several processes that train together, without Ray: ``member.py ADDRESS RANK COUNT FOLDER OPTIONS``.

Options are JSON: those of `stoker.fit`, and ``batch_size``; ``slow``, seconds to wait behind each step;
``seeded``, whether first weights are always the same; ``texts``, to train on those; ``spoilt``, on a
file with a number that no step survives, and rows that are none.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

import stoker
from stoker import backends
from stoker.distributed.connecting import connected
from stoker.transforms.numeric import Cast

NUM_COLUMNS = 6


def write_data(folder: Path, *, rows: int = 1_003, valid: int = 107) -> None:
    """Files to train and to validate on; rows weigh unlike amounts."""
    rng = np.random.default_rng(5)
    names = [*(f"x{place}" for place in range(NUM_COLUMNS)), "weight", "label"]
    for name, count in (("train", rows), ("valid", valid)):
        x = rng.normal(size=(count, NUM_COLUMNS)).round(4)
        label = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
        weight = rng.uniform(0.5, 2.0, count).round(3)
        table = np.column_stack([x, weight, label])
        np.savetxt(folder / f"{name}.csv", table, "%g", ",", header=",".join(names), comments="")


def write_texts(folder: Path, *, rows: int = 500) -> None:
    """A file of texts of unlike lengths, with labels."""
    rng = np.random.default_rng(6)
    words = [f"word{place}" for place in range(60)]
    with open(folder / "texts.csv", "w") as file:
        file.write("text,label\n")
        for length in rng.integers(1, 40, rows):
            chosen = rng.integers(0, 60, length)
            file.write(f"{' '.join(words[place] for place in chosen)},{int(chosen.mean() > 30)}\n")


def write_spoilt(folder: Path, *, rows: int = 403) -> None:
    """A file of which one row spoils a step, and two are bad."""
    lines = (folder / "train.csv").read_text().splitlines()[: rows + 1]
    lines[333] = ",".join(["1e30", *lines[333].split(",")[1:]])
    lines[7] = lines[99] = "nothing of the kind"
    (folder / "spoilt.csv").write_text("\n".join(lines) + "\n")


def build(*, seeded: bool = True) -> Any:
    """A model with layers to which it matters which rows make up a batch."""
    import keras

    def start(seed: int) -> Any:
        return keras.initializers.GlorotUniform(seed if seeded else None)

    model = keras.Sequential(
        [
            keras.layers.Input((NUM_COLUMNS,)),
            keras.layers.Dense(16, "relu", kernel_initializer=start(1)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3, seed=4),
            keras.layers.Dense(2, "softmax", kernel_initializer=start(2)),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["sparse_categorical_crossentropy"],
    )
    return model


def train(
    folder: Path,
    *,
    batch_size: int = 20,
    slow: float = 0.0,
    seeded: bool = True,
    texts: bool = False,
    spoilt: bool = False,
    **options: Any,
) -> Any:
    """Train, and give the model and its history."""
    import keras

    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            time.sleep(slow)

    if texts:
        rows = stoker.open(folder / "texts.csv", label="label", text="text")
        feed = stoker.Feed(
            rows, transform=stoker.NgramVectorizer(), batch_size=batch_size, memory="64MB", workers=1
        )
        model = stoker.models.mlp(feed, seed=1)
        return model, stoker.fit(model, feed, progress="none", **options)
    if spoilt:
        source = stoker.open(folder / "spoilt.csv", label="label", sample_weight="weight")
        feed = stoker.Feed(
            source, transform=Cast(), batch_size=batch_size, on_bad_row="quarantine", workers=1
        )
        model = keras.Sequential(
            [keras.Input((NUM_COLUMNS,)), keras.layers.Dense(1, kernel_initializer="ones")]
        )
        model.compile("sgd", "mse")
        return model, stoker.fit(model, feed, progress="none", **options)
    source = stoker.open(folder / "train.csv", label="label", sample_weight="weight")
    feed = stoker.Feed(source, batch_size=batch_size, seed=3, memory="8MB", workers=1)
    model = build(seeded=seeded)
    history = stoker.fit(
        model,
        feed,
        validation=stoker.open(folder / "valid.csv", label="label", sample_weight="weight"),
        callbacks=[Slow()] if slow else [],
        progress="none",
        **options,
    )
    return model, history


def main(address: str, rank: int, count: int, folder: Path, options: dict[str, Any]) -> None:
    backends.choose()
    options["run"] = folder / options["run"]
    with nullcontext() if count == 1 else connected(address, rank=rank, count=count):
        try:
            model, history = train(folder, **options)
        except stoker.errors.NonFiniteLossError as error:
            print(json.dumps([str(error).replace(str(folder), ""), error.first_step, len(error.row_ids)]))
            return
    weights = [float(np.abs(each).sum()) for each in model.get_weights()]
    print(json.dumps([history.history, history.report.rows, history.report.best_step, weights]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), json.loads(sys.argv[5]))
