"""What a model will log, and which way of it is up."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["metric_direction", "metric_names"]


def metric_names(model: Any) -> tuple[str, ...] | None:
    """Names that the built model will log, or None if its own ``train_step`` decides."""
    base = keras.Model.train_step
    if type(model).train_step is not base:
        return None
    return tuple(str(name) for name in model.get_metrics_result())


def metric_direction(model: Any, name: str) -> str | None:
    """``"min"`` or ``"max"`` as the metric itself declares, None if it does not."""
    for metric in model.metrics:
        for each in getattr(metric, "metrics", [metric]):
            if each.name == name and getattr(each, "_direction", None) in ("up", "down"):
                return "max" if each._direction == "up" else "min"
    return None
