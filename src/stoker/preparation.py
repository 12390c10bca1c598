"""From a source and options to everything resolved: survey, task, fitted transforms, plan, and a reader."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from stoker import cache as caching
from stoker.errors import ColumnError, DataError, OptionError
from stoker.ledger import Ledger
from stoker.plan import (
    READ_BYTES,
    DataFacts,
    MachineFacts,
    Plan,
    PlanOptions,
    keep_bytes,
    make_plan,
)
from stoker.prefetch import available_cores
from stoker.sources import Source
from stoker.sources.bound import BoundView
from stoker.survey import LabelCounts, Survey, survey
from stoker.survey.policy import BadRows, Blanks, NaOption, Role
from stoker.task import TaskOption, resolve_task
from stoker.transforms.base import FittedTransform
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.numeric import Cast as FeatureTransform
from stoker.transforms.numeric import NaRule, Standardize
from stoker.types import FeedSpec, Progress, RowReader, Task
from stoker.weights import ClassWeight, class_weights

__all__ = ["FeedOptions", "Preparation", "derived_stage", "training_stage", "with_cache"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """A feed with everything resolved."""

    source: Source
    options: FeedOptions
    survey: Survey
    view: BoundView
    reader: RowReader
    read_bytes: int
    plan: Plan
    spec: FeedSpec
    task_reason: str
    inputs: FeatureTransform
    target: FittedTransform | None
    class_weights: npt.NDArray[np.float32] | None
    keep: tuple[str, ...]
    ledger: Ledger

    @property
    def row_bytes(self) -> int:
        """What a row takes once it is read; 0 where rows are mapped or kept."""
        return _row_bytes(self.spec, self.survey) if self.read_bytes else 0


def _transform_rule(policy: Blanks) -> NaRule:
    return "error" if policy == "drop-row" else policy


def training_stage(source: Source, options: FeedOptions, progress: Progress | None = None) -> Preparation:
    """Resolve a training feed: survey, task, transforms, plan, cache.

    Raises
    ------
    ColumnError
        If the source knows no label.
    DataError, OptionError, MemoryBudgetError
        For what cannot be trained on, or as asked.
    """
    if source.label is None:
        raise ColumnError("there is nothing to learn without a label: name its column with label=")
    options.transform_na(source.label)
    ledger = Ledger(options.plan.memory_bytes)
    found = _survey(source, options, ledger, "train", progress, keep_bytes(options.plan))
    spec, target, reason = _settle(source, options, found)
    inputs = _fitted(options, found, source.label)
    plan = make_plan(_facts(found, found.view, spec), _machine(source, options), options.plan)
    return Preparation(
        source=source,
        options=options,
        survey=found,
        view=found.view,
        reader=found.reader(),
        read_bytes=0 if plan.use_cache or found.kept is not None else READ_BYTES,
        plan=plan,
        spec=spec,
        task_reason=reason,
        inputs=inputs,
        target=target,
        class_weights=class_weights(options.class_weight, spec.classes, found.view_labels),
        keep=(),
        ledger=ledger,
    )


def derived_stage(
    base: Preparation,
    source: Source | str | os.PathLike[str],
    *,
    keep: tuple[str, ...] = (),
    label: bool = True,
) -> Preparation:
    """Resolve a feed of other rows with a training feed's transforms, classes, options and ledger.

    Rows come in file order. The other part of a split shares survey and reader; other files are surveyed
    with this feed's columns and types.

    Raises
    ------
    DataError
        For rows that cannot be used, or labels that training never saw.
    """
    options = replace(base.options, class_weight=None, plan=_unshuffled(base.options.plan))
    if isinstance(source, Source) and source.table is base.source.table and not keep and label:
        found, reader, read_bytes = base.survey, base.reader, base.read_bytes
        view = source.view.bind(found.num_slots, found.excluded)
        held = source
    else:
        held = _held(base.source, source, keep, label)
        found = _survey(
            held, options, base.ledger, "valid" if label else "predict", None, keep_bytes(options.plan)
        )
        reader, view = found.reader(), found.view
        read_bytes = 0 if found.kept is not None else READ_BYTES
        _check_labels(base.spec, found)
    if not view.num_rows:
        few = f"none of the {found.num_slots:,} rows" if held.view.steps else "no row"
        raise DataError(
            f"{held.paths[0]}: {few} is left to validate on; give more rows, or files of their "
            "own (validation=)"
        )
    plan = make_plan(_facts(found, view, base.spec), _machine(held, options), options.plan)
    return replace(
        base,
        source=held,
        options=options,
        survey=found,
        view=view,
        reader=reader,
        read_bytes=read_bytes,
        plan=plan,
        target=base.target if label else None,
        class_weights=None,
        keep=keep,
    )


def _survey(
    source: Source, options: FeedOptions, ledger: Ledger, role: Role, progress: Progress | None, keep: int
) -> Survey:
    return survey(
        source,
        role=role,
        on_bad_row=options.on_bad_row,
        max_bad_rows=options.max_bad_rows,
        na=options.na,
        keep_bytes=keep,
        workers=options.plan.workers,
        progress=progress,
        ledger=ledger,
    )


def _settle(source: Source, options: FeedOptions, found: Survey) -> tuple[FeedSpec, FittedTransform, str]:
    """The task, what a model must know, and the target's transform."""
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


