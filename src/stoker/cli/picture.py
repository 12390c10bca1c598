"""What `stoker plan` and `stoker train` say of a feed, as lines of (name, text)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, get_args

from stoker.cli.flags import with_flags
from stoker.cli.options import TextOptions
from stoker.cli.texts import vectorizer_of

if TYPE_CHECKING:
    from stoker.feed import BaseFeed

__all__ = ["data_lines", "plan_lines", "survey_text"]

_FEW_CLASSES = 12
_MOST_CHOICES = 40
_REMARKABLE_SHARE = 0.8


def survey_text(feed: BaseFeed) -> str:
    """How much was read, in what time."""
    from stoker.training.lines import amount, counted, duration, grouped, size

    found = feed.survey
    parts = [
        f"{size(found.num_bytes)} in {duration(found.seconds)}"
        if found.seconds
        else f"{size(found.num_bytes)}, known from before",
        f"{amount(found.num_slots)} row{'s' * (found.num_slots != 1)}",
        f"{counted(len(feed.spec.features), 'column')} fitted in the same pass"
        if found.texts is None
        else f"{counted(len(feed.spec.features), 'column')} in {counted(len(feed.spec.inputs), 'input')}"
        if feed.spec.inputs
        else f"{grouped(round(found.texts.median_words))} words a row, the median",
    ]
    return " · ".join(parts)


def data_lines(feed: BaseFeed) -> Iterator[tuple[str, str]]:
    """What is in the files, and what to know of it."""
    from stoker.survey.problems import describe_problems
    from stoker.training.lines import counted, size
    from stoker.types import ColumnKind

    found, spec = feed.survey, feed.spec
    paths = [os.fspath(path) for path in found.source.paths]
    shown = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more files"
    yield "data", f"{shown} · {size(found.num_bytes)} · {counted(found.num_slots, 'row')}"
    kinds = [column.kind for column in found.source.columns if column.name not in spec.answers]
    counts = " and ".join(f"{kinds.count(kind)} {kind}" for kind in get_args(ColumnKind) if kind in kinds)
    held = f" · held as {found.dtype}" if found.features else ""
    weighed = "" if spec.sample_weight is None else f" · weighed by {spec.sample_weight}"
    yield "columns", f"{counts} · label {', '.join(spec.labels)}{weighed}{held}"
    chosen = getattr(found.source.table, "chosen", None)
    if chosen is not None:
        yield "where", f"{chosen.condition} · {chosen.told}"
    if found.excluded.size:
        quarantine = feed.stage.options.quarantine
        where = "" if quarantine is None or quarantine.path is None else f" · bad ones in {quarantine.path}"
        yield "left out", f"{counted(found.excluded.size, 'row')} with bad or missing values{where}"
    yield from _image_lines(feed)
    yield from _choice_lines(feed)
    gone = {name for choice in feed.stage.choices if choice.input is None for name in choice.columns}
    for line in describe_problems(problem for problem in found.problems if problem.column not in gone):
        yield "note", with_flags(line)
    for line in found.notes:
        yield "note", line
    yield from _task_lines(feed)


def _image_lines(feed: BaseFeed) -> Iterator[tuple[str, str]]:
    """How many images there are of which size, and what becomes of them."""
    for name, seen in feed.survey.images.items():
        parts = getattr(feed.transform, "parts", None)
        made = [part.transform for part in parts if name in part.columns] if parts else [feed.transform]
        shapes = [each.row_shape for each in made]
        told = [
            f"{wide} × {high}, {'grey' if channels == 1 else 'colours'}" for high, wide, channels in shapes
        ]
        if told:
            yield "images", f"{name}: {seen.describe()} → {' and '.join(told)} (--image-size)"


def _choice_lines(feed: BaseFeed) -> Iterator[tuple[str, str]]:
    """Which transform each column got where none was named, and why."""
    choices = feed.stage.choices
    shown = [choice for choice in choices if choice.input is not None]
    for choice in shown[:_MOST_CHOICES]:
        yield "input", f"{_listed(choice.columns)} → {choice.transform}: {choice.reason}"
    if len(shown) > _MOST_CHOICES:
        yield "input", f"and {len(shown) - _MOST_CHOICES} more, which --json and run.json tell (choices)"
    left_out: dict[str, list[str]] = {}
    for choice in choices:
        if choice.input is None:
            left_out.setdefault(choice.reason, []).extend(choice.columns)
    for reason, names in left_out.items():
        yield "left out", f"{_listed(names)}: {reason}"
    if choices:
        yield "input", "--transform COLUMN=WORD or --types COLUMN=TYPE has it otherwise; see docs/columns.md"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW_CLASSES} more" if len(names) > _FEW_CLASSES else ""
    return ", ".join(names[:_FEW_CLASSES]) + more


def _task_lines(feed: BaseFeed) -> Iterator[tuple[str, str]]:
    spec, labels = feed.spec, feed.survey.view_labels
    several = len(spec.targets) > 1
    yield "task", f"{'several' if several else spec.task}: {feed.stage.task_reason} (--task overrides)"
    for target in spec.targets:
        if target.transform is not None:
            yield "target", f"{', '.join(target.columns)} → {target.transform}, undone in what is predicted"
    if len(spec.labels) > 1 or spec.task == "regression" or labels is None or labels.classes is None:
        return
    classes = ", ".join(map(str, labels.classes[:_FEW_CLASSES]))
    more = f" and {len(labels.classes) - _FEW_CLASSES} more" if len(labels.classes) > _FEW_CLASSES else ""
    yield "classes", classes + more
    if labels.majority is not None and labels.majority[1] >= _REMARKABLE_SHARE:
        label, share = labels.majority
        yield (
            "warning",
            f"always answering {label} scores {100 * share:.1f} % (--metric auc, --class-weight balanced)",
        )


_WORDS = {"n-grams": "ngram", "hashed n-grams": "hashing", "sequence": "sequence"}
"""Transforms of texts by what ``--vectorizer`` calls them."""


def text_lines(feed: BaseFeed, text: TextOptions) -> Iterator[tuple[str, str]]:
    """What texts become, and why; nothing where features are numbers."""
    from stoker.training.lines import counted, grouped

    found, spec = feed.survey, feed.spec
    if found.texts is None or spec.input_kind == "named":
        return
    old = feed.stage.options.inheritance
    name, reason = (_WORDS[feed.transform.name], "") if old else vectorizer_of(text, found)
    made = f"{spec.input_shape[0]:,}".replace(",", " ")
    what = {
        "ngram": f"tf-idf of {made} n-grams of words",
        "hashing": f"n-grams of words hashed to {made} places",
        "sequence": f"{counted(spec.input_shape[0], 'word')} a row, of {grouped(spec.num_tokens or 0)}",
    }
    yield "text", f"{what[name]}: {f'as in {old.run}' if old else f'{reason} (--model, --vectorizer)'}"


def plan_lines(
    feed: BaseFeed, valid: BaseFeed | None, *, held_out: bool, epochs: int
) -> Iterator[tuple[str, str]]:
    """What would be done: rows, order, memory, disk, seconds."""
    from stoker.training.lines import counted, duration, grouped, size

    plan, order, limits = feed.plan, feed.plan.order, feed.plan.limits
    yield "rows", _rows_text(feed, valid, held_out)
    steps = f"{counted(order.num_batches, 'step')} of {counted(order.batch_size, 'row')} an epoch"
    if order.kind == "block":
        reach = f"blocks of {counted(order.block, 'row')}, shuffled in windows of {grouped(order.window)}"
    else:
        reach = {"exact": "every row may go anywhere", "sequential": "as in the files"}[order.kind]
    yield "order", f"{order.kind}: {reach} · {steps} · seed {order.seed}"
    buffers = ", ".join(f"{line.name} {size(line.num_bytes)}" for line in plan.memory)
    yield "memory", f"{size(plan.memory_planned)} of {size(plan.memory_bytes)}: {buffers}"
    cache = f"cache of {size(plan.cache_bytes)}" if plan.use_cache else "no cache"
    in_one = plan.use_cache and plan.seconds_survey and not plan.seconds_cache
    how = "; written while the files were surveyed" if in_one else ""
    yield "disk", f"{cache}: {plan.cache_reason}{how}"
    ahead = f"{limits.windows_in_flight} windows and {limits.groups_in_flight} groups of batches ahead"
    yield "workers", f"{limits.workers} threads a stage, {ahead}"
    spent = [f"survey {duration(plan.seconds_survey)}" if plan.seconds_survey else "survey stored"]
    if plan.use_cache and plan.seconds_cache:
        spent.append(f"cache about {duration(plan.seconds_cache)}")
    spent.append(f"reading an epoch about {duration(plan.seconds_epoch)}, {epochs} at most")
    yield "time", " · ".join(spent)


def _rows_text(feed: BaseFeed, valid: BaseFeed | None, held_out: bool) -> str:
    from stoker.training.lines import grouped

    text = f"{grouped(feed.num_rows)} to train on"
    if valid is None:
        return text
    how = (
        f"held out, {100 * valid.num_rows / (valid.num_rows + feed.num_rows):.0f} %"
        if held_out
        else "of other files"
    )
    return f"{text}, {grouped(valid.num_rows)} to validate on ({how})"
