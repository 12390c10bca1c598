"""`examine`: look at what a generator yields before a model is trained on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from stoker.doctor.advice import finding
from stoker.doctor.findings import Finding, Stream
from stoker.doctor.judging import judge_stream
from stoker.doctor.looking import Budget, Look, look_at
from stoker.doctor.record import MAX_ROWS, Record
from stoker.doctor.report import Report
from stoker.doctor.rows import Asked
from stoker.doctor.speed import judge_speed, measure_step
from stoker.errors import OptionError
from stoker.training.generators.kinds import is_arrays, kind_of, whole
from stoker.training.generators.workers import check_sendable

__all__ = ["batch_seconds", "conclude", "examine"]


def examine(
    generator: Any,
    *,
    steps: Any = None,
    validation: Any = None,
    validation_steps: Any = None,
    model: Any = None,
    epochs: int = 2,
    shuffle: bool = True,
    workers: int = 1,
    use_multiprocessing: bool = False,
    batches: int | None = None,
    limit: int = MAX_ROWS,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Look at two epochs of a generator or Sequence, and say what is wrong with it.

    Nothing is trained. A generator is advanced by what was looked at; of a Sequence, batches are computed and
    ``on_epoch_begin`` and ``on_epoch_end`` are called once a pass. Memory is bounded: 24 bytes a row for at
    most `limit` rows of each stream, then a sample by content; no batch but the first is kept.

    Parameters
    ----------
    generator
        Yields ``(x, y)`` or ``(x, y, sample_weight)``: a generator, an iterator, a Sequence or PyDataset.
    steps
        Batches an epoch, `steps_per_epoch` of the training call. A Sequence needs none.
    validation
        The same for validation, or arrays ``(x, y)``.
    validation_steps
        Its batches.
    model
        A compiled ``keras.Model``, to measure its step against the time of a batch; it stays as it was.
    epochs
        Epochs of the training call; with one, what differs between epochs is of no account.
    shuffle, workers, use_multiprocessing
        As in the training call.
    batches
        Look at no more of each stream.
    limit
        Rows of each stream whose fingerprints are kept.
    progress
        Called with batches looked at and all of them.

    Returns
    -------
    Report
        Its `findings` name what was seen, where first, what it does and what helps.

    Raises
    ------
    OptionError
        If a stream gives no batches, or has neither length nor steps.

    Examples
    --------
    >>> import numpy as np
    >>> import stoker.doctor
    >>> x, y = np.arange(100.0).reshape(50, 2), np.arange(50) % 2
    >>> def never_shuffled():
    ...     while True:
    ...         for start in range(0, 50, 10):
    ...             yield x[start:start + 10], y[start:start + 10]
    >>> report = stoker.doctor.examine(never_shuffled(), steps=5)
    >>> [finding.name for finding in report.findings]
    ['not-shuffled']
    """
    start = time.perf_counter()
    steps = None if steps is None else whole(steps, "steps")
    validation_steps = None if validation_steps is None else whole(validation_steps, "validation_steps")
    # A generator that was advanced can no longer be sent.
    refused = _refused(generator, validation) if use_multiprocessing and workers else []
    budget = Budget(batches=batches, limit=limit)
    if progress is not None:
        budget.progress = progress
    look = look_at(generator, steps=steps, epochs=epochs, budget=budget)
    asked = Asked(steps=steps, epochs=epochs, shuffle=shuffle, length=look.length, left_out=look.left_out)
    findings, unknown = judge_stream(look.record, asked), _cut(look, "training")
    tested, seen, unseen = _validation(validation, validation_steps, epochs, budget, look.record)
    taken = None
    if model is not None and look.record.num_batches:
        taken, measured = _measure(model, look, workers=workers, parallel=look.length is not None)
        seen += measured
    return conclude(
        look.record,
        None if tested is None else tested.record,
        refused + findings + seen,
        seconds=time.perf_counter() - start,
        step_seconds=taken,
        unknown=unknown + unseen,
    )


def _refused(training: Any, validation: Any) -> list[Finding]:
    """What cannot be sent to worker processes."""
    findings: list[Finding] = []
    given: tuple[tuple[Stream, Any], ...] = (("training", training), ("validation", validation))
    for stream, source in given:
        if source is None or is_arrays(source) or kind_of(source) == "feed":
            continue
        try:
            check_sendable(source)
        except OptionError as error:
            findings.append(finding("not-sendable", "problem", f"It is refused: {error}.", stream=stream))
    return findings


def _validation(
    validation: Any, steps: int | None, epochs: int, budget: Budget, training: Record
) -> tuple[Look | None, list[Finding], list[str]]:
    """A look at what is validated on, what is wrong with it, and what is not known of it."""
    if validation is None:
        return None, [], []
    tested, unknown = _look_at_validation(validation, steps, epochs, budget)
    if tested is None:
        return None, [], unknown
    findings = _judge_validation(tested, training, steps, epochs)
    return tested, findings, unknown + _cut(tested, "validation")


def _look_at_validation(
    validation: Any, steps: int | None, epochs: int, budget: Budget
) -> tuple[Look | None, list[str]]:
    if not isinstance(validation, tuple | list) and kind_of(validation) == "feed":
        return None, [
            "a Feed as validation is not looked at: whether its rows are held out, its own split says"
        ]
    return look_at(validation, steps=steps, epochs=epochs, budget=budget), []


def _judge_validation(tested: Look, training: Record, steps: int | None, epochs: int) -> list[Finding]:
    asked = Asked(
        stream="validation",
        steps=steps,
        epochs=epochs,
        shuffle=False,
        length=tested.length,
        left_out=tested.left_out,
    )
    return judge_stream(tested.record, asked, training)


def _cut(look: Look, stream: Stream) -> list[str]:
    if not look.cut:
        return []
    return [
        f"{stream}: the first epoch was not seen to its end, so that neither what differs between epochs nor "
        "whether the steps cover the data is known"
    ]


def _measure(model: Any, look: Look, *, workers: int, parallel: bool) -> tuple[float | None, list[Finding]]:
    try:
        taken = measure_step(model, look.item)
    except Exception as error:  # the model is the user's, and may raise anything
        said = " ".join(f"{type(error).__name__}: {error}".split())
        seen = f"The model cannot train on the first batch: {said[:500]}"
        return None, [finding("model-refuses", "problem", seen, look.record.batch_place(0))]
    seconds = batch_seconds(look.record) or 0.0
    return taken, judge_speed(seconds, taken, workers=workers, parallel=parallel)


def batch_seconds(record: Record) -> float | None:
    """Mean time of a batch, without the first, which opens files and warms caches."""
    seconds = record.seconds[1:] or record.seconds
    return sum(seconds) / len(seconds) if seconds else None


def conclude(
    training: Record,
    validation: Record | None,
    findings: list[Finding],
    *,
    seconds: float,
    step_seconds: float | None,
    unknown: list[str],
) -> Report:
    """Put a report together: problems first, training before validation."""
    records = [training, *([] if validation is None else [validation])]
    return Report(
        findings=tuple(
            sorted(findings, key=lambda found: (found.severity != "problem", found.stream != "training"))
        ),
        batches=sum(record.num_batches for record in records),
        rows=sum(record.num_rows for record in records),
        seconds=seconds,
        batch_seconds=batch_seconds(training),
        step_seconds=step_seconds,
        share=min(record.rows.share for record in records),
        unknown=tuple(unknown),
    )
