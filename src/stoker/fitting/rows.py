"""Has transforms of columns learn from the rows to train on."""

from __future__ import annotations

from collections.abc import Callable

from stoker.fitting.learner import RowLearner
from stoker.fitting.reading import Reading
from stoker.fitting.sharing import learn_together
from stoker.fitting.texts import fit_texts
from stoker.ledger import Ledger
from stoker.plan import DataFacts
from stoker.survey import Survey
from stoker.transforms.base import FittedTransform
from stoker.transforms.columns import Columns
from stoker.transforms.image import Image
from stoker.transforms.numeric import Cast
from stoker.transforms.texts import TextTransform
from stoker.types import Progress, Task

__all__ = ["fit_columns", "learn_rows"]


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
    reading = Reading(found=found, facts=facts, memory_bytes=memory_bytes, workers=workers, ledger=ledger)
    with learner, reading.placed():
        learn_together(learner, reading, progress)
