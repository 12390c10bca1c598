"""What stoker's models share: what they ask a feed, the last layer that fits a task, loss, metrics, seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, cast

import numpy as np

from stoker.errors import OptionError
from stoker.models.measuring import check_metrics, measured_by
from stoker.types import FeedSpec, InputKind, TargetSpec

__all__ = ["HasSpec", "Names", "Seeds", "answered", "compiled", "last_layers", "needs", "spec_of", "through"]


Taken: TypeAlias = "InputKind | Literal['images']"
"""What a model may take."""


class HasSpec(Protocol):
    """A feed, as far as models know feeds."""

    @property
    def spec(self) -> FeedSpec:
        """The spec of a feed."""
        ...


def spec_of(feed: FeedSpec | HasSpec, metrics: Sequence[Any] | None = None) -> FeedSpec:
    """The spec of a feed, which may survey its rows for it; a spec as it is.

    Parameters
    ----------
    feed
        The feed, or spec.
    metrics
        Those of the model, whose names are looked at before.

    Raises
    ------
    OptionError
        It is neither, or there is no such metric.
    """
    check_metrics(metrics)
    found: Any = getattr(cast(Any, feed), "spec", feed)
    if not hasattr(found, "input_kind"):
        raise OptionError(
            f"a model is made for a feed, got {type(feed).__name__}: give stoker.Feed(stoker.open(rows, "
            "label=…), …)"
        )
    return cast(FeedSpec, found)


_TAKEN: dict[str, tuple[Taken, ...]] = {
    "mlp": ("dense", "sparse", "named"),
    "linear": ("dense", "sparse"),
    "sepcnn": ("tokens",),
    "cnn": ("images",),
}


def needs(spec: FeedSpec, name: str) -> None:
    """Refuse inputs that one of stoker's models, by its name, cannot take; others say it themselves.

    Raises
    ------
    OptionError
        Naming the models that can.
    """
    given, kinds = kind_given(spec), _TAKEN.get(name)
    if kinds is not None and given not in kinds:
        raise OptionError(f"{name} takes {_takes(kinds)}, and {_GIVES[given]}")


def kind_given(spec: FeedSpec) -> Taken:
    """What a feed gives, as models tell them apart: its kind of input, or images."""
    return "images" if spec.input_kind == "dense" and len(spec.input_shape) == 3 else spec.input_kind


_GIVES: dict[Taken, str] = {
    "images": "this feed gives images: cnn takes those",
    "dense": "this feed gives numbers: mlp and linear take those",
    "sparse": "this feed gives texts as n-grams: mlp and linear take those; see SequenceVectorizer",
    "tokens": "this feed gives texts as sequences: sepcnn takes those; see NgramVectorizer",
    "named": "this feed gives several inputs by name: mlp takes those",
}


def _takes(kinds: tuple[Taken, ...]) -> str:
    if kinds == ("images",):
        return "images"
    return "sequences of words" if kinds == ("tokens",) else "numbers or n-grams"


class Seeds:
    """A seed for each use, all from one; or None for each, which takes Keras's global seed."""

    def __init__(self, seed: int | None) -> None:
        self._next = seed

    def next(self) -> int | None:
        """The next one."""
        if self._next is None:
            return None
        self._next += 1
        return self._next - 1


