"""A training step of the models for texts: stoker's layers against Keras's own, milliseconds a step.

The sepcnn is that of Google's guide, with an embedding of 20,000 × 200, batches of 128 texts and Zipfian
words, 128 and 500 of them a text. The mlp has 20,000 inputs, of which a text has 130 on average as n-grams
of movie reviews do, and 64 hidden units. Each turn is an epoch of fit over arrays in memory, behind one that
compiled; optimizer and loss are part of the step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, Spread, alone, interleave

BATCH = 128
WORDS = 20_000
LENGTHS = {128: 12, 500: 4}
"""Words of a text, and steps of a turn."""
MLP_STEPS = 40
Turn = Callable[[], dict[str, Any]]


def _spec(length: int | None) -> Any:
    from stoker.types import FeedSpec

    return FeedSpec(
        input_shape=(WORDS if length is None else length,),
        input_dtype="float32" if length is None else "int32",
        features=("text",),
        task="binary",
        classes=(0, 1),
        num_outputs=1,
        label="label",
        input_kind="sparse" if length is None else "tokens",
        num_tokens=None if length is None else WORDS,
    )


def _stock_sepcnn(length: int) -> Any:
    import keras
    from keras import layers

    def convolution(filters: int) -> Any:
        initial = {"bias_initializer": "random_uniform", "depthwise_initializer": "random_uniform"}
        return layers.SeparableConv1D(filters, 3, activation="relu", padding="same", **initial)

    model = keras.Sequential(
        [
            *[keras.Input((length,), dtype="int32"), layers.Embedding(WORDS, 200), layers.Dropout(0.2)],
            *[convolution(64), convolution(64), layers.MaxPooling1D(3), convolution(128), convolution(128)],
            *[layers.GlobalAveragePooling1D(), layers.Dropout(0.2), layers.Dense(1, activation="sigmoid")],
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    return model


def sepcnn(stock: bool) -> Turn:
    """Let a step be measured at each length, of Keras's layers or of stoker's."""
    import numpy as np

    if stock:
        make = _stock_sepcnn
    else:
        from stoker import models

        make = lambda length: models.sepcnn(_spec(length))  # noqa: E731
    random = np.random.default_rng(7)
    epochs = {}
    for length, steps in LENGTHS.items():
        words = np.minimum(random.zipf(1.3, (BATCH * steps, length)), WORDS - 1).astype(np.int32)
        epochs[length] = make(length), words, np.arange(BATCH * steps, dtype=np.int32) % 2

    def turn() -> dict[str, Any]:
        found = {}
        for length, (model, words, labels) in epochs.items():
            start = time.perf_counter()
            model.fit(words, labels, batch_size=BATCH, verbose=0, shuffle=False)
            found[str(length)] = (time.perf_counter() - start) / LENGTHS[length] * 1e3
        return found

    return turn


def mlp(sparse: bool) -> Turn:
    """Let a step be measured on pairs through stoker's layers, or on dense rows through Keras's."""
    import numpy as np

    random = np.random.default_rng(7)
    weights = 1 / (np.arange(WORDS) + 50)
    order = random.permutation(WORDS)
    rows = [
        np.unique(order[random.choice(WORDS, count, p=weights / weights.sum())])
        for count in np.minimum(random.lognormal(np.log(125), 0.6, BATCH * MLP_STEPS).astype(int) + 1, 1000)
    ]
    batches = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    labels = np.arange(BATCH, dtype=np.int32) % 2
    made = [(_pairs(batch) if sparse else _dense(batch), labels) for batch in batches]
    model, data = _mlp(sparse), _dataset(made)

    def turn() -> dict[str, Any]:
        start = time.perf_counter()
        model.fit(data, verbose=0, shuffle=False)
        return {"mlp": (time.perf_counter() - start) / MLP_STEPS * 1e3}

    return turn


def _mlp(sparse: bool) -> Any:
    if sparse:
        from stoker import models

        return models.mlp(_spec(None))
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            *[keras.Input((WORDS,)), layers.Dropout(0.2), layers.Dense(64, activation="relu")],
            *[layers.Dropout(0.2), layers.Dense(1, activation="sigmoid")],
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    return model


def _pairs(rows: list[Any]) -> dict[str, Any]:
    import numpy as np

    from stoker.kernels.padding import padded_width

    width = padded_width(max(len(row) for row in rows), 20_000)
    pairs = {"indices": np.zeros((BATCH, width), np.int32), "values": np.zeros((BATCH, width), np.float32)}
    for place, row in enumerate(rows):
        pairs["indices"][place, : len(row)] = row
        pairs["values"][place, : len(row)] = len(row) ** -0.5
    return pairs


def _dense(rows: list[Any]) -> Any:
    import numpy as np

    dense = np.zeros((BATCH, WORDS), np.float32)
    for place, row in enumerate(rows):
        dense[place, row] = len(row) ** -0.5
    return dense


def _dataset(batches: list[Any]) -> Any:
    import keras

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, place: int) -> Any:
            return batches[place]

    return Batches()


OURS, KEPT_OFF = "stoker, JAX", "stoker, JAX, STOKER_KEEP_FREED_MEMORY=0"
THEIRS, ON_JAX = "Keras's layers, TensorFlow", "Keras's layers, JAX"
PAIRS, DENSE = "stoker, JAX, pairs", "Keras's layers, JAX, dense rows"


def run(settings: Settings) -> Report:
    """Measure all and compare stoker's sepcnn with Keras's layers on TensorFlow, its mlp with dense rows."""
    convolutions = interleave(
        [
            _sepcnn(OURS, stock=False),
            _sepcnn(THEIRS, stock=True, KERAS_BACKEND="tensorflow"),
            _sepcnn(KEPT_OFF, stock=False, STOKER_KEEP_FREED_MEMORY="0"),
            _sepcnn(ON_JAX, stock=True, rounds=None if settings.full else 1),
        ],
        settings,
    )
    perceptrons = interleave(
        [
            Contestant(name=PAIRS, target="benchmarks.sepcnn:mlp", options={"sparse": True}),
            Contestant(name=DENSE, target="benchmarks.sepcnn:mlp", options={"sparse": False}),
        ],
        settings,
    )
    rows, figures = [], []
    for length in map(str, LENGTHS):
        rows += _rows(f"sepcnn, {length} words", convolutions, length, THEIRS)
        what = f"sepcnn step, {length} words: stoker on JAX ÷ Keras's layers on TensorFlow"
        measured = convolutions[OURS][length].median / convolutions[THEIRS][length].median
        figures.append(Figure(what=what, bound=1.0, measured=measured, at_least=False))
    rows += _rows("mlp, 20,000 inputs", perceptrons, "mlp", DENSE)
    measured = perceptrons[PAIRS]["mlp"].median / perceptrons[DENSE]["mlp"].median
    what = "mlp step on n-grams, JAX: pairs ÷ dense rows"
    figures.append(Figure(what=what, bound=0.35, measured=measured, at_least=False))
    return Report(
        title="A step of the models for texts, batches of 128",
        header=("model", "who", "ms a step min", "median", "max", "÷ TensorFlow, or ÷ dense"),
        rows=tuple(rows),
        figures=tuple(figures),
    )


def _sepcnn(name: str, *, stock: bool, rounds: int | None = None, **environment: str) -> Contestant:
    return Contestant(
        name=name,
        target="benchmarks.sepcnn:sepcnn",
        options={"stock": stock},
        rounds=rounds,
        environment={"KERAS_BACKEND": "jax", **environment},
    )


def _rows(
    model: str, results: dict[str, dict[str, Spread]], quantity: str, bar: str
) -> list[tuple[str, ...]]:
    unit = results[bar][quantity].median
    return [
        (model, name, *found[quantity].cells("{:.1f}".format), f"{found[quantity].median / unit:.2f} ×")
        for name, found in results.items()
    ]


if __name__ == "__main__":
    alone(run, __doc__ or "")
