"""What is asked for, settled once the survey is there: the task of each label, and the labels' transform."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from stoker.errors import DataError, OptionError
from stoker.inheritance import Inheritance
from stoker.sources import Source
from stoker.survey import LabelCounts, Survey
from stoker.survey.whereabouts import first_unknown
from stoker.task import TaskOption, resolve_task
from stoker.transforms.base import FittedTransform
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.numeric import Cast
from stoker.transforms.targets import TransformedTarget
from stoker.types import FeedSpec, TargetSpec, Task

__all__ = ["Learners", "Target", "check_labels", "settle_target", "target_learners"]

Learners = Mapping[str, TransformedTarget]
"""By label what learns from its numbers, while it is not known yet which of them are to be regressed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked for.

    Attributes
    ----------
    specs
        What each output answers.
    reason
        Why the tasks are these.
    transform
        Makes y of the labels.
    learners
        Those parts of it that learn from the rows.
    """

    specs: tuple[TargetSpec, ...]
    reason: str
    transform: FittedTransform
    learners: tuple[TransformedTarget, ...] = ()


def target_learners(source: Source, transform: Cast | None, old: Inheritance | None) -> Learners:
    """What learns from labels that may be regressed on, one for each; none where nothing is to be learned.

    Raises
    ------
    OptionError
        If the transform cannot be one of a target, or has no effect.
    """
    if transform is None:
        return {}
    if old is not None:
        raise OptionError(f"target has no effect beside init={old.run!r}, whose own is taken: leave it out")
    if isinstance(transform, Cast) and transform.is_fitted:
        raise OptionError("target learns from the labels of the feed: give a transform that is not fitted")
    made = {}
    for label in source.table.schema.labels:
        kind = type(transform)
        own = kind(**transform.options()) if isinstance(transform, Cast) else transform
        made[label.name] = TransformedTarget(label.name, own)
        if label.kind == "text":
            del made[label.name]
    if not made:
        shown = ", ".join(map(repr, source.labels))
        raise OptionError(f"target is for numbers to regress on, and {shown} is text: leave it out")
    return made


def settle_target(
    source: Source, task: TaskOption, old: Inheritance | None, learners: Learners, found: Survey
) -> Target:
    """The task, the user's or by the labels, and the label's transform.

    Parameters
    ----------
    source, found
        The rows, and what is in them.
    task
        What the user said.
    old
        The run to begin with.
    learners
        As `target_learners` made them.
    """
    assert source.label is not None
    label, counts = source.label, found.counts[source.label]
    asked: Task | TaskOption = task
    if old is not None:
        counts = old.labels_with(counts, label)
        asked = old.task_for(asked, counts)
    if label in learners:
        if asked not in ("auto", "regression"):
            raise OptionError(f"target is for regression, and task={asked!r}: leave one of them out")
        asked = "regression"
    resolved, reason = resolve_task(asked, counts, label=label)
    transform: FittedTransform
    if resolved == "regression":
        inherited = None if old is None else old.target_for(label)
        transform = learners.get(label) or inherited or Passthrough(label)
        classes = None
    else:
        transform = _encoder(label, counts)
        classes = transform.classes_
    learner = transform if isinstance(transform, TransformedTarget) else None
    spec = TargetSpec(
        columns=(label,),
        task=resolved,
        classes=classes,
        num_outputs=len(classes) if resolved == "classes" and classes is not None else 1,
        class_names=_names_of(classes, found.source.class_names),
        transform=None if learner is None else learner.transform.name,
    )
    return Target(
        specs=(spec,),
        reason=reason if old is None else f"as in {old.run}",
        transform=transform,
        learners=() if learner is None else (learner,),
    )


def _encoder(label: str, counts: LabelCounts) -> LabelEncoder:
    assert counts.classes is not None
    found: tuple[Any, ...] = counts.classes
    return LabelEncoder.from_counts(label, found)


def _names_of(
    classes: tuple[str | int | float, ...] | None, names: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Names of classes that are numbered from 1; None where one has none."""
    places: dict[Any, str] = dict(enumerate(names or (), 1))
    if not classes or not all(label in places for label in classes):
        return None
    return tuple(places[label] for label in classes)


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
