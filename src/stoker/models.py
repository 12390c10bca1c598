"""Small models for tables, compiled and ready, and a door for models of your own.

Every function takes a feed or its ``spec``: columns and classes are known by then. For regression pass the
feed, which knows the label too: the last layer then gives values in the label's own unit.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import numpy as np

from stoker import backends
from stoker.errors import OptionError
from stoker.types import FeedSpec

__all__ = ["build", "check", "linear", "mlp"]


class _HasSpec(Protocol):
    @property
    def spec(self) -> FeedSpec:
        """The spec of a feed."""
        ...


def linear(
    feed: FeedSpec | _HasSpec,
    *,
    learning_rate: float = 1e-2,
    metrics: Sequence[Any] | None = None,
    seed: int | None = None,
) -> Any:
    """Softmax, logistic or linear regression, by the task.

    Parameters
    ----------
    feed
        A feed, or its spec: input of shape (k,), outputs 1 or the number of classes.
    learning_rate
        Of Adam.
    metrics
        Names or ``keras.metrics.Metric``; by default accuracy, or the mean absolute error for regression.
    seed
        Of the initial weights; None takes Keras's global seed.

    Returns
    -------
    keras.Model
        Compiled; gives probabilities of shape (B, classes), (B, 1) for two classes, or values (B, 1).

    Examples
    --------
    ::

        model = stoker.models.linear(feed)
    """
    return _compiled(feed, "linear", (), 0.0, learning_rate, metrics, seed)


def mlp(
    feed: FeedSpec | _HasSpec,
    *,
    layers: int = 2,
    units: int = 128,
    dropout: float = 0.2,
    learning_rate: float = 1e-3,
    metrics: Sequence[Any] | None = None,
    seed: int | None = None,
) -> Any:
    """A multi-layer perceptron: ``layers`` of ``units`` ReLU units, each followed by dropout.

    Parameters
    ----------
    feed
        A feed, or its spec: input of shape (k,), outputs 1 or the number of classes.
    layers, units, dropout
        Hidden layers, units in each, and the share of them dropped in training, in [0, 1).
    learning_rate
        Of Adam.
    metrics
        Names or ``keras.metrics.Metric``; by default accuracy, or the mean absolute error for regression.
    seed
        Of initial weights and dropout; None takes Keras's global seed.

    Returns
    -------
    keras.Model
        Compiled; gives probabilities of shape (B, classes), (B, 1) for two classes, or values (B, 1).

    Raises
    ------
    OptionError
        If a size is not positive, or dropout not in [0, 1).

    Examples
    --------
    ::

        model = stoker.models.mlp(feed, layers=3, units=256)
    """
    if layers < 1 or units < 1:
        raise OptionError(f"layers and units must be at least 1, got {layers} and {units}; see models.linear")
    if not 0 <= dropout < 1:
        raise OptionError(f"dropout must lie in [0, 1), got {dropout}")
    return _compiled(feed, "mlp", (units,) * layers, dropout, learning_rate, metrics, seed)


def build(name: str, feed: FeedSpec | _HasSpec, **options: Any) -> Any:
    """A model by name: ``"mlp"``, ``"linear"``, ``"auto"`` (mlp), or your own ``"package.module:build"``.

    Parameters
    ----------
    name
        ``"package.module:function"`` calls ``function(spec)``, which returns a compiled ``keras.Model``.
    feed
        A feed, or its spec.
    **options
        Options of `mlp` or `linear`; a function of your own takes none.

    Raises
    ------
    OptionError
        If there is no such model, module or function, or it did not return a compiled ``keras.Model``.
    """
    spec = _spec_of(feed)
    check(name, **options)
    known: dict[str, Callable[..., Any]] = {"auto": mlp, "mlp": mlp, "linear": linear}
    if name not in known:
        return _call_builder(name, spec)
    try:
        return known[name](feed, **options)
    except TypeError as error:
        raise OptionError(f"model {name!r} does not take these options: {error}") from error


def check(name: str, **options: Any) -> None:
    """Refuse a model's name and options that `build` would refuse, before anything is known of the data.

    Raises
    ------
    OptionError
        If there is no such model, module or function, or an option has no effect on it.
    """
    if not options.get("learning_rate", 1.0) > 0:
        raise OptionError(f"learning_rate must be positive, got {options['learning_rate']}")
    if name in _NAMES:
        return
    if ":" not in name:
        near = difflib.get_close_matches(name, _NAMES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(f"model must be auto, mlp, linear or package.module:build, got {name!r}{hint}")
    if options:
        raise OptionError(f"{', '.join(sorted(options))} has no effect on a model of your own ({name})")
    _find_builder(name)


def _spec_of(feed: FeedSpec | _HasSpec) -> FeedSpec:
    found: Any = getattr(cast(Any, feed), "spec", feed)
    return cast(FeedSpec, found)


def _find_builder(name: str) -> Callable[[FeedSpec], Any]:
    """The function that ``"package.module:function"`` names."""
    backends.choose()
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise OptionError(f"model must be package.module:build, with a name on both sides, got {name!r}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise
        raise OptionError(
            f"model {name!r}: there is no module {module_name!r}; is its folder on the Python path?"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise OptionError(f"model {name!r}: {module_name} has no function {function_name!r}")
    return cast("Callable[[FeedSpec], Any]", function)


def _call_builder(name: str, spec: FeedSpec) -> Any:
    function = _find_builder(name)
    import keras

    model = function(spec)
    if not isinstance(model, keras.Model):
        raise OptionError(f"model {name!r} must return a keras.Model, got {type(model).__name__}")
    if not model.compiled:
        raise OptionError(f"model {name!r} is not compiled: call model.compile(...) before returning it")
    return model


def _compiled(
    feed: FeedSpec | _HasSpec,
    name: str,
    hidden: tuple[int, ...],
    dropout: float,
    learning_rate: float,
    metrics: Sequence[Any] | None,
    seed: int | None,
) -> Any:
    backends.choose()
    import keras

    spec = _spec_of(feed)
    if not learning_rate > 0:
        raise OptionError(f"learning_rate must be positive, got {learning_rate}")
    activation, loss = _HEADS[spec.task]
    stack: list[Any] = [keras.layers.Input(spec.input_shape, name="features")]
    for number, units in enumerate(hidden):
        stack.append(
            keras.layers.Dense(units, activation="relu", kernel_initializer=_initial(keras, seed, number))
        )
        if dropout:
            stack.append(keras.layers.Dropout(dropout, seed=None if seed is None else seed + number))
    last = _initial(keras, seed, len(hidden))
    stack.append(keras.layers.Dense(spec.num_outputs, activation=activation, kernel_initializer=last))
    offset, scale = _label_spread(feed)
    if (offset, scale) != (0.0, 1.0):
        stack.append(keras.layers.Rescaling(scale, offset, name="label_units"))
    model = keras.Sequential(stack, name=name)
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss, metrics=_metrics(keras, spec, metrics))
    return model


_NAMES = ("auto", "mlp", "linear")

_HEADS = {
    "binary": ("sigmoid", "binary_crossentropy"),
    "classes": ("softmax", "sparse_categorical_crossentropy"),
    "regression": (None, "mean_squared_error"),
}


def _label_spread(feed: FeedSpec | _HasSpec) -> tuple[float, float]:
    """Middle and spread of the label to regress on, 0 and 1 where a bare spec does not tell them.

    The network then works in numbers around 1 whatever the label's unit: with prices of 200,000 a first layer
    of small weights would need a hundred thousand steps to get there.
    """
    labels = getattr(getattr(feed, "survey", None), "view_labels", None)
    if _spec_of(feed).task != "regression" or labels is None or labels.minimum is None:
        return 0.0, 1.0
    low, high = float(labels.minimum), float(labels.maximum)
    middle, spread = (low + high) / 2, (high - low) / 4
    if labels.classes is not None:
        values, counts = np.asarray(labels.classes, np.float64), np.asarray(labels.counts, np.float64)
        middle = float(np.average(values, weights=counts))
        spread = float(np.sqrt(np.average((values - middle) ** 2, weights=counts)))
    return middle, spread if spread > 0 else 1.0


def _initial(keras: Any, seed: int | None, number: int) -> Any:
    return keras.initializers.GlorotUniform(None if seed is None else seed + number)


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
