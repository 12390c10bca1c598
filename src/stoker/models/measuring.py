"""Which metrics a model is compiled with: the task's own, or those that a user names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stoker import backends
from stoker.errors import OptionError
from stoker.similar import most_like
from stoker.types import FeedSpec, TargetSpec

__all__ = ["asks_keras", "check_metrics", "measured_by"]

_OF_NUMBERS = frozenset({"mae", "mse", "mean_absolute_error", "mean_squared_error"})
_USUAL = _OF_NUMBERS | {"accuracy", "acc", "auc", "precision", "recall"}
"""Which there are without asking Keras, whose import takes seconds."""


def asks_keras(metrics: Iterable[Any] | None) -> bool:
    """Whether Keras must be imported to know that there are metrics of these names.

    Examples
    --------
    >>> asks_keras(["auc", "mae"]), asks_keras(["f1_score"]), asks_keras(None)
    (False, True, False)
    """
    return any(isinstance(metric, str) and metric not in _USUAL for metric in metrics or ())


def check_metrics(metrics: Sequence[Any] | None) -> None:
    """Refuse names of no metric, before anything is known of the data.

    Raises
    ------
    OptionError
        If there is no such metric.
    """
    if not asks_keras(metrics):
        return
    backends.choose()
    import keras

    for metric in metrics or ():
        if isinstance(metric, str) and metric not in _USUAL:
            _require_metric(keras, metric)


def measured_by(keras: Any, spec: FeedSpec, metrics: Sequence[Any] | None) -> list[list[Any]]:
    """The metrics of each target: accuracy, or the mean absolute error; or those named that fit it.

    Raises
    ------
    OptionError
        If there is no such metric, or it fits no target.
    """
    if metrics is None:
        usual = ["mae" if target.task == "regression" else "accuracy" for target in spec.targets]
        return [[_metric(keras, target, name)] for target, name in zip(spec.targets, usual, strict=True)]
    if len(spec.targets) == 1:
        return [[_metric(keras, spec.targets[0], each) for each in metrics]]
    found: list[list[Any]] = [[] for _ in spec.targets]
    for metric in metrics:
        errors = []
        for fitting, target in zip(found, spec.targets, strict=True):
            try:
                fitting.append(_own(keras, target, metric))
            except OptionError as error:
                errors.append(error)
        if len(errors) == len(found):
            raise errors[0]
    return found


def _own(keras: Any, target: TargetSpec, metric: Any) -> Any:
    """A metric for one of several outputs, which counts for it alone."""
    if isinstance(metric, keras.Metric):
        return type(metric).from_config(metric.get_config())
    if metric in _OF_NUMBERS and target.task != "regression":
        raise OptionError(f"metric {metric!r} is for numbers, the task is {target.task!r}; try accuracy")
    return _metric(keras, target, metric)


def _metric(keras: Any, target: TargetSpec, metric: Any) -> Any:
    task = target.task
    if not isinstance(metric, str):
        return metric
    special = {"auc": keras.metrics.AUC, "precision": keras.metrics.Precision, "recall": keras.metrics.Recall}
    if metric in special:
        if task not in ("binary", "labels"):
            raise OptionError(f"metric {metric!r} is for two classes, the task is {task!r}")
        if metric == "auc" and task == "labels":
            return keras.metrics.AUC(multi_label=True, num_labels=target.num_outputs, name=metric)
        return special[metric](name=metric)
    if metric in ("accuracy", "acc"):
        if task == "regression":
            raise OptionError(f"metric {metric!r} is for classes, the task is 'regression'; try mae or mse")
        # By the shape of y Keras would take several labels for one of several classes.
        return keras.metrics.BinaryAccuracy(name="accuracy") if task == "labels" else metric
    _require_metric(keras, metric)
    return metric


def _require_metric(keras: Any, metric: str) -> None:
    try:
        keras.metrics.get(metric)
    except ValueError as error:
        near = most_like(metric, [name for name in (*sorted(_USUAL), *dir(keras.metrics)) if name[0] != "_"])
        hint = "" if near is None else f"; did you mean {near!r}?"
        raise OptionError(f"there is no metric {metric!r} in Keras{hint}") from error
