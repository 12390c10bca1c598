"""From a source and options to everything resolved: survey, task, fitted transforms, plan, and a reader."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from stoker import cache as caching
from stoker.buffers import release_idle
from stoker.choosing import ColumnChoice
from stoker.drafting import cache_draft
from stoker.errors import ColumnError, DataError, MemoryBudgetError
from stoker.keeping import with_kept_inputs
from stoker.learning import fit_inputs, fit_targets, judge_values, survey_of, threads_of
from stoker.ledger import Charge, Ledger, allocated_bytes
from stoker.plan import (
    DataFacts,
    MachineFacts,
    Plan,
    PlanOptions,
    keep_bytes,
    make_plan,
    read_bytes,
    share_bytes,
    work_within,
)
from stoker.refusing import check_inputs
from stoker.settling import (
    FeedOptions,
    by_columns,
    choose_inputs,
    spec_of,
    with_batches,
    with_choice,
)
from stoker.sizes import data_facts, machine_facts
from stoker.sources import Source
from stoker.sources.alike import rows_like
from stoker.sources.bound import BoundView
from stoker.sources.objects.alike import held_source
from stoker.sources.opening import are_paths
from stoker.sources.spool import account, let_go_spools, make_ready
from stoker.survey import Survey
from stoker.targets import check_labels, settle_target, target_learners
from stoker.transforms.base import FittedTransform, InputTransform
from stoker.transforms.image import Image
from stoker.transforms.labels import Passthrough
from stoker.transforms.texts import TextTransform
from stoker.types import FeedSpec, OrderSpec, Progress, RowReader, StreamLimits
from stoker.weights import class_weights

__all__ = ["FeedOptions", "Preparation", "derived_stage", "training_stage", "with_cache"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """A feed with everything resolved.

    `given` is the source as the user has it, `source` with the columns that are read; `choices` tell which
    transform each column got where none was named.
    `share` accounts for what this feed, and those that it shares with, have claimed of their part of the
    memory: what they hold all the time, and what their open epochs take. `derived_share` does so for the
    feeds derived from it. `unread` are sentences on values of rows to validate on that count as blanks, for
    nothing could be read of them.
    """

    given: Source
    source: Source
    options: FeedOptions
    survey: Survey
    view: BoundView
    reader: RowReader
    read_bytes: int
    plan: Plan
    spec: FeedSpec
    choices: tuple[ColumnChoice, ...]
    task_reason: str
    inputs: InputTransform
    target: FittedTransform | None
    weight: FittedTransform | None
    class_weights: npt.NDArray[np.float32] | None
    keep: tuple[str, ...]
    ledger: Ledger
    share: Ledger
    derived_share: Ledger
    facts: DataFacts
    machine: MachineFacts
    unread: tuple[str, ...] = ()

    def open_epoch(self, order: OrderSpec) -> tuple[StreamLimits, Charge]:
        """Claim the memory of an epoch's buffers: as planned, or as little as others leave.

        Parameters
        ----------
        order
            Whose windows and batches the buffers must hold: the plan's, or what a rank takes of it.

        Raises
        ------
        MemoryBudgetError
            If what is left does not suffice.
        """
        plan = self.plan
        if self.read_bytes and self.source.is_packed:
            make_ready(self.source.places, self.survey.index)
        if order == plan.order:
            claim = self.share.try_charge("epochs", plan.stream_bytes)
            if claim is not None:
                return plan.limits, claim
        left = self.share.limit - self.share.current
        in_storage = plan.use_cache or self.facts.kept
        limits, buffers = work_within(
            left, self.facts, self.machine, self.options.plan, order, in_storage=in_storage
        )
        claim = self.share.try_charge("epochs", sum(line.num_bytes for line in buffers))
        if claim is None:
            raise MemoryBudgetError("several epochs were opened at once: open them one after the other")
        return limits, claim

    def told(self, row: int) -> str:
        """The file that holds a row and the row's id, for people."""
        return self.source.told(row, self.survey.index)

    def reading_bytes(self, order: OrderSpec) -> int:
        """What a read of a window of an order holds besides its rows; 0 where rows are mapped or kept."""
        return read_bytes(self.facts, order) if self.read_bytes else 0

    @property
    def row_bytes(self) -> int:
        """What a row takes once it is read; 0 where rows are mapped or kept."""
        return self.facts.row_bytes if self.read_bytes else 0


