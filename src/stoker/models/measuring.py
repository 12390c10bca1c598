"""Which metrics a model is compiled with: the task's own, or those that a user names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from stoker import backends
from stoker.errors import OptionError
from stoker.similar import most_like
from stoker.types import FeedSpec, TargetSpec

__all__ = ["asks_keras", "check_metrics", "measured_by", "refuse_unfit"]

_OF_NUMBERS = frozenset({"mae", "mse", "mean_absolute_error", "mean_squared_error"})
_OF_TWO = frozenset({"auc", "precision", "recall"})
_ACCURACY = frozenset({"accuracy", "acc"})
_USUAL = _OF_NUMBERS | _OF_TWO | _ACCURACY
"""Which there are without asking Keras, whose import takes seconds."""
_TINY = {
    "binary": (np.array([0, 1]), np.array([[0.25], [0.75]], np.float32)),
    "classes": (np.array([0, 6]), np.full((2, 7), 1 / 7, np.float32)),
    "regression": (np.array([0.0, 1.0], np.float32), np.array([[0.25], [0.75]], np.float32)),
    "labels": (np.eye(2, 7, dtype=np.int64), np.full((2, 7), 0.25, np.float32)),
}
"""By task labels and a model's answers of two rows: of more classes than the five best that Keras takes."""
_SHAPES = {
    "binary": ("(rows,)", "(rows, 1)"),
    "classes": ("(rows,)", "(rows, classes)"),
    "regression": ("(rows,)", "(rows, 1)"),
    "labels": ("(rows, labels)", "(rows, labels)"),
}
"""By task those of labels and answers of any number of rows."""
_INSTEAD = {
    "binary": "accuracy, auc, precision or recall (the loss is the binary cross-entropy)",
    "classes": "accuracy or sparse_top_k_categorical_accuracy (the loss is the cross-entropy)",
    "regression": "mae or mse",
    "labels": "accuracy or auc (the loss is the binary cross-entropy)",
}


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


def refuse_unfit(metrics: Iterable[Any] | None, tasks: Collection[str]) -> None:
    """Refuse metrics that fit none of the tasks that it can be, before a model is built, or anything is read.

    Parameters
    ----------
    metrics
        As a model is given them; those that are no names are taken as they are.
    tasks
        ``"binary"``, ``"classes"``, ``"regression"`` or ``"labels"``: the one, those of several labels, or,
        where nobody knows yet, those that are possible.

    Raises
    ------
    OptionError
        If one fits none of them.

    Examples
    --------
    >>> refuse_unfit(["auc"], ["binary", "classes"])
    >>> refuse_unfit(["auc"], ["classes"])
    Traceback (most recent call last):
    stoker.errors.OptionError: metric 'auc' is for two classes, the task is 'classes'
    """
    for metric in metrics or ():
        errors = [error for task in tasks if (error := _unfit(task, metric)) is not None]
        if errors and len(errors) == len(tasks):
            others = ", ".join(dict.fromkeys(map(repr, list(tasks)[1:])))
            raise OptionError(f"{errors[0]}; nor does it fit {others}") if others else errors[0]


def _own(keras: Any, target: TargetSpec, metric: Any) -> Any:
    """A metric for one of several outputs, which counts for it alone."""
    if isinstance(metric, keras.Metric):
        return type(metric).from_config(metric.get_config())
    if metric in _OF_NUMBERS and target.task != "regression":
        raise _of_numbers(target.task, metric)
    return _metric(keras, target, metric)


def _metric(keras: Any, target: TargetSpec, metric: Any) -> Any:
    task = target.task
    if not isinstance(metric, str):
        return metric
    if (error := _unfit(task, metric)) is not None:
        raise error
    if metric == "auc" and task == "labels":
        return keras.metrics.AUC(multi_label=True, num_labels=target.num_outputs, name=metric)
    special = {"auc": keras.metrics.AUC, "precision": keras.metrics.Precision, "recall": keras.metrics.Recall}
    if metric in special:
        return special[metric](name=metric)
    # By the shape of y Keras would take several labels for one of several classes.
    is_labels = metric in _ACCURACY and task == "labels"
    return keras.metrics.BinaryAccuracy(name="accuracy") if is_labels else metric


def _unfit(task: str, metric: Any) -> OptionError | None:
    """Why a metric is not for a task, None where it is."""
    if not isinstance(metric, str):
        return None
    if metric in _OF_TWO:
        is_for = task in ("binary", "labels")
        return None if is_for else OptionError(f"metric {metric!r} is for two classes, the task is {task!r}")
    if metric in _ACCURACY:
        told = f"metric {metric!r} is for classes, the task is 'regression'; try mae or mse"
        return OptionError(told) if task == "regression" else None
    if metric in _OF_NUMBERS:
        return _of_numbers(task, metric) if task == "classes" else None
    return _tried(task, metric)


def _of_numbers(task: str, metric: str) -> OptionError:
    return OptionError(f"metric {metric!r} is for numbers, the task is {task!r}; try accuracy")


def _tried(task: str, metric: str) -> OptionError | None:
    """What Keras says of a metric of its own, given labels and answers of a few rows."""
    import keras

    _require_metric(keras, metric)
    labels, answers = _TINY[task]
    try:
        found = keras.metrics.get(metric)
        (found.update_state if isinstance(found, keras.Metric) else found)(labels, answers)
    except Exception as error:  # each backend has classes of its own for shapes that do not fit
        of_labels, of_answers = _SHAPES[task]
        said = str(error).strip().partition("\n")[0].partition(". Received")[0]
        return OptionError(
            f"metric {metric!r} does not fit the task {task!r}, whose labels have the shape {of_labels} and "
            f"whose answers have {of_answers} (on two rows {type(error).__name__}: {said}); "
            f"try {_INSTEAD[task]}"
        )
    return None


def _require_metric(keras: Any, metric: str) -> None:
    try:
        keras.metrics.get(metric)
    except TypeError as error:
        told = str(error).partition("() ")[2] or str(error)
        raise OptionError(f"metric {metric!r} cannot be made by its name alone: {told}") from error
    except ValueError as error:
        near = most_like(metric, [name for name in (*sorted(_USUAL), *dir(keras.metrics)) if name[0] != "_"])
        hint = "" if near is None else f"; did you mean {near!r}?"
        raise OptionError(f"there is no metric {metric!r} in Keras{hint}") from error
