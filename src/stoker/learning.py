"""Surveys and fits as a feed's options say: transforms learn in the survey's pass what they can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from stoker.errors import OptionError
from stoker.fitting import Reading, RowLearner, fit_columns, fit_texts, learn_rows
from stoker.ledger import Ledger
from stoker.plan import DataFacts
from stoker.prefetch import available_cores
from stoker.settling import FeedOptions, as_columns
from stoker.sizes import data_facts
from stoker.sources import Source
from stoker.sources.bound import BoundView
from stoker.survey import Survey, survey
from stoker.survey.extremes import told_extreme
from stoker.survey.policy import Role
from stoker.targets import Target
from stoker.transforms.base import FittedTransform, InputTransform, told_unread
from stoker.transforms.columns import Columns
from stoker.transforms.image import Image
from stoker.transforms.notfinite import SpreadError
from stoker.transforms.numeric import Cast
from stoker.transforms.pad_sequences import PadSequences
from stoker.transforms.sparse_features import SparseFeatures
from stoker.transforms.targets import TargetColumns, TransformedTarget
from stoker.transforms.texts import TextTransform
from stoker.types import Progress, Rows, RowSink, Task

__all__ = ["fit_inputs", "fit_targets", "judge_values", "survey_of", "threads_of"]


def survey_of(
    source: Source,
    options: FeedOptions,
    ledger: Ledger,
    role: Role,
    progress: Progress | None,
    keep: int,
    spool: bool,
    beyond: RowSink | None = None,
    targets: tuple[TransformedTarget, ...] = (),
) -> Survey:
    """The survey of rows to train on, in which unfitted `Columns` and targets learn, or of others.

    Parameters
    ----------
    source, options, ledger, role, progress
        As of a feed.
    keep, spool, beyond
        As `stoker.survey.survey` takes them.
    targets
        Of labels.
    """
    given = options.transform if options.inheritance is None else None
    columns = as_columns(given, source)
    if role != "train" or (columns is None and not targets):
        return _survey(source, options, ledger, role, progress, keep, spool, beyond)
    with RowLearner(columns, targets) as learner:
        found = _survey(source, options, ledger, role, progress, keep, spool, beyond, learner.try_to)
        if learner.num_rows != found.num_rows:  # a survey that was stored shows no rows
            learner.forget()
    return found


def _survey(
    source: Source,
    options: FeedOptions,
    ledger: Ledger,
    role: Role,
    progress: Progress | None,
    keep: int,
    spool: bool,
    beyond: RowSink | None = None,
    learn: Callable[[Rows], None] | None = None,
) -> Survey:
    found = survey(
        source,
        role=role,
        on_bad_row=options.on_bad_row,
        max_bad_rows=options.max_bad_rows,
        na=options.na,
        keep_bytes=keep,
        workers=options.plan.workers,
        progress=progress,
        ledger=ledger,
        spool=spool,
        beyond=beyond,
        texts=options.texts,
        learn=learn,
    )
    if options.quarantine is not None:
        options.quarantine.add(found, progress, ledger=ledger)
    return found


def fit_targets(
    target: Target,
    inputs: InputTransform,
    found: Survey,
    options: FeedOptions,
    ledger: Ledger,
    progress: Progress | None,
) -> None:
    """Have the labels' transforms learn in a pass over the rows, those that did not in the survey's.

    Raises
    ------
    SpreadError
        If a label is beyond float32, in which it is learned.
    """
    facts = data_facts(found, found.view, inputs)
    with _placed(found, ledger):
        learn_rows(
            RowLearner(None, target.learners),
            found,
            facts=facts,
            memory_bytes=max(1, options.plan.memory_bytes - facts.kept_bytes - facts.places_bytes),
            workers=threads_of(options),
            ledger=ledger,
            progress=progress,
        )
        target.transform.finish()
        _require_float32(target, found)


def _require_float32(target: Target, found: Survey) -> None:
    """Refuse numbers to regress on, as they are, that no float32 is."""
    for spec in target.specs:
        if spec.task != "regression" or spec.transform is not None:
            continue
        for name in spec.columns:
            seen = found.view_counts[name]
            for end in (seen.minimum, seen.maximum):
                if end is not None and abs(end) > float(np.finfo(np.float32).max):
                    raise SpreadError(name, "holds what is beyond float32", is_answer=True)


def fit_inputs(
    inputs: InputTransform,
    found: Survey,
    target: Target,
    options: FeedOptions,
    ledger: Ledger,
    progress: Progress | None,
    note: Callable[[str], None] | None,
) -> None:
    """Have the features' transform learn what it did not yet: from the survey's statistics, or from the rows.

    Raises
    ------
    SpreadError
        If a column is beyond float32 once it is transformed.
    """
    with _placed(found, ledger):
        if not inputs.is_fitted:
            _fit_inputs(inputs, found, target, options, ledger, progress, note)
        inputs.finish()


@contextmanager
def _placed(found: Survey, ledger: Ledger) -> Iterator[None]:
    """Tell of a column that spreads too far which value makes it so, and where it stands."""
    try:
        yield
    except SpreadError as error:
        if ("overflow", error.column) not in {(problem.kind, problem.column) for problem in found.problems}:
            raise
        where = told_extreme(found, error.column, ledger)
        is_answer = error.column in found.source.answers
        raise SpreadError(error.column, error.said, where, is_answer=is_answer) from None


def _fit_inputs(
    inputs: InputTransform,
    found: Survey,
    target: Target,
    options: FeedOptions,
    ledger: Ledger,
    progress: Progress | None,
    note: Callable[[str], None] | None,
) -> None:
    if isinstance(inputs, Cast) and not inputs.needs_rows:
        inputs.fit_statistics(found.statistics)
    elif isinstance(inputs, Image):
        (column,) = found.source.features
        inputs.fit_sizes(found.images[column], column)
    elif isinstance(inputs, TextTransform | Columns | Cast | PadSequences | SparseFeatures):
        facts = data_facts(found, found.view, inputs)
        taken = facts.kept_bytes + facts.places_bytes
        transform, task, num_classes = _judging(target)
        alone = not isinstance(inputs, TextTransform | Columns)
        fit = fit_texts if isinstance(inputs, TextTransform) else fit_columns
        learns = Columns({"x": (found.source.features, inputs)}) if alone else inputs
        fit(
            learns,  # type: ignore[arg-type]  # each takes its own
            found,
            transform,
            task=task,
            num_classes=num_classes,
            facts=facts,
            memory_bytes=max(1, options.plan.memory_bytes - taken),
            workers=threads_of(options),
            ledger=ledger,
            progress=progress,
            note=note,
        )
    else:
        raise OptionError(
            f"{type(inputs).__name__} is not fitted, and a feed cannot fit it by itself: give it to "
            "stoker.Columns with the columns that it is for, or call its fit before"
        )


def judge_values(
    inputs: InputTransform,
    found: Survey,
    view: BoundView,
    facts: DataFacts,
    options: FeedOptions,
    ledger: Ledger,
) -> tuple[str, ...]:
    """Refuse rows of which fitted transforms would make nothing, in a pass over them, before any batch does.

    Where no transform refuses any value, or takes one for a blank that is none, nothing is read.

    Parameters
    ----------
    inputs
        The fitted transform of the features.
    found, view, facts
        The rows that are to be used.
    options, ledger
        As of a feed.

    Raises
    ------
    DataError
        There is such a row; the message says where it stands.

    Returns
    -------
    Of each column with values that count as blanks, for nothing could be read of them, a sentence that says
    how many, and where the first one stands.
    """
    if not (inputs.refuses or inputs.leaves_unread):
        return ()
    judge: InputTransform = inputs
    if isinstance(inputs, Columns) and inputs.refuses:
        judge = Columns(
            {part.name: (part.columns, part.transform) for part in inputs.parts if part.transform.refuses}
        )
    reading = Reading(
        found=found,
        facts=facts,
        memory_bytes=options.plan.memory_bytes,
        workers=threads_of(options),
        ledger=ledger,
        others=view,
    )
    first, counts, firsts = 0, Counter[str](), dict[str, tuple[int, str]]()
    for rows, unread in reading.chunks(lambda rows: (rows, inputs.unread(rows, np.arange(rows.num_rows)))):
        if inputs.refuses:
            with reading.placed(first), ledger.charge("working", judge.working_bytes):
                judge.apply(rows, np.arange(rows.num_rows))
        for each in unread:
            counts[each.column] += each.places.size
            firsts.setdefault(each.column, (first + int(each.places[0]), each.said))
        first += rows.num_rows
    told = []
    for column, (at, said) in firsts.items():
        row = int(view.ids(at, at + 1)[0])
        place = f"{found.source.told(row, found.index)}: {said}"
        told.append(told_unread(column, counts[column], place))
    return tuple(told)


def _judging(target: Target) -> tuple[FittedTransform, Task, int | None]:
    """What texts are judged by: the first label's classes."""
    transform, first = target.transform, target.specs[0]
    if isinstance(transform, TargetColumns):
        transform = transform.parts[0]
    task: Task = "binary" if first.task == "labels" else first.task
    return transform, task, None if first.classes is None else len(first.classes)


def threads_of(options: FeedOptions) -> int:
    """Threads a stage: the user's, or one a core."""
    return available_cores() if options.plan.workers is None else options.plan.workers