def training_stage(
    source: Source,
    options: FeedOptions,
    progress: Progress | None = None,
    fitting: Progress | None = None,
    note: Callable[[str], None] | None = None,
    *,
    draft: bool = True,
) -> Preparation:
    """Resolve a training feed: survey, task, transforms, plan; and the cache, if the survey's pass wrote it.

    Parameters
    ----------
    source, options
        What the user chose.
    progress, fitting, note
        As in `stoker.Feed.prepare`.
    draft
        Whether the survey's pass may write the cache.

    Raises
    ------
    ColumnError
        If the source knows no label.
    DataError, OptionError, MemoryBudgetError
        For what cannot be trained on, or as asked.
    """
    if source.label is None:
        raise ColumnError("there is nothing to learn without a label: name its column with label=")
    options.transform_na(source.answers)
    ledger = Ledger(options.plan.memory_bytes)
    divided = max((getattr(step, "peak_bytes", 0) for step in source.view.steps), default=0)
    if divided:  # before there was a feed
        ledger.charge("dividing rows", divided).release()
    given = source
    source, options = by_columns(source, options)
    check_inputs(source, options)
    with cache_draft(source, options, ledger) if draft else nullcontext() as rows:
        return _training_stage(given, source, options, ledger, rows, progress, fitting, note)


def _training_stage(
    given: Source,
    source: Source,
    options: FeedOptions,
    ledger: Ledger,
    draft: caching.Draft | None,
    progress: Progress | None,
    fitting: Progress | None,
    note: Callable[[str], None] | None,
) -> Preparation:
    assert source.label is not None
    spool = options.plan.cache != "never"
    room = keep_bytes(options.plan)
    old = options.inheritance
    learners = target_learners(source, options.target, old)
    found = survey_of(
        source, options, ledger, "train", progress, room, spool, draft, tuple(learners.values())
    )
    options, choices = with_choice(options, found)
    inputs = choose_inputs(source, options, found)
    options = with_batches(options, inputs)
    is_asked = options.target not in (None, "auto")
    target = settle_target(source, options.task, old, learners, found, is_asked=is_asked)
    fit_targets(target, inputs, found, options, ledger, fitting)
    fit_inputs(inputs, found, target, options, ledger, fitting, note)
    if isinstance(inputs, TextTransform):
        # One that learned from texts alone, or has nothing to learn, knows no columns yet.
        inputs.columns_ = inputs.columns_ or inputs.columns or source.features
    if isinstance(inputs, TextTransform | Image) and options.plan.epochs > 1:
        room = keep_bytes(options.plan)
        found = with_kept_inputs(
            found, inputs, limit=room, workers=threads_of(options), ledger=ledger, progress=fitting
        )
    if source.text_features:
        release_idle()
    spec = spec_of(source, target, inputs)
    facts = data_facts(found, found.view, inputs, holds_transform=True)
    machine = machine_facts(source, draft)
    plan = make_plan(facts, machine, options.plan)
    if draft is not None and plan.use_cache and draft.finish(found):
        plan = msgspec.structs.replace(plan, seconds_cache=0.0)
    stage = Preparation(
        given=given,
        source=source,
        options=options,
        survey=found,
        view=found.view,
        reader=found.reader(),
        read_bytes=0 if plan.use_cache or found.kept is not None else read_bytes(facts, plan.order),
        plan=plan,
        spec=spec,
        choices=choices,
        task_reason=target.reason,
        inputs=inputs,
        target=target.transform,
        weight=None if source.sample_weight is None else Passthrough(source.sample_weight),
        class_weights=class_weights(options.class_weight, spec.classes, found.view_labels),
        keep=(),
        ledger=ledger,
        share=Ledger(share_bytes(options.plan)),
        derived_share=Ledger(share_bytes(_unshuffled(options.plan))),
        facts=facts,
        machine=machine,
    )
    _claim(stage, pays_survey=True)
    return stage


