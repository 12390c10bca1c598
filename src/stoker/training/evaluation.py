"""How good a model is on rows that have labels, in one pass and bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError
from stoker.training import adapter
from stoker.training.compiled_metrics import CompiledMetrics
from stoker.training.curves import AreaUnderCurve
from stoker.training.inputs import count_rows, join, part
from stoker.training.protocols import FeedLike
from stoker.training.scoring import Scorer, class_indices, per_output
from stoker.transforms.base import FittedTransform
from stoker.types import FeedSpec, Progress, TargetSpec

__all__ = ["Evaluation", "LabelScores", "evaluate", "evaluate_batches"]

_MOST_CLASSES = 1000
Labelled = tuple[Any, Any, npt.NDArray[np.float32] | None]
"""Inputs, targets, and what rows weigh where a column says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScores:
    """How good the answers for one label are; C classes.

    Attributes
    ----------
    task
        What the label is; ``labels`` for one of several that are 0 or 1.
    classes
        Names in the order of the arrays; None for regression, like all up to `auc`.
    confusion
        int64 (C, C): rows are the true classes, columns the predicted ones; None beyond 1,000 classes.
    precision, recall, support
        float64 (C,), float64 (C,), int64 (C,). Precision is NaN for a class that was never predicted, recall
        for one that never occurred.
    accuracy
        Share of rows whose likeliest class is the true one.
    auc
        Area under the ROC curve of the second of two classes; NaN where only one occurred. Exact while no
        class has more than 524,288 different scores, else to about a millionth.
    mae, rmse, r2
        For regression, in the label's own unit: mean absolute error, root of the mean squared error, share of
        variance explained.
    """

    task: str
    classes: tuple[Any, ...] | None = None
    confusion: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    precision: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    recall: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    support: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    accuracy: float | None = None
    auc: float | None = None
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; NaN becomes None."""
        return self._plain("task", *_FIGURES, *_TABLES)

    def _plain(self, *names: str) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in names}
        return {
            name: _plain(value.tolist() if isinstance(value, np.ndarray) else value)
            for name, value in found.items()
            if value is not None
        }


_FIGURES = ("accuracy", "auc", "mae", "rmse", "r2")
_TABLES = ("classes", "confusion", "precision", "recall", "support")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation(LabelScores):
    """What a pass over labelled rows found: `LabelScores`, of several labels those of the first, and these.

    Attributes
    ----------
    rows
        How many rows were scored.
    loss, metrics
        The compiled loss and metrics over all rows; metrics in the labels' own unit, the loss in the one that
        the model learned.
    sample_weight
        The column that says what rows weigh, or None. It counts in the loss and in weighted metrics, which
        those of stoker's own models are; all else is of rows, each counted once.
    labels
        Each label's scores by its column.
    skipped_rows, first_skipped
        Rows that could not be scored and were left out, and where the first one stands and why.
    """

    rows: int
    loss: float
    metrics: dict[str, float]
    sample_weight: str | None = None
    labels: Mapping[str, LabelScores] = field(default_factory=dict, repr=False)
    skipped_rows: int = 0
    first_skipped: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; NaN becomes None. ``labels`` are told where there are several."""
        first = ("task", "rows", "skipped_rows", "first_skipped", "loss", "metrics", "sample_weight")
        plain = self._plain(*first, *_FIGURES, *_TABLES)
        if len(self.labels) > 1:
            plain["labels"] = {name: scores.to_dict() for name, scores in self.labels.items()}
        return plain


