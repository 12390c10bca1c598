"""What is asked for, settled once the survey is there: the task of each label, and the labels' transform."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stoker.errors import DataError, OptionError
from stoker.inheritance import Inheritance
from stoker.sources import Source
from stoker.survey import LabelCounts, Survey
from stoker.survey.whereabouts import first_unknown
from stoker.task import TaskOption, resolve_task
from stoker.transforms.base import FittedTransform
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.numeric import Cast
from stoker.transforms.scaling import Standardize
from stoker.transforms.targets import TargetColumns, TransformedTarget
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


def target_learners(
    source: Source, transform: Cast | Literal["auto"] | None, old: Inheritance | None
) -> Learners:
    """What learns from labels that may be regressed on, one for each; none where nothing is to be learned.

    ``"auto"`` standardises the numbers among several labels, so that no unit outweighs others in the loss.

    Raises
    ------
    OptionError
        If the transform cannot be one of a target, or has no effect.
    """
    if isinstance(transform, str):
        if transform != "auto":
            raise OptionError(f"target must be a transform, or 'auto', got {transform!r}")
        if old is not None or len(source.labels) == 1:
            return {}
        numbers = [label.name for label in source.table.schema.labels if label.kind != "text"]
        return {name: TransformedTarget(name, Standardize()) for name in numbers}
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
    source: Source,
    task: TaskOption,
    old: Inheritance | None,
    learners: Learners,
    found: Survey,
    *,
    is_asked: bool = False,
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
    is_asked
        Whether the user asked for them.
    """
    if old is not None and len(source.labels) + len(old.spec.labels) > 2 and source.labels != old.spec.labels:
        raise OptionError(
            f"init={old.run!r} answers the labels {_some(old.spec.labels)}, and those here are "
            f"{_some(source.labels)}: of several labels all must be the same"
        )
    singles = [_settle_one(name, task, old, learners, found) for name in source.labels]
    if is_asked and not any(single.learners for single in singles):
        raise OptionError(
            "target is for numbers to regress on, and no label is one: leave it out, or say task='regression'"
        )
    return singles[0] if len(singles) == 1 else _together(singles)


def _settle_one(
    label: str, task: TaskOption, old: Inheritance | None, learners: Learners, found: Survey
) -> Target:
    counts, is_only = found.counts[label], len(found.counts) == 1
    asked: Task | TaskOption = task
    if old is not None:
        counts = old.labels_with(counts, label)
        asked = old.task_for(asked, counts, label)
    if label in learners and is_only:
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
        class_names=_names_of(classes, found.source.class_names) if is_only else None,
        transform=None if learner is None else learner.transform.name,
    )
    return Target(
        specs=(spec,),
        reason=reason if old is None else f"as in {old.run}",
        transform=transform,
        learners=() if learner is None else (learner,),
    )


def _together(singles: Sequence[Target]) -> Target:
    """Several labels: one output where all are 0 or 1, or all numbers; else one output each."""
    specs = [single.specs[0] for single in singles]
    columns = tuple(spec.columns[0] for spec in specs)
    are_binary = all(spec.task == "binary" and spec.classes == (0, 1) for spec in specs)
    are_numbers = all(spec.task == "regression" for spec in specs)
    learners = tuple(learner for single in singles for learner in single.learners)
    transform = TargetColumns([single.transform for single in singles], stacked=are_binary or are_numbers)
    if are_binary or are_numbers:
        one = TargetSpec(
            columns=columns,
            task="labels" if are_binary else "regression",
            classes=(0, 1) if are_binary else None,
            num_outputs=len(columns),
            transform=specs[0].transform,
        )
        reason = f"all {len(columns)} labels are {'0 or 1' if are_binary else 'numbers'}: one output"
        return Target(specs=(one,), reason=reason, transform=transform, learners=learners)
    pairs = zip(specs, singles, strict=True)
    told = "; ".join(f"{spec.columns[0]} {spec.task}, {single.reason}" for spec, single in pairs)
    return Target(
        specs=tuple(specs), reason=f"an output each: {told}", transform=transform, learners=learners
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
    for target in spec.targets:
        for name in target.columns if target.classes is not None else ():
            _check_label(name, target.classes or (), found)


def _check_label(name: str, classes: Sequence[object], found: Survey) -> None:
    labels = found.counts.get(name)
    if labels is None or labels.classes is None:
        return
    counts = zip(labels.classes, labels.counts, strict=True)
    unknown = {label: count for label, count in counts if label not in classes}
    if not unknown:
        return
    where, first = first_unknown(found, name, classes) or (found.paths[0], next(iter(unknown)))
    many = sum(unknown.values())
    rows = "1 row has such a label" if many == 1 else f"{many:,} rows have such labels ({_some(unknown)})"
    raise DataError(
        f"{where}: the label column {name!r} holds {first!r}, which training never saw "
        f"(it knows {_some(classes)}). {rows}: correct the labels, or train on them too"
    )


def _some(labels: Collection[object], limit: int = 5) -> str:
    more = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(map(repr, list(labels)[:limit])) + more
