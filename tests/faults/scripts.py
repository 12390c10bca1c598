"""Scripts as users write them, which are run again after a kill as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faulty import feed_of

import stoker

EPOCHS = 3


def table() -> None:
    """Dropout, metrics, a callback with a state; rows from a cache, in another order each epoch."""
    import keras

    feed = feed_of(Path("t.csv"), cache="always", workers=2)
    valid = feed.derive("valid.csv")
    model = keras.Sequential(
        [
            keras.layers.Input((40,)),
            keras.layers.Normalization(mean=500.0, variance=83_333.0),
            keras.layers.Dense(16, "relu", kernel_initializer=_start(1)),
            keras.layers.Dropout(0.3, seed=2),
            keras.layers.Dense(1, "sigmoid", kernel_initializer=_start(3)),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    _fit(model, feed, valid, callbacks=[keras.callbacks.ReduceLROnPlateau(patience=0, min_delta=1.0)])


def texts() -> None:
    """N-grams learned in little memory, so that words and their streams lie in a temporary file."""
    feed = stoker.Feed(
        stoker.open("texts.csv", label="y", text="text"),
        transform=stoker.NgramVectorizer(max_features=200),
        batch_size=250,
        seed=3,
        memory="40MB",
        workers=1,
    )
    valid = feed.derive("texts.csv")
    _fit(stoker.models.build("linear", feed, seed=1), feed, valid)


def _start(seed: int) -> Any:
    import keras

    return keras.initializers.GlorotUniform(seed)


def _fit(model: Any, feed: stoker.Feed, valid: Any, **options: Any) -> None:
    stoker.fit(
        model, feed, validation=valid, epochs=EPOCHS, run="run", resume="auto", checkpoint_every="10steps",
        progress="plain", **options,
    )  # fmt: skip