def evaluate(
    model: Any,
    feed: FeedLike,
    *,
    target: FittedTransform | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate a compiled model on a feed.

    Parameters
    ----------
    model
        A compiled model.
    feed
        Labelled rows; ``feed.derive(source)`` makes one.
    target
        The labels' fitted transform, where one is to be undone.
    progress
        Called with rows done and rows in all.
    """
    stream = feed.epoch(0)
    is_weighed = feed.spec.sample_weight is not None

    def labelled() -> Iterator[Labelled]:
        done = 0
        for batch in stream:
            x = batch.x if isinstance(batch.x, Mapping) else np.asarray(batch.x)
            y = batch.y if isinstance(batch.y, Mapping) else np.asarray(batch.y)
            yield x, y, batch.sample_weight if is_weighed else None
            done += batch.size
            if progress is not None:
                progress(done, feed.num_rows or done)

    try:
        return evaluate_batches(model, feed.spec, labelled(), target)
    finally:
        stream.close()


def evaluate_batches(
    model: Any, spec: FeedSpec, batches: Iterable[Labelled], target: FittedTransform | None = None
) -> Evaluation:
    """Evaluate a compiled model on (x, y, weights) batches of any sizes.

    Raises
    ------
    DataError
        If there are no rows.
    """
    scorer = Scorer(model, spec, target)
    adapter.build_model(model, spec, scorer.batch_rows)
    tallies = [_tallies_of(each) for each in spec.targets]
    compiled = CompiledMetrics(model)
    rows = 0
    for x, y, weights in _full_batches(batches, scorer.batch_rows):
        raw = scorer.raw(x)
        compiled.update(y, raw, weights, _shown(scorer, spec, y, raw) if scorer.is_undone else None)
        answers, asked = scorer.shaped(raw), per_output(y, spec)
        for place, tally in enumerate(tallies):
            true = scorer.own_unit(place, asked[place])
            for column, each in enumerate(tally):
                each.update(_column(answers[place], column, tally), _column(true, column, tally))
        rows += count_rows(x)
    if not rows:
        raise DataError("there are no rows to evaluate")
    loss, metrics = compiled.result()
    scores = {
        name: LabelScores(task=each.task, **tally.result())
        for each, found in zip(spec.targets, tallies, strict=True)
        for name, tally in zip(each.columns, found, strict=True)
    }
    first = scores[spec.label]
    return Evaluation(
        rows=rows,
        loss=loss,
        metrics=metrics,
        sample_weight=spec.sample_weight,
        labels=scores,
        **{one.name: getattr(first, one.name) for one in fields(first)},
    )


def _tallies_of(target: TargetSpec) -> list[_ClassTally | _ValueTally]:
    """What counts the answers for each of a target's columns."""
    if target.task == "regression":
        return [_ValueTally() for _ in target.columns]
    return [_ClassTally(target) for _ in target.columns]


def _column(values: npt.NDArray[Any], place: int, of: Sequence[object]) -> npt.NDArray[Any]:
    """Of several columns side by side one; of one column all there is."""
    return values[:, place] if len(of) > 1 else values


def _shown(scorer: Scorer, spec: FeedSpec, y: Any, raw: Any) -> tuple[Any, Any]:
    """Targets and outputs in the labels' own unit, as float32, which is what compiled metrics take."""
    pairs = zip(per_output(y, spec), per_output(raw, spec), strict=True)
    made = [
        [np.asarray(scorer.own_unit(place, part), part.dtype) for part in pair]
        for place, pair in enumerate(pairs)
    ]
    return spec.by_target([true for true, _ in made]), spec.by_target([answered for _, answered in made])


class _ClassTally:
    """Confusion counts, exact; and for two classes the scores' counts."""

    def __init__(self, target: TargetSpec) -> None:
        self._classes = tuple(target.classes or ())
        count = len(self._classes)
        self._small = count <= _MOST_CLASSES
        self._confusion = np.zeros((count, count) if self._small else (0, 0), np.int64)
        self._hits, self._true, self._predicted = (np.zeros(count, np.int64) for _ in range(3))
        self._curve = None if target.task == "classes" else AreaUnderCurve()

    def update(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> None:
        count = len(self._classes)
        true, predicted = y.astype(np.int64), class_indices(outputs)
        self._true += np.bincount(true, minlength=count)
        self._predicted += np.bincount(predicted, minlength=count)
        self._hits += np.bincount(true[true == predicted], minlength=count)
        if self._small:
            pairs = np.bincount(true * count + predicted, minlength=count * count)
            self._confusion += pairs.reshape(count, count)
        if self._curve is not None:
            self._curve.update(outputs, true == 1)

    def result(self) -> dict[str, Any]:
        with np.errstate(invalid="ignore", divide="ignore"):
            precision, recall = self._hits / self._predicted, self._hits / self._true
        return {
            "classes": self._classes,
            "confusion": self._confusion if self._small else None,
            "precision": precision,
            "recall": recall,
            "support": self._true,
            "accuracy": float(self._hits.sum() / self._true.sum()),
            "auc": None if self._curve is None else self._curve.result(),
        }


class _ValueTally:
    """Sums of errors and of the values' spread, in float64 around the first batch's mean."""

    def __init__(self) -> None:
        self._rows = 0
        self._absolute = self._squared = self._sum = self._sum_squared = 0.0
        self._centre: float | None = None

    def update(self, outputs: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> None:
        values = y.astype(np.float64)
        error = outputs.astype(np.float64) - values
        if self._centre is None:
            self._centre = float(values.mean())
        spread = values - self._centre
        self._rows += len(values)
        self._absolute += float(np.abs(error).sum())
        self._squared += float(error @ error)
        self._sum += float(spread.sum())
        self._sum_squared += float(spread @ spread)

    def result(self) -> dict[str, Any]:
        total = self._sum_squared - self._sum**2 / self._rows
        return {
            "mae": self._absolute / self._rows,
            "rmse": math.sqrt(self._squared / self._rows),
            "r2": 1 - self._squared / total if total > 0 else math.nan,
        }


def _full_batches(batches: Iterable[Labelled], size: int) -> Iterator[Labelled]:
    """The same rows in batches of one size, the last one short."""
    held: list[Labelled] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += count_rows(batch[1])
        while count >= size:
            whole = _joined(held)
            yield _slice(whole, 0, size)
            held, count = [_slice(whole, size, count)], count - size
    if count:
        yield _joined(held)


def _slice(batch: Labelled, first: int, last: int) -> Labelled:
    x, y, weights = batch
    return part(x, first, last), part(y, first, last), None if weights is None else weights[first:last]


def _joined(batches: list[Labelled]) -> Labelled:
    if len(batches) == 1:
        return batches[0]
    weights = [weights for _, _, weights in batches if weights is not None]
    return (
        join([x for x, _, _ in batches]),
        join([y for _, y, _ in batches]),
        np.concatenate(weights) if weights else None,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value
