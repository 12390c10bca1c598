"""Has transforms learn from the rows to train on, read in their order within the memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Self, TypeVar

import numpy as np

from stoker.errors import StokerError
from stoker.ledger import Ledger
from stoker.plan import DataFacts, rows_within
from stoker.prefetch import prefetch
from stoker.survey import Survey
from stoker.transforms.base import FittedTransform
from stoker.transforms.chunks import TextChunk
from stoker.transforms.columns import Columns, Part
from stoker.transforms.image import Image
from stoker.transforms.numeric import Cast
from stoker.transforms.targets import TransformedTarget
from stoker.transforms.texts import TextTransform, joined_texts
from stoker.types import Progress, Rows, Task

__all__ = ["RowLearner", "fit_columns", "fit_texts", "learn_rows"]

_CHUNK_BYTES = 2 << 20
_CHUNK_ROWS = 1 << 13
_CHUNK_SHARE = 32
"""Rows that are read ahead take at most this part of the memory, each time a chunk."""

T = TypeVar("T")


class RowLearner:
    """Has those of several transforms learn that neither statistics nor texts alone are enough for.

    It is called with the rows in their order. What was learned is forgotten if the ``with`` block that this
    is entered by is left by an error.

    Parameters
    ----------
    columns, targets
        The transforms, of features and of labels; those that are fitted already stay as they are.

    Attributes
    ----------
    num_rows
        Rows seen.
    """

    def __init__(self, columns: Columns | None, targets: Iterable[TransformedTarget] = ()) -> None:
        self.num_rows = 0
        self._targets = tuple(target for target in targets if not target.is_fitted)
        waiting = [] if columns is None else [part for part in columns.parts if _learns_from_rows(part)]
        self._together: Columns | None = None
        if waiting:
            self._together = Columns({part.name: (part.columns, part.transform) for part in waiting})

    @property
    def is_wanted(self) -> bool:
        """Whether there is any such transform."""
        return self._together is not None or bool(self._targets)

    def __call__(self, rows: Rows) -> None:
        """Learn from the next rows."""
        if not self.is_wanted:
            return
        if self._together is not None:
            self._together.partial_fit(rows)
        for target in self._targets:
            target.partial_fit(rows)
        self.num_rows += rows.num_rows

    def try_to(self, rows: Rows) -> None:
        """Learn from the next rows, or forget everything: whoever comes later tells what was wrong."""
        try:
            self(rows)
        except StokerError:
            self.forget()

    def forget(self) -> None:
        """Forget what was learned, and learn no more."""
        if self._together is not None:
            self._together.reset()
        for target in self._targets:
            target.reset()
        self._together, self._targets, self.num_rows = None, (), 0

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Forget what was learned, if there was an error."""
        if kind is not None:
            self.forget()


def _learns_from_rows(part: Part) -> bool:
    made = part.transform
    if made.is_fitted or isinstance(made, TextTransform | Image):
        return False
    return not isinstance(made, Cast) or made.needs_rows


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
    rows, if they did not in the survey's own (`RowLearner`), and those of texts one after the other.

    Parameters
    ----------
    columns
        The transforms.
    found, target, task, num_classes, facts, memory_bytes, workers, ledger, progress, note
        As `fit_texts` takes them.
    """
    unfitted = [part for part in columns.parts if not part.transform.is_fitted]
    for part in unfitted:
        if isinstance(part.transform, Cast) and not part.transform.needs_rows:
            part.transform.fit_statistics(found.statistics.select(part.columns))
        elif isinstance(part.transform, Image):
            (column,) = part.columns
            part.transform.fit_sizes(found.images[column], column)
    learn_rows(
        RowLearner(columns),
        found,
        facts=facts,
        memory_bytes=memory_bytes,
        workers=workers,
        ledger=ledger,
        progress=progress,
    )
    texts = [part.transform for part in unfitted if isinstance(part.transform, TextTransform)]
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


def learn_rows(
    learner: RowLearner,
    found: Survey,
    *,
    facts: DataFacts,
    memory_bytes: int,
    workers: int,
    ledger: Ledger,
    progress: Progress | None = None,
) -> None:
    """Have it learn in a pass over the rows of a survey's view, if it has anything to learn.

    Parameters
    ----------
    learner
        Forgets what it learned where there is an error.
    found, facts, memory_bytes, workers, ledger, progress
        As `fit_texts` takes them.
    """
    if not learner.is_wanted:
        return
    with learner:
        for rows in _chunks(found, facts, memory_bytes, workers, ledger, lambda rows: rows):
            learner(rows)
            if progress is not None:
                progress(learner.num_rows, found.num_rows)


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
