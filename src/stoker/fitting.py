"""Has a transform of texts learn from the rows to train on, read in their order within the memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from stoker.ledger import Ledger
from stoker.plan import DataFacts, rows_within
from stoker.prefetch import prefetch
from stoker.survey import Survey
from stoker.transforms.base import FittedTransform
from stoker.transforms.chunks import TextChunk
from stoker.transforms.texts import TextTransform, joined_texts
from stoker.types import Progress, Task

__all__ = ["fit_texts"]

_CHUNK_BYTES = 2 << 20
_CHUNK_ROWS = 1 << 13
_CHUNK_SHARE = 32
"""Texts that are read ahead take at most this part of the memory, each time a chunk."""


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
    reader = found.reader()
    names = transform.columns or found.source.features
    room = min(_CHUNK_BYTES, memory_bytes // _CHUNK_SHARE)
    step = max(1, rows_within(room, facts.row_bytes, facts, _CHUNK_ROWS))
    size = facts.text_bytes(step)

    def read(start: int) -> TextChunk:
        with ledger.charge("fitting", 2 * size):
            rows = reader.read(found.view.ids(start, min(start + step, found.num_rows)))
            texts = joined_texts(rows, names)
            labels = None
            if task != "regression":
                labels = target.apply(rows, np.arange(rows.num_rows)).astype(np.int64)
        chunk = TextChunk(texts=texts, labels=labels)
        ledger.tie("fitting", texts.nbytes, texts)
        return chunk

    def passes() -> Iterator[TextChunk]:
        starts = range(0, found.num_rows, step)
        with prefetch(read, starts, workers=workers, in_flight=workers + 1, name="fit") as chunks:
            yield from chunks

    try:
        transform.fit_passes(
            passes,
            columns=names,
            num_classes=num_classes,
            memory=memory_bytes,
            workers=workers,
            ledger=ledger,
            progress=progress,
            num_rows=found.num_rows,
        )
    finally:
        if found.kept is None:
            reader.close()
