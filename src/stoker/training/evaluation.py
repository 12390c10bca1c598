"""How good a model is on rows that have labels, in one pass and bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.epochs import BaseFeed
from stoker.errors import DataError
from stoker.training import adapter
from stoker.training.compiled_metrics import CompiledMetrics
from stoker.training.inputs import count_rows, join, part
from stoker.training.label_tallies import LabelTally, tallies_of
from stoker.training.protocols import FeedLike
from stoker.training.scoring import Scorer, per_output
from stoker.transforms.base import FittedTransform
from stoker.types import FeedSpec, Progress

__all__ = ["Evaluation", "LabelScores", "evaluate", "evaluate_answers", "evaluate_batches"]

Labelled = tuple[Any, Any, npt.NDArray[np.float32] | None]
"""Inputs, or a model's outputs for them; targets; and what rows weigh where a column says it."""


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
        int64 (C, C): rows are the true classes, columns the predicted ones; None beyond 1,000 classes. As
        `support` it is float64 in `weighted`.
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
    weighted
        The same with each row counted as much as it weighs, as scikit-learn's ``sample_weight`` does; None
        where no column says what rows weigh, and in `weighted` itself.
    """

    task: str
    classes: tuple[Any, ...] | None = None
    confusion: npt.NDArray[np.int64] | npt.NDArray[np.float64] | None = field(default=None, repr=False)
    precision: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    recall: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    support: npt.NDArray[np.int64] | npt.NDArray[np.float64] | None = field(default=None, repr=False)
    accuracy: float | None = None
    auc: float | None = None
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None
    weighted: LabelScores | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; NaN becomes None."""
        return self._plain("task", *_FIGURES, *_TABLES, "weighted")

    def _plain(self, *names: str) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in names}
        if isinstance(found.get("weighted"), LabelScores):
            found["weighted"] = found["weighted"].to_dict()
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
        The column that says what rows weigh, or None. It counts in the loss, in weighted metrics, which those
        of stoker's own models are, and in `weighted`; all else is of rows, each counted once.
    labels
        Each label's scores by its column.
    skipped_rows, first_skipped
        Rows that could not be scored and were left out, and where the first one stands and why.
    unread
        A sentence for each column of which values that are there, such as dates, counted as blanks.
    """

    rows: int
    loss: float
    metrics: dict[str, float]
    sample_weight: str | None = None
    labels: Mapping[str, LabelScores] = field(default_factory=dict, repr=False)
    skipped_rows: int = 0
    first_skipped: str | None = None
    unread: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; NaN becomes None. ``labels`` are told where there are several."""
        first = (
            "task",
            "rows",
            "skipped_rows",
            "first_skipped",
            "unread",
            "loss",
            "metrics",
            "sample_weight",
        )
        plain = self._plain(*first, *_FIGURES, *_TABLES, "weighted")
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
    """Evaluate a compiled model on a feed, whose class weights do not count.

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
    if isinstance(feed, BaseFeed) and feed.stage.class_weights is not None:
        feed = feed.derive(feed.stage.given)  # weights of classes are for training alone
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
    scorer = _built_scorer(model, spec, target)
    answers = ((scorer.raw(x), y, weights) for x, y, weights in _full_batches(batches, scorer.batch_rows))
    return _counted(model, spec, answers, scorer)


def evaluate_answers(
    model: Any, spec: FeedSpec, answers: Iterable[Labelled], target: FittedTransform | None = None
) -> Evaluation:
    """Evaluate a compiled model by what it gave elsewhere: (raw outputs, y, weights) of any numbers of rows.

    Losses, metrics and counts are taken in the order of the rows and in the batches of `evaluate_batches`, so
    that it does not matter where and in which pieces the outputs were made.

    Raises
    ------
    DataError
        If there are no rows.
    """
    scorer = _built_scorer(model, spec, target)
    return _counted(model, spec, _full_batches(answers, scorer.batch_rows), scorer)


def _built_scorer(model: Any, spec: FeedSpec, target: FittedTransform | None) -> Scorer:
    scorer = Scorer(model, spec, target)
    adapter.build_model(model, spec, scorer.batch_rows)
    return scorer


def _counted(model: Any, spec: FeedSpec, answers: Iterable[Labelled], scorer: Scorer) -> Evaluation:
    tallies = [tallies_of(each) for each in spec.targets]
    weighted = [tallies_of(each, weighted=True) for each in spec.targets] if spec.sample_weight else []
    compiled = CompiledMetrics(model)
    rows = 0
    for raw, y, weights in answers:
        compiled.update(y, raw, weights, _shown(scorer, spec, y, raw) if scorer.is_undone else None)
        shaped, asked = scorer.shaped(raw), per_output(y, spec)
        for place, target_of in enumerate(spec.targets):
            true = scorer.own_unit(place, asked[place])
            for column in range(len(target_of.columns)):
                answered = _column(shaped[place], column, target_of.columns)
                wanted = _column(true, column, target_of.columns)
                tallies[place][column].update(answered, wanted)
                if weighted:
                    weighted[place][column].update(answered, wanted, weights)
        rows += count_rows(y)
    if not rows:
        raise DataError("there are no rows to evaluate")
    loss, metrics = compiled.result()
    scores = _scores(spec, tallies, _scores(spec, weighted, {}) if weighted else {})
    first = scores[spec.label]
    return Evaluation(
        rows=rows,
        loss=loss,
        metrics=metrics,
        sample_weight=spec.sample_weight,
        labels=scores,
        **{one.name: getattr(first, one.name) for one in fields(first)},
    )


def _scores(
    spec: FeedSpec, tallies: Sequence[Sequence[LabelTally]], weighted: Mapping[str, LabelScores]
) -> dict[str, LabelScores]:
    """By label what was counted, with what was counted by weight."""
    return {
        name: LabelScores(task=each.task, weighted=weighted.get(name), **tally.result())
        for each, found in zip(spec.targets, tallies, strict=True)
        for name, tally in zip(each.columns, found, strict=True)
    }


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
