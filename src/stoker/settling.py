"""What is settled once the survey is there: the task, the classes, the fitted transforms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from stoker.errors import DataError, OptionError
from stoker.plan import PlanOptions
from stoker.sources import Source
from stoker.survey import LabelCounts, Survey
from stoker.survey.policy import BadRows, Blanks, NaOption
from stoker.survey.whereabouts import first_unknown
from stoker.task import TaskOption, resolve_task
from stoker.transforms.base import FittedTransform
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.numeric import Cast as FeatureTransform
from stoker.transforms.numeric import NaRule, Standardize
from stoker.types import FeedSpec, Task
from stoker.weights import ClassWeight

__all__ = ["FeedOptions", "check_labels", "fitted_inputs", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """What the user chose for a training feed; see `stoker.Feed`."""

    plan: PlanOptions
    transform: FeatureTransform | None = None
    task: TaskOption = "auto"
    na: NaOption = "error"
    on_bad_row: BadRows = "error"
    max_bad_rows: int | None = None
    class_weight: ClassWeight = None

    def transform_na(self, label: str | None) -> NaRule | dict[str, NaRule]:
        """What of the policy for blanks is left to a transform: it sees neither dropped rows nor the label.

        Raises
        ------
        OptionError
            If a blank label is to be filled.
        """
        if isinstance(self.na, str):
            return _transform_rule(self.na)
        if label is not None and self.na.get(label, "error") not in ("error", "drop-row"):
            raise OptionError(
                f"na: {label!r} is the label, and nothing can take its place, got {self.na[label]!r}; "
                f"drop its rows instead with na={{{label!r}: 'drop-row'}}"
            )
        return {name: _transform_rule(policy) for name, policy in self.na.items() if name != label}


def _transform_rule(policy: Blanks) -> NaRule:
    return "error" if policy == "drop-row" else policy


def settle(source: Source, options: FeedOptions, found: Survey) -> tuple[FeedSpec, FittedTransform, str]:
    """The task with its reason, what a model must know, and the target's transform."""
    label = source.label
    assert label is not None
    assert found.labels is not None
    task, reason = resolve_task(options.task, found.labels, label=label)
    target, classes = _target(task, label, found.labels)
    spec = FeedSpec(
        input_shape=(len(source.features),),
        input_dtype="float32",
        features=source.features,
        task=task,
        classes=classes,
        num_outputs=len(classes) if task == "classes" and classes is not None else 1,
        label=label,
    )
    return spec, target, reason


def _target(
    task: Task, label: str, labels: LabelCounts
) -> tuple[FittedTransform, tuple[str | int | float, ...] | None]:
    """The label's transform, and the classes that it tells apart."""
    if task == "regression":
        return Passthrough(label), None
    assert labels.classes is not None
    found: tuple[Any, ...] = labels.classes
    encoder = LabelEncoder.from_counts(label, found)
    return encoder, encoder.classes_


def fitted_inputs(options: FeedOptions, found: Survey, label: str) -> FeatureTransform:
    """The features' transform, fitted by the statistics of the training rows unless it is already."""
    rule = options.transform_na(label)
    transform = options.transform or Standardize(na=rule)
    if transform.na != rule:
        raise OptionError(
            f"the feed has na={options.na!r} and its transform na={transform.na!r}: one would let blanks "
            f"through and the other not; give the transform na={rule!r} too"
        )
    if transform.is_fitted or found.statistics is None:
        return transform
    return transform.fit_statistics(found.statistics)


def check_labels(spec: FeedSpec, found: Survey) -> None:
    """Refuse labels that training never saw."""
    if spec.classes is None or found.labels is None or found.labels.classes is None:
        return
    counts = zip(found.labels.classes, found.labels.counts, strict=True)
    unknown = {label: count for label, count in counts if label not in spec.classes}
    if not unknown:
        return
    where, first = first_unknown(found, spec.classes) or (found.paths[0], next(iter(unknown)))
    many = sum(unknown.values())
    rows = "1 row has such a label" if many == 1 else f"{many:,} rows have such labels ({_some(unknown)})"
    raise DataError(
        f"{where}: the label column {spec.label!r} holds {first!r}, which training never saw "
        f"(it knows {_some(spec.classes)}). {rows}: correct the labels, or train on them too"
    )


def _some(labels: Collection[object], limit: int = 5) -> str:
    more = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(map(repr, list(labels)[:limit])) + more
