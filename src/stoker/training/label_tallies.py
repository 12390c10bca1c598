"""Counts of a model's answers for one label, from which the scores of it come."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.training.curves import AreaUnderCurve
from stoker.training.scoring import class_indices
from stoker.types import TargetSpec

__all__ = ["ClassTally", "LabelTally", "ValueTally", "tallies_of"]

_MOST_CLASSES = 1000
Weights: TypeAlias = "npt.NDArray[np.float32] | None"


class ClassTally:
    """Confusion counts, exact, or sums of what rows weigh; and for two classes the scores' counts."""

    def __init__(self, target: TargetSpec, *, weighted: bool) -> None:
        self._classes = tuple(target.classes or ())
        count = len(self._classes)
        self._small = count <= _MOST_CLASSES
        kind = np.float64 if weighted else np.int64
        self._confusion: Any = np.zeros((count, count) if self._small else (0, 0), kind)
        self._hits, self._true, self._predicted = (np.zeros(count, kind) for _ in range(3))
        self._curve = None if target.task == "classes" else AreaUnderCurve(weighted=weighted)

    def update(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any], weights: Weights = None) -> None:
        """Add rows: a model's answers for them, their classes, and what they weigh."""
        count = len(self._classes)
        true, predicted = y.astype(np.int64), class_indices(outputs)
        hit = true == predicted
        self._true += np.bincount(true, weights, count)
        self._predicted += np.bincount(predicted, weights, count)
        self._hits += np.bincount(true[hit], None if weights is None else weights[hit], count)
        if self._small:
            pairs = np.bincount(true * count + predicted, weights, count * count)
            self._confusion += pairs.reshape(count, count)
        if self._curve is not None:
            self._curve.update(outputs, true == 1, weights)

    def result(self) -> dict[str, Any]:
        """The scores by their names."""
        with np.errstate(invalid="ignore", divide="ignore"):
            precision, recall = self._hits / self._predicted, self._hits / self._true
            accuracy = float(self._hits.sum() / self._true.sum())
        return {
            "classes": self._classes,
            "confusion": self._confusion if self._small else None,
            "precision": precision,
            "recall": recall,
            "support": self._true,
            "accuracy": accuracy,
            "auc": None if self._curve is None else self._curve.result(),
        }


class ValueTally:
    """Sums of errors and of the values' spread, in float64 around the first batch's mean, or by weight."""

    def __init__(self) -> None:
        self._rows = 0.0
        self._absolute = self._squared = self._sum = self._sum_squared = 0.0
        self._centre: float | None = None

    def update(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any], weights: Weights = None) -> None:
        """Add rows: a model's answers for them, their values, and what they weigh."""
        values = y.astype(np.float64)
        error = outputs.astype(np.float64) - values
        if self._centre is None:
            self._centre = float(values.mean())
        spread = values - self._centre
        each = np.ones(len(values)) if weights is None else weights.astype(np.float64)
        self._rows += float(each.sum())
        self._absolute += float(each @ np.abs(error))
        self._squared += float(each @ error**2)
        self._sum += float(each @ spread)
        self._sum_squared += float(each @ spread**2)

    def result(self) -> dict[str, Any]:
        """The scores by their names."""
        if not self._rows:  # rows of which none weighs anything
            return dict.fromkeys(("mae", "rmse", "r2"), math.nan)
        total = self._sum_squared - self._sum**2 / self._rows
        return {
            "mae": self._absolute / self._rows,
            "rmse": math.sqrt(self._squared / self._rows),
            "r2": 1 - self._squared / total if total > 0 else math.nan,
        }


LabelTally: TypeAlias = ClassTally | ValueTally


def tallies_of(target: TargetSpec, *, weighted: bool = False) -> list[LabelTally]:
    """What counts the answers for each of a target's columns, each row once or as much as it weighs."""
    if target.task == "regression":
        return [ValueTally() for _ in target.columns]
    return [ClassTally(target, weighted=weighted) for _ in target.columns]