def derived_stage(
    base: Preparation,
    source: Any,
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
        For rows that cannot be used, of which a transform makes nothing, or labels that training never saw.
    """
    options = replace(base.options, class_weight=None, plan=_unshuffled(base.options.plan))
    share = base.derived_share
    if isinstance(source, Source) and source.table is base.given.table:
        source = replace(base.source, view=source.view)
    is_shared = isinstance(source, Source) and source.table is base.source.table and not keep and label
    if is_shared and isinstance(source, Source):
        found, reader = base.survey, base.reader
        view = source.view.bind(found.num_slots, found.excluded)
        held = source
    else:
        held = _held(base.source, source, keep, label)
        room = keep_bytes(options.plan, share.held("kept rows"))
        spool = base.options.plan.derived or base.options.plan.cache != "never"
        found = survey_of(held, options, base.ledger, "valid" if label else "predict", None, room, spool)
        makes_anew = isinstance(base.inputs, TextTransform | Image)
        if makes_anew and label and options.plan.epochs > 1 and not keep:
            found = with_kept_inputs(
                found, base.inputs, limit=room, workers=threads_of(options), ledger=base.ledger
            )
            release_idle()
        reader, view = found.reader(), found.view
        check_labels(base.spec, found)
    if not view.num_rows:
        few = f"none of the {found.num_slots:,} rows" if held.view.steps else "no row"
        raise DataError(
            f"{held.paths[0]}: {few} is left to validate on; give more rows, or files of their "
            "own (validation=)"
        )
    facts = data_facts(found, view, base.inputs, keep=len(keep), pays_survey=not is_shared)
    unread = judge_values(base.inputs, found, view, facts, options, base.ledger) if label else ()
    machine = machine_facts(held)
    claimed = share.held("kept rows") + share.held("row places")
    plan = make_plan(facts, machine, options.plan, claimed_bytes=claimed)
    in_storage = found.kept is not None or (is_shared and base.plan.use_cache)
    stage = replace(
        base,
        source=held,
        options=options,
        survey=found,
        view=view,
        reader=reader,
        read_bytes=0 if in_storage else read_bytes(facts, plan.order),
        plan=plan,
        target=base.target if label else None,
        weight=base.weight if label else None,
        class_weights=None,
        keep=keep,
        share=share,
        facts=facts,
        machine=machine,
        unread=unread,
    )
    _claim(stage, pays_survey=not is_shared)
    return stage


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
    let_go_spools(stage.survey.index)
    return replace(stage, reader=cached)


def _unshuffled(options: PlanOptions) -> PlanOptions:
    """File order in small windows, beside the training feed."""
    return msgspec.structs.replace(options, shuffle=False, cache="never", derived=True)


def _held(base: Source, source: Any, keep: tuple[str, ...], label: bool) -> Source:
    """Other files or rows with the training source's columns and types; a view of them stays one."""
    if not isinstance(source, Source) and not are_paths(source):
        schema = base.table.schema if label else base.table.schema.without_label()
        held = held_source(source, schema, keep=keep)
    elif not isinstance(source, Source):
        held = base.like(source, with_label=label)
    elif source.table is base.table:
        held = source if label else source.without_label()
    else:
        table = rows_like(base.table, source.table, with_label=label)
        held = Source(table=table, view=source.view)
    return held.keeping(keep) if keep else held


def _claim(stage: Preparation, *, pays_survey: bool) -> None:
    """Charge what the feed holds for as long as it lives; the survey has charged kept rows and index."""
    found, view, facts = stage.survey, stage.view, stage.facts
    account(found.index, stage.ledger)
    if facts.transform_bytes:
        stage.ledger.tie("transform", facts.transform_bytes, stage.inputs)
    excluded = allocated_bytes(found.excluded) if pays_survey else 0
    stage.ledger.tie("row places", view.num_bytes + excluded, view)
    stage.share.tie("row places", facts.places_bytes, view)
    if found.kept is not None and pays_survey:
        stage.share.tie("kept rows", facts.kept_bytes, found.kept)
