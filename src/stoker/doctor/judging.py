"""All judges over one stream."""

from __future__ import annotations

from dataclasses import replace

from stoker.doctor.advice import finding
from stoker.doctor.contents import judge_contents, judge_leak
from stoker.doctor.coverage import judge_coverage
from stoker.doctor.findings import Finding
from stoker.doctor.order import judge_epochs, judge_order, judge_pairs
from stoker.doctor.record import Record
from stoker.doctor.repeats import judge_repeats
from stoker.doctor.rows import Asked, StreamRows

__all__ = ["judge_rows", "judge_stream"]


def judge_stream(record: Record, asked: Asked, training: Record | None = None) -> list[Finding]:
    """All findings about one stream; with `training`, also about the two together."""
    found = [*_stopped(record, asked)]
    if record.num_rows:
        found += [*judge_contents(record, training), *judge_rows(record, asked)]
        found += [] if training is None else judge_leak(training, record)
    return [replace(each, stream=asked.stream) for each in found]


def judge_rows(record: Record, asked: Asked) -> list[Finding]:
    """Findings about the rows of a stream: which come, how often, in which order.

    Examples
    --------
    >>> import numpy as np
    >>> from stoker.doctor.batches import glance
    >>> record = Record()
    >>> for epoch in range(2):
    ...     for start in (0, 8):
    ...         record.add(glance((np.arange(start, start + 8.0), np.zeros(8))))
    ...     record.end_epoch()
    >>> [each.name for each in judge_rows(record, Asked(steps=2))]
    ['not-shuffled']
    """
    rows = StreamRows(record, asked)
    covered = judge_coverage(rows)
    names = {each.name for each in covered}
    known = asked.length is not None
    repeats = judge_repeats(rows) if known or "steps-too-many" not in names else []
    # What one illness explains is not told again as another.
    explained = "length-too-short" in names or (bool(covered) and not known)
    explained |= rows.same_rows and any(each.severity == "problem" for each in repeats)
    epochs = [] if explained else judge_epochs(rows)
    return [*covered, *epochs, *judge_order(rows), *judge_pairs(rows), *repeats]


def _stopped(record: Record, asked: Asked) -> list[Finding]:
    if record.stopped is None:
        return []
    name, said = record.stopped
    wanted = f", and {asked.epochs} x {asked.steps} steps were asked for" if asked.steps else ""
    seen = {
        "ends-early": f"It ended after {record.num_batches} batches{wanted}.",
        "raises": f"It raised {said}",
        "no-batch": f"This is no batch: {said}.",
    }[name]
    return [finding(name, "problem", seen, record.batch_place(record.num_batches))]
