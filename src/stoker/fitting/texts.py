"""Has transforms of texts learn from the rows to train on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from stoker.fitting.reading import Reading, Texts
from stoker.fitting.sharing import learn_texts
from stoker.ledger import Ledger
from stoker.plan import DataFacts
from stoker.survey import Survey
from stoker.transforms.base import FittedTransform
from stoker.transforms.texts import TextTransform
from stoker.types import Progress, Task

__all__ = ["fit_texts"]


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
    reading = Reading(found=found, facts=facts, memory_bytes=memory_bytes, workers=workers, ledger=ledger)
    texts = Texts(
        names=transform.columns or found.source.features,
        target=None if task == "regression" else target,
    )
    learn_texts(
        transform,
        reading,
        texts,
        columns=texts.names,
        num_classes=num_classes,
        memory=memory_bytes,
        workers=workers,
        ledger=ledger,
        progress=progress,
        num_rows=found.num_rows,
    )
