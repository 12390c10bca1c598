"""``model.metrics_names`` as in Keras 2: the names of what ``evaluate`` returns, in its order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["metrics_names", "of_outputs", "remember_metrics"]

_REMEMBERED = "_keras_2_metrics"


def metrics_names(model: Any) -> list[str]:
    """``["loss", "acc"]`` and the like; of two outputs ``["loss", "a_loss", "b_loss", "a_acc", "b_acc"]``.

    Before the first step, when Keras has not built the metrics yet, the names are those given to ``compile``.
    """
    if not model.compiled:
        return []
    try:
        results = set(model.get_metrics_result())
    except ValueError:
        outputs = _several_outputs(model)
        losses = [f"{output}_loss" for output in outputs]
        given = vars(model).get(_REMEMBERED) or []
        return ["loss", *losses, *(sorted(given) if outputs else given)]
    # The order in which `evaluate` puts its list.
    own = [each.name for metric in model.metrics for each in getattr(metric, "metrics", [metric])]
    known = [name for name in own if name in results]
    return known + sorted(results.difference(known))


def of_outputs(model: Any, metrics: Any) -> Any:
    """A flat list of metrics, for every output of the model, as Keras 2 took it."""
    names = _several_outputs(model)
    if not names or not isinstance(metrics, list | tuple) or not metrics:
        return metrics
    if any(isinstance(each, list | tuple | Mapping) for each in metrics):
        return metrics
    return [list(metrics) for _ in names]


def remember_metrics(model: Any, metrics: Any) -> None:
    """Keep the names of what ``compile`` was given."""
    vars(model)[_REMEMBERED] = _names(metrics, _several_outputs(model))


def _several_outputs(model: Any) -> list[str]:
    """The names of the outputs of a model that has more than one."""
    names = list(getattr(model, "output_names", None) or [])
    return names if len(names) > 1 else []


def _names(metrics: Any, outputs: list[str]) -> list[str]:
    if metrics is None:
        return []
    if isinstance(metrics, Mapping):
        keys = outputs or list(metrics)
        return [f"{key}_{name}" if outputs else name for key in keys for name in _names(metrics.get(key), [])]
    if isinstance(metrics, list | tuple):
        if outputs and all(isinstance(each, list | tuple) for each in metrics):
            pairs = zip(outputs, metrics, strict=False)
            return [f"{output}_{name}" for output, own in pairs for name in _names(own, [])]
        return [name for each in metrics for name in _names(each, [])]
    return [metrics if isinstance(metrics, str) else getattr(metrics, "name", None) or metrics.__name__]
