"""From flags to the public face: the source, its two parts, the feed, the display."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from stoker.cli.known import is_known, require_no_password, resolved, test_files
from stoker.cli.options import DataOptions, OrderOptions, OutputOptions, ReadOptions, TextOptions
from stoker.cli.texts import check_texts, image_size, text_transform
from stoker.cli.words import missing_values, names, settings
from stoker.errors import OptionError

if TYPE_CHECKING:
    from stoker.feed import Feed
    from stoker.sources import Source
    from stoker.training.progress import Display
    from stoker.transforms.base import InputTransform
    from stoker.types import ColumnKind

__all__ = [
    "HELD_OUT",
    "allow_local_models",
    "choose_display",
    "import_modules",
    "make_feed",
    "open_parts",
    "open_source",
    "prepare",
    "warn_of_bad_rows",
]

_KINDS: tuple[ColumnKind, ...] = ("int", "float", "text", "bytes", "ints", "floats")

HELD_OUT = 0.1
"""The share of rows that are held out for validation where no files are given."""


def allow_local_models() -> None:
    """Let ``--model module:build`` name a module in the current folder, behind every installed one."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def import_modules(modules: Sequence[str] | None) -> None:
    """Import the modules that the user names, those of the current folder included.

    Raises
    ------
    OptionError
        There is no such module.
    """
    for name in modules or ():
        allow_local_models()
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise OptionError(
                f"--import {name}: there is no module {error.name!r} in {os.getcwd()} "
                "or among the installed ones"
            ) from error


def choose_display(output: OutputOptions) -> Display:
    """What shows progress on standard error."""
    from stoker.cli.noting import InFlags
    from stoker.training.progress import choose_display as choose

    return InFlags(choose("none" if output.quiet else "auto"))


def warn_of_bad_rows(display: Display, count: int, first: str | None, unread: Sequence[str] = ()) -> None:
    """Say how many rows have no answer, where the first one stands, and which values count as blanks."""
    from stoker.training.lines import counted

    if count:
        text = f"{counted(count, 'row')} cannot be scored and {'has' if count == 1 else 'have'} no answer"
        display.note("warning", f"{text}, first {first} (--on-bad-row error stops there)")
    for sentence in unread:
        display.note("warning", sentence)


def open_source(data: ReadOptions) -> Source:
    """The rows of the files.

    Raises
    ------
    OptionError
        If a flag cannot be.
    DataError
        If a file cannot be opened.
    """
    import stoker

    data = resolved(data)
    require_no_password([*data.files, *(getattr(data, "valid", None) or ())])
    source = stoker.open(
        data.files,
        label=names(data.label, "--label"),
        sample_weight=data.weight_column,
        text=names(data.text, "--text"),
        columns=names(data.columns, "--columns"),
        drop=names(data.drop, "--drop") or (),
        types=settings("--types", data.types, _KINDS),
        header=data.header,
        delimiter=data.delimiter,
        quote="" if data.quote == "none" else data.quote,
        format=data.format,
        query=data.query,
        where=data.where,
    )
    return source if data.limit is None else source.head(data.limit)


def open_parts(data: DataOptions, seed: int, memory: str) -> tuple[Source, Source]:
    """The rows to train on and those to validate on.

    Raises
    ------
    OptionError
        If there is no label, or a flag cannot be.
    DataError
        If a file cannot be opened.
    """
    source = open_source(data)
    if source.label is None:
        # The label is among those that --text, --columns or --drop may have left out.
        there = open_source(replace(data, text=None, columns=None, drop=None, where=None)).features
        shown = ", ".join(there[:8]) + (", …" if len(there) > 8 else "")
        raise OptionError(f"which column is to be learned? Say --label COLUMN; the columns are {shown}")
    tested = test_files(data.valid or ())
    if not tested and is_known(data.files):
        tested = test_files(data.files)
    for flag, column in (("--group", data.group), ("--stratify", data.stratify)):
        if tested and column is not None:
            raise OptionError(
                f"{flag} has no effect beside files to validate on, which {tested[0]} is; leave it out"
            )
    if tested:
        return source, source.like(tested, with_label=True)
    if data.valid:
        raise OptionError(f"{data.valid[0]} has no test split: name files")
    by_value = data.group is not None or data.stratify is not None
    held = memory if by_value else None
    return source.split(1 - HELD_OUT, seed=seed, group=data.group, stratify=data.stratify, memory=held)


def make_feed(
    train: Source,
    data: DataOptions,
    order: OrderOptions,
    text: TextOptions,
    class_weight: Any = None,
    *,
    init: str | None = None,
    learned: InputTransform | None = None,
) -> Feed:
    """The feed of the training rows, with nothing read yet; `learned` is what knows the texts already."""
    import stoker
    from stoker.transforms.targets import TARGET_WORDS

    check_texts(train, text)
    if init is not None and data.transform is not None:
        raise OptionError("--transform has no effect beside --init, whose transforms are taken")
    if init is not None and (text.vectorizer or text.max_features or text.image_size):
        raise OptionError(
            "--vectorizer, --max-features and --image-size have no effect beside --init, whose transforms "
            "are taken"
        )
    if data.max_bad_rows is not None and data.on_bad_row == "error":
        raise OptionError("--max-bad-rows has no effect without --on-bad-row skip or quarantine")
    if data.quarantine is not None and data.on_bad_row != "quarantine":
        raise OptionError("--quarantine has no effect without --on-bad-row quarantine")
    return stoker.Feed(
        train,
        transform=None if init is not None else _transform(train, data, text, learned),
        target="auto" if data.target is None else TARGET_WORDS[data.target](),
        batch_size=order.batch_size or "usual",
        shuffle=False if order.shuffle == "none" else order.shuffle,
        seed=order.seed,
        memory=order.memory,
        task=order.task,
        na=None if data.na is None else missing_values(data.na, train.features),
        on_bad_row=data.on_bad_row,
        max_bad_rows=data.max_bad_rows,
        quarantine=data.quarantine,
        class_weight=class_weight,
        cache=order.cache,
        epochs=order.epochs,
        init=init,
    )


def _transform(train: Source, data: DataOptions, text: TextOptions, learned: InputTransform | None) -> Any:
    """What becomes of the features: of texts alone as the model wants them, else chosen by what they hold."""
    from stoker.choosing import WORDS, Automatic
    from stoker.transforms.columns import Columns
    from stoker.transforms.image import Image

    if train.is_text:
        if data.transform is not None:
            raise OptionError(
                "--transform has no effect where all features are text (--text): --vectorizer says what "
                "becomes of them"
            )
        return learned or text_transform(text)
    if train.is_image:
        if data.transform not in (None, ["auto"], ["ask"]):
            raise OptionError("--transform has no effect on images alone: --image-size says their size")
        return learned or Image(image_size(text))
    if data.transform == ["ask"]:
        return None
    given = None if data.transform == ["auto"] else data.transform
    words = settings("--transform", given, WORDS)
    known = learned if isinstance(learned, Columns) else None
    return Automatic(words, known=known, image_size=image_size(text))


def prepare(feed: Feed, display: Display, *, draft_cache: bool = True) -> None:
    """Survey the rows and have transforms learn from them, in sight."""
    with display.stage("survey", "B") as progress, display.stage("fit", " rows") as fitting:
        feed.prepare(progress, fitting, partial(display.note, "note"), draft_cache=draft_cache)
