"""What stoker's models share: what they ask a feed, the last layer that fits a task, loss, metrics, seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, cast

import numpy as np

from stoker.errors import OptionError
from stoker.types import FeedSpec, InputKind

__all__ = ["HasSpec", "Names", "Seeds", "compiled", "last_layers", "needs", "spec_of"]


Taken: TypeAlias = "InputKind | Literal['images']"
"""What a model may take."""


class HasSpec(Protocol):
    """A feed, as far as models know feeds."""

    @property
    def spec(self) -> FeedSpec:
        """The spec of a feed."""
        ...


def spec_of(feed: FeedSpec | HasSpec) -> FeedSpec:
    """The spec of a feed; a spec as it is."""
    found: Any = getattr(cast(Any, feed), "spec", feed)
    return cast(FeedSpec, found)


def needs(spec: FeedSpec, name: str, *kinds: Taken) -> None:
    """Refuse inputs that a model cannot take.

    Raises
    ------
    OptionError
        Naming the models that can.
    """
    given = kind_given(spec)
    if given not in kinds:
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


def last_layers(keras: Any, feed: FeedSpec | HasSpec, make: Any) -> list[Any]:
    """The layers that turn features into answers.

    Parameters
    ----------
    feed
        What the task is taken from, and for regression the label's unit.
    make
        Called with units and activation; makes the last layer with weights.
    """
    spec = spec_of(feed)
    stack = [make(spec.num_outputs, _HEADS[spec.task][0])]
    offset, scale = _label_spread(feed)
    if (offset, scale) != (0.0, 1.0):
        stack.append(keras.layers.Rescaling(scale, offset, name="label_units"))
    return stack


def compiled(
    keras: Any, model: Any, spec: FeedSpec, learning_rate: float, metrics: Sequence[Any] | None
) -> Any:
    """The model with Adam, the loss of the task and metrics.

    Raises
    ------
    OptionError
        If the learning rate is not positive, or a metric does not fit.
    """
    if not learning_rate > 0:
        raise OptionError(f"learning_rate must be positive, got {learning_rate}")
    optimizer = keras.optimizers.Adam(learning_rate)
    measured = _metrics(keras, spec, metrics)
    # What rows weigh counts in what is measured, too; Keras leaves it out of plain metrics.
    known = {"metrics": measured} if spec.sample_weight is None else {"weighted_metrics": measured}
    model.compile(optimizer, _HEADS[spec.task][1], **known)
    return model


_HEADS = {
    "binary": ("sigmoid", "binary_crossentropy"),
    "classes": ("softmax", "sparse_categorical_crossentropy"),
    "regression": (None, "mean_squared_error"),
    "labels": ("sigmoid", "binary_crossentropy"),
}


def _label_spread(feed: FeedSpec | HasSpec) -> tuple[float, float]:
    """Middle and spread of the label to regress on, 0 and 1 where a bare spec does not tell them.

    The network then works in numbers around 1 whatever the label's unit: with prices of 200,000 a first layer
    of small weights would need a hundred thousand steps to get there.
    """
    labels = getattr(getattr(feed, "survey", None), "view_labels", None)
    first = spec_of(feed).targets[0]
    if first.task != "regression" or first.transform or labels is None or labels.minimum is None:
        return 0.0, 1.0
    low, high = float(labels.minimum), float(labels.maximum)
    middle, spread = (low + high) / 2, (high - low) / 4
    if labels.classes is not None:
        values, counts = np.asarray(labels.classes, np.float64), np.asarray(labels.counts, np.float64)
        middle = float(np.average(values, weights=counts))
        spread = float(np.sqrt(np.average((values - middle) ** 2, weights=counts)))
    return middle, spread if spread > 0 else 1.0


def _metrics(keras: Any, spec: FeedSpec, metrics: Sequence[Any] | None) -> list[Any]:
    if metrics is None:
        return ["mae"] if spec.task == "regression" else ["accuracy"]
    return [_metric(keras, spec.task, each) for each in metrics]


def _metric(keras: Any, task: str, metric: Any) -> Any:
    if not isinstance(metric, str):
        return metric
    special = {"auc": keras.metrics.AUC, "precision": keras.metrics.Precision, "recall": keras.metrics.Recall}
    if metric in special:
        if task != "binary":
            raise OptionError(f"metric {metric!r} is for two classes, the task is {task!r}")
        return special[metric](name=metric)
    if metric in ("accuracy", "acc"):
        if task == "regression":
            raise OptionError(f"metric {metric!r} is for classes, the task is 'regression'; try mae or mse")
        return metric
    try:
        keras.metrics.get(metric)
    except ValueError as error:
        raise OptionError(f"there is no metric {metric!r} in Keras") from error
    return metric
