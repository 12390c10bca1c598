"""Has transforms learn from the rows to train on, read in their order within the memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from stoker.ledger import Ledger
from stoker.plan import DataFacts, rows_within
from stoker.prefetch import prefetch
from stoker.survey import Survey
from stoker.transforms.base import FittedTransform
from stoker.transforms.chunks import TextChunk
from stoker.transforms.columns import Columns, Part
from stoker.transforms.numeric import Cast
from stoker.transforms.texts import TextTransform, joined_texts
from stoker.types import Progress, Rows, Task

__all__ = ["fit_columns", "fit_texts"]

_CHUNK_BYTES = 2 << 20
_CHUNK_ROWS = 1 << 13
_CHUNK_SHARE = 32
"""Rows that are read ahead take at most this part of the memory, each time a chunk."""

T = TypeVar("T")


def fit_columns(
    columns: Columns,
    found: Survey,
    target: FittedTransform,
    *,
    task: Task,
    num_classes: int | None,
    facts: DataFacts,
    memory_bytes: int,
    workers: int,
    ledger: Ledger,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Fit those of several transforms that are not fitted yet on the rows of a survey's view.

    Those that the survey's statistics suffice for learn from them, all others but texts in one pass over the
    rows, and those of texts one after the other.

    Parameters
    ----------
    columns
        The transforms.
    found, target, task, num_classes, facts, memory_bytes, workers, ledger, progress, note
        As `fit_texts` takes them.
    """
    waiting: list[Part] = []
    texts: list[TextTransform] = []
    for part in columns.parts:
        if part.transform.is_fitted:
            continue
        if isinstance(part.transform, TextTransform):
            texts.append(part.transform)
        elif isinstance(part.transform, Cast) and not part.transform.needs_rows:
            part.transform.fit_statistics(found.statistics.select(part.columns))
        else:
            waiting.append(part)
    if waiting:
        together = Columns({part.name: (part.columns, part.transform) for part in waiting})
        done = 0
        for rows in _chunks(found, facts, memory_bytes, workers, ledger, lambda rows: rows):
            together.partial_fit(rows)
            done += rows.num_rows
            if progress is not None:
                progress(done, found.num_rows)
    for transform in texts:
        fit_texts(
            transform,
            found,
            target,
            task=task,
            num_classes=num_classes,
            facts=facts,
            memory_bytes=memory_bytes,
            workers=workers,
            ledger=ledger,
            progress=progress,
            note=note,
        )


def fit_texts(
    transform: TextTransform,
    found: Survey,
    target: FittedTransform,
    *,
    task: Task,
    num_classes: int | None,
    facts: DataFacts,
    memory_bytes: int,
    workers: int,
    ledger: Ledger,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Fit a transform on the texts and the labels of a survey's view.

    Parameters
    ----------
    transform
        Learns; what it knew is forgotten.
    found
        The rows.
    target
        The label's fitted transform; its classes are what the texts are judged by, unless it is regression.
    task, num_classes
        What the label is; `num_classes` is None for regression.
    facts
        How long the texts are.
    memory_bytes
        What reading and learning may take.
    workers
        Threads.
    ledger
        Charged for what is in memory.
    progress
        Called with the rows done and the rows in all, over every pass.
    note
        Called with a sentence on the temporary space that learning may take, if it may take any.
    """
    temporary = transform.temporary_bytes(found.text_bytes, found.num_rows, memory=memory_bytes)
    if temporary and note is not None:
        note(f"learning takes up to {temporary / 1e6:,.0f} MB of temporary space in {tempfile.gettempdir()}")
    names = transform.columns or found.source.features

    def texts_of(rows: Rows) -> TextChunk:
        texts = joined_texts(rows, names)
        labels = None
        if task != "regression":
            labels = target.apply(rows, np.arange(rows.num_rows)).astype(np.int64)
        ledger.tie("fitting", texts.nbytes, texts)
        return TextChunk(texts=texts, labels=labels)

    transform.fit_passes(
        lambda: _chunks(found, facts, memory_bytes, workers, ledger, texts_of),
        columns=names,
        num_classes=num_classes,
        memory=memory_bytes,
        workers=workers,
        ledger=ledger,
        progress=progress,
        num_rows=found.num_rows,
    )


def _chunks(
    found: Survey,
    facts: DataFacts,
    memory_bytes: int,
    workers: int,
    ledger: Ledger,
    make: Callable[[Rows], T],
) -> Iterator[T]:
    """What becomes of the view's rows, a chunk at a time and in their order, made ahead in threads."""
    reader = found.reader()
    room = min(_CHUNK_BYTES, memory_bytes // _CHUNK_SHARE)
    step = max(1, rows_within(room, facts.row_bytes, facts, _CHUNK_ROWS))
    size = facts.text_bytes(step)

    def read(start: int) -> T:
        with ledger.charge("fitting", 2 * size):
            return make(reader.read(found.view.ids(start, min(start + step, found.num_rows))))

    try:
        starts = range(0, found.num_rows, step)
        with prefetch(read, starts, workers=workers, in_flight=workers + 1, name="fit") as made:
            yield from made
    finally:
        if found.kept is None:
            reader.close()
