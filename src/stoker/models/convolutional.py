"""A small convolutional network for images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stoker import backends
from stoker.errors import OptionError
from stoker.models.parts import HasSpec, Names, Seeds, answered, compiled, last_layers, needs, spec_of
from stoker.models.towers import image_features
from stoker.types import FeedSpec

__all__ = ["cnn"]


def cnn(
    feed: FeedSpec | HasSpec,
    *,
    blocks: int | None = None,
    filters: int = 32,
    dropout: float = 0.2,
    learning_rate: float = 1e-3,
    metrics: Sequence[Any] | None = None,
    loss_weights: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> Any:
    """Pixels by 255, blocks of a convolution and a pool, the average over what is left, and the last layer.

    A block is a 3 × 3 convolution, batch normalisation, ReLU and a 2 × 2 max pool. Each has twice the filters
    of the one before, 256 at most. There are as many as leave at least 4 × 4 places, 5 at most: 2 for 28 × 28
    pixels, 4 for 64 × 64, 5 for 224 × 224, where the network has 980,000 weights. Pixels that are floats, in
    whatever range, are normalised by channel instead of divided. It is meant to begin with; for photographs
    a network that others have trained is far better: see docs/columns.md.

    Parameters
    ----------
    feed
        A feed, or its spec: images of shape (height, width, channels), as `stoker.Image` gives them.
    blocks
        How many; None by the size, as above.
    filters
        Of the first one.
    dropout
        The share of the averages that is dropped in training before the last layer, in [0, 1).
    learning_rate
        Of Adam.
    metrics
        Names or ``keras.metrics.Metric``; by default accuracy, or the mean absolute error for regression.
    loss_weights
        As of `stoker.models.mlp`.
    seed
        Of initial weights and dropout; None takes Keras's global seed.

    Returns
    -------
    keras.Model
        Compiled; gives probabilities of shape (B, classes), (B, 1) for two classes, or values (B, 1).

    Raises
    ------
    OptionError
        If a size cannot be, or the feed gives no images.

    Examples
    --------
    ::

        rows = stoker.open("photos/")
        train, valid = rows.split(0.9, seed=7)
        feed = stoker.Feed(train, transform=stoker.Image(64), batch_size=32)
        model = stoker.models.cnn(feed, filters=16)
    """
    spec = spec_of(feed, metrics)
    needs(spec, "cnn")
    if filters < 1 or (blocks is not None and blocks < 1):
        raise OptionError(f"blocks and filters must be at least 1, got {blocks} and {filters}")
    if not 0 <= dropout < 1:
        raise OptionError(f"dropout must lie in [0, 1), got {dropout}")
    backends.choose()
    import keras

    seeds, names = Seeds(seed), Names([])
    inputs = keras.layers.Input(spec.input_shape, dtype=spec.input_dtype, name=names.free("pixels"))
    outputs = image_features(keras, inputs, spec.input_shape, seeds, names, blocks=blocks, filters=filters)
    if dropout:
        outputs = keras.layers.Dropout(dropout, seed=seeds.next())(outputs)

    def dense(units: int, activation: str | None) -> Any:
        initial = keras.initializers.GlorotUniform(seeds.next())
        return keras.layers.Dense(units, activation=activation, kernel_initializer=initial)

    answers = answered(feed, last_layers(keras, feed, dense), outputs)
    model = keras.Model(inputs, answers, name="cnn")
    return compiled(keras, model, spec, learning_rate, metrics, loss_weights)
