"""From a source and options to everything resolved: survey, task, fitted transforms, plan, and a reader."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker import cache as caching
from stoker.errors import ColumnError, DataError
from stoker.ledger import Ledger
from stoker.plan import (
    READ_PIECE_BYTES,
    DataFacts,
    MachineFacts,
    Plan,
    PlanOptions,
    keep_bytes,
    make_plan,
)
from stoker.sources import Source
from stoker.sources import open as open_source
from stoker.sources.bound import BoundView
from stoker.survey import Survey, survey
from stoker.task import TaskOption, resolve_task
from stoker.transforms.base import FittedTransform
from stoker.transforms.labels import LabelEncoder, Passthrough
from stoker.transforms.numeric import Standardize
from stoker.types import FeedSpec, Progress, RowReader
from stoker.weights import ClassWeight, class_weights

__all__ = ["FeedOptions", "Preparation", "derived_stage", "training_stage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """What the user chose for a training feed; see `stoker.Feed`."""

    plan: PlanOptions = PlanOptions()
    transform: FittedTransform | None = None
    task: TaskOption = "auto"
    na: str | Mapping[str, str] = "error"
    on_bad_row: str = "error"
    max_bad_rows: int | None = None
    class_weight: ClassWeight = None

    @property
    def transform_na(self) -> str | dict[str, str]:
        """What of the policy for blanks is left to a transform: dropped rows never get to it."""
        if isinstance(self.na, str):
            return "error" if self.na == "drop-row" else self.na
        return {name: "error" if policy == "drop-row" else policy for name, policy in self.na.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """A feed with everything resolved."""

    source: Source
    options: FeedOptions
    survey: Survey
    view: BoundView
    reader: RowReader
    plan: Plan
    spec: FeedSpec
    task_reason: str
    inputs: FittedTransform
    target: FittedTransform | None
    class_weights: npt.NDArray[np.float32] | None
    keep: tuple[str, ...]
    ledger: Ledger

    @property
    def read_bytes(self) -> int:
        """What one read holds besides its rows; nothing where they are mapped or kept."""
        return 0 if self.plan.use_cache or self.survey.kept is not None else READ_PIECE_BYTES


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
        raise ColumnError("there is nothing to learn without a label: name its column with label= or --label")
    ledger = Ledger(options.plan.memory_bytes)
    found = _survey(source, options, ledger, progress, keep_bytes(options.plan.memory_bytes))
    spec, target, reason = _settle(source, options, found)
    inputs = _fitted(options, found, ledger)
    plan = make_plan(_facts(found, found.view, spec), _machine(source, options), options.plan)
    return Preparation(
        source=source,
        options=options,
        survey=found,
        view=found.view,
        reader=_reader(found, plan, ledger, progress),
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
    if isinstance(source, Source) and source.whole == base.source.whole and not keep and label:
        found, reader = base.survey, base.reader
        view = source.view.bind(found.num_slots, found.excluded)
        held = source
    else:
        held = _held(base.source, source, keep, label)
        found = _survey(held, options, base.ledger, None, options.plan.memory_bytes // 16)
        reader, view = found.reader(), found.view
        _check_labels(base.spec, found)
    if not view.num_rows:
        raise DataError(f"{', '.join(map(str, held.paths))}: no rows are left to evaluate or predict")
    plan = make_plan(_facts(found, view, base.spec), _machine(held, options), options.plan)
    if isinstance(source, Source) and found is base.survey:
        plan = msgspec.structs.replace(plan, use_cache=base.plan.use_cache)
    return replace(
        base,
        source=held,
        options=options,
        survey=found,
        view=view,
        reader=reader,
        plan=plan,
        target=base.target if label else None,
        class_weights=None,
        keep=keep,
    )


def _survey(
    source: Source, options: FeedOptions, ledger: Ledger, progress: Progress | None, keep: int
) -> Survey:
    return survey(
        source,
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
    assert label is not None and found.labels is not None
    task, reason = resolve_task(options.task, found.labels, label=label)
    classes = None if task == "regression" else found.labels.classes
    target: FittedTransform = (
        Passthrough(label) if classes is None else LabelEncoder.from_counts(label, classes)
    )
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


def _fitted(options: FeedOptions, found: Survey, ledger: Ledger) -> FittedTransform:
    """The features' transform, fitted by the survey's statistics or, where those do not do, in a pass."""
    transform = Standardize(na=options.transform_na) if options.transform is None else options.transform
    return transform.fit_statistics(found.statistics)


def _facts(found: Survey, view: BoundView, spec: FeedSpec) -> DataFacts:
    return DataFacts(
        num_rows=view.num_rows,
        num_slots=found.num_slots,
        num_bytes=found.num_bytes,
        num_features=len(spec.features),
        num_columns=len(spec.features) + 1,
        row_bytes=len(spec.features) * found.dtype.itemsize + 8,
        kept=found.kept is not None,
        survey_seconds=found.seconds,
    )


def _machine(source: Source, options: FeedOptions) -> MachineFacts:
    folder = Path(source.paths[0]).resolve().parent
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return MachineFacts(cores=cores, free_disk_bytes=shutil.disk_usage(folder).free)