class Names:
    """Names of layers that no input has: Keras wants every name once, and columns have any.

    Those of layers with weights are not made of columns': PyTorch wants no dots in them.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def free(self, name: str) -> str:
        """The name, or the first of it with a number that is free."""
        made, number = name, 0
        while made in self._taken:
            number += 1
            made = f"{name}_{number}"
        self._taken.add(made)
        return made


def last_layers(keras: Any, feed: FeedSpec | HasSpec, make: Any) -> list[list[Any]]:
    """The layers that turn features into answers, those of each of the spec's targets.

    Parameters
    ----------
    feed
        What the tasks are taken from, and for regression the labels' units.
    make
        Called with units and activation; makes the last layer with weights.
    """
    heads = []
    targets = spec_of(feed).targets
    for place, target in enumerate(targets):
        head = [make(target.num_outputs, _HEADS[target.task][0])]
        offset, scale = _label_spread(feed, target)
        if (offset, scale) != (0.0, 1.0):
            name = "label_units" if len(targets) == 1 else f"label_units_{place}"
            head.append(keras.layers.Rescaling(scale, offset, name=name))
        heads.append(head)
    return heads


def through(layers: Sequence[Any], made: Any) -> Any:
    """What layers make of a tensor, one after the other."""
    for layer in layers:
        made = layer(made)
    return made


def answered(feed: FeedSpec | HasSpec, heads: Sequence[Sequence[Any]], features: Any) -> Any:
    """What the last layers make of features: a tensor, or of several targets one by the name of each."""
    return spec_of(feed).by_target([through(head, features) for head in heads])


def compiled(
    keras: Any,
    model: Any,
    spec: FeedSpec,
    learning_rate: float,
    metrics: Sequence[Any] | None,
    loss_weights: Mapping[str, float] | None = None,
) -> Any:
    """The model with Adam, the losses of the tasks and metrics.

    Raises
    ------
    OptionError
        If the learning rate is not positive, or a metric or a loss's weight does not fit.
    """
    if not learning_rate > 0:
        raise OptionError(f"learning_rate must be positive, got {learning_rate}")
    optimizer = keras.optimizers.Adam(learning_rate)
    measured = spec.by_target(measured_by(keras, spec, metrics))
    # What rows weigh counts in what is measured, too; Keras leaves it out of plain metrics.
    known = {"metrics": measured} if spec.sample_weight is None else {"weighted_metrics": measured}
    if loss_weights is not None:
        known["loss_weights"] = _loss_weights(spec, loss_weights)
    losses = spec.by_target([_HEADS[target.task][1] for target in spec.targets])
    model.compile(optimizer, losses, **known)
    return model


def _loss_weights(spec: FeedSpec, given: Mapping[str, float]) -> dict[str, float]:
    """The weight of each output's loss, 1 where nothing is said."""
    names = [target.columns[0] for target in spec.targets]
    if len(names) == 1:
        raise OptionError("loss_weights has no effect on one output: leave it out")
    for name, weight in given.items():
        if name not in names:
            raise OptionError(f"loss_weights: {name!r} is no output; these are {', '.join(names)}")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise OptionError(f"loss_weights of {name!r} must be a number of zero or more, got {weight!r}")
    return {name: float(given.get(name, 1.0)) for name in names}


_HEADS = {
    "binary": ("sigmoid", "binary_crossentropy"),
    "classes": ("softmax", "sparse_categorical_crossentropy"),
    "regression": (None, "mean_squared_error"),
    "labels": ("sigmoid", "binary_crossentropy"),
}


def _label_spread(feed: FeedSpec | HasSpec, target: TargetSpec) -> tuple[Any, Any]:
    """Middle and spread of the labels to regress on, 0 and 1 where a bare spec does not tell them.

    The network then works in numbers around 1 whatever the label's unit: with prices of 200,000 a first layer
    of small weights would need a hundred thousand steps to get there.
    """
    found = getattr(getattr(feed, "survey", None), "view_counts", None)
    if target.task != "regression" or target.transform or found is None:
        return 0.0, 1.0
    spreads = [_spread_of(found[name]) for name in target.columns]
    if len(spreads) == 1:
        return spreads[0]
    return [middle for middle, _ in spreads], [spread for _, spread in spreads]


def _spread_of(labels: Any) -> tuple[float, float]:
    if labels.minimum is None:
        return 0.0, 1.0
    low, high = float(labels.minimum), float(labels.maximum)
    middle, spread = (low + high) / 2, (high - low) / 4
    if labels.classes is not None:
        values, counts = np.asarray(labels.classes, np.float64), np.asarray(labels.counts, np.float64)
        middle = float(np.average(values, weights=counts))
        spread = float(np.sqrt(np.average((values - middle) ** 2, weights=counts)))
    return middle, spread if spread > 0 else 1.0