def _fitted(options: FeedOptions, found: Survey, label: str) -> FeatureTransform:
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


def with_cache(stage: Preparation, progress: Progress | None = None) -> Preparation:
    """The same rows from the cache, which is made if there is none yet.

    Parameters
    ----------
    progress
        Called with the rows written so far and the rows in all.

    Raises
    ------
    DataError
        If the cache cannot be written.
    """
    cached = caching.find(stage.survey)
    if cached is None:
        cached = caching.build(
            stage.survey,
            stage.reader,
            progress=progress,
            workers=stage.plan.limits.workers,
            ledger=stage.ledger,
        )
    stage.reader.close()
    return replace(stage, reader=cached)


def _unshuffled(options: PlanOptions) -> PlanOptions:
    """File order in small windows, beside the training feed."""
    return msgspec.structs.replace(options, shuffle=False, cache="never", derived=True)


def _held(
    base: Source, source: Source | str | os.PathLike[str], keep: tuple[str, ...], label: bool
) -> Source:
    """Other files with the training source's columns and types; a view of them stays one."""
    if not isinstance(source, Source):
        held = base.like(source, with_label=label)
    elif source.table is base.table:
        held = source if label else source.without_label()
    else:
        held = replace(base.like(source.paths, with_label=label), view=source.view)
    return held.keeping(keep) if keep else held


def _check_labels(spec: FeedSpec, found: Survey) -> None:
    """Refuse labels that training never saw."""
    if spec.classes is None or found.labels is None or found.labels.classes is None:
        return
    unknown = [label for label in found.labels.classes if label not in spec.classes]
    if unknown:
        raise DataError(
            f"{found.paths[0]}: the label column {spec.label!r} holds {_some(unknown)}, which training never "
            f"saw (it knows {_some(spec.classes)}): correct the labels, or train on them too"
        )


def _some(labels: Sequence[object], limit: int = 5) -> str:
    more = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(map(repr, labels[:limit])) + more


def _row_bytes(spec: FeedSpec, found: Survey) -> int:
    return len(spec.features) * found.dtype.itemsize + 8


def _facts(found: Survey, view: BoundView, spec: FeedSpec) -> DataFacts:
    return DataFacts(
        num_rows=view.num_rows,
        num_slots=found.num_slots,
        num_bytes=found.num_bytes,
        num_features=len(spec.features),
        num_columns=len(spec.features) + 1,
        row_bytes=_row_bytes(spec, found),
        kept=found.kept is not None,
        survey_seconds=found.seconds,
    )


def _machine(source: Source, options: FeedOptions) -> MachineFacts:
    folder = Path(source.paths[0]).resolve().parent
    return MachineFacts(cores=available_cores(), free_disk_bytes=shutil.disk_usage(folder).free)
