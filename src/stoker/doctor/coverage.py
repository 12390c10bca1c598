"""Whether an epoch's steps are one pass of the data."""

from __future__ import annotations

from stoker.doctor.advice import finding
from stoker.doctor.findings import Finding
from stoker.doctor.passes import first_pass
from stoker.doctor.rows import Asked, StreamRows

__all__ = ["judge_coverage"]


def judge_coverage(rows: StreamRows) -> list[Finding]:
    """Steps against the length of a Sequence, or against the rows after which a generator's come again."""
    if rows.asked.length is not None:
        return [*_of_sequence(rows.asked), *_behind_length(rows)]
    if rows.record.kind != "generator" or not rows.finished or rows.pass_length is None:
        return []
    length, epoch = rows.pass_length, rows.first_epoch
    if length > epoch:
        return [_too_few(rows, length, epoch)]
    if length < epoch and (rows.periodic or first_pass(rows.before[:epoch]) is not None):
        return [_too_many(rows, length, epoch)]
    return []


def _too_few(rows: StreamRows, length: int, epoch: int) -> Finding:
    seen = (
        f"An epoch of {rows.record.epoch_ends[0]} steps has {rows.reach(epoch)} rows, and one pass of the "
        f"data {rows.reach(length)}: rows that the first epoch lacks come in the second."
    )
    return finding("steps-too-few", "problem", seen, rows.place(epoch), remedy=_steps(rows, length))


def _too_many(rows: StreamRows, length: int, epoch: int) -> Finding:
    seen = (
        f"An epoch of {rows.record.epoch_ends[0]} steps has {rows.reach(epoch)} rows, and after "
        f"{rows.reach(length)} of them the same rows come again."
    )
    return finding("steps-too-many", "problem", seen, rows.place(length), remedy=_steps(rows, length))


def _steps(rows: StreamRows, length: int) -> str:
    return f"take steps = ceil(rows / batch_size), here about {rows.steps_for(length)}"


def _of_sequence(asked: Asked) -> list[Finding]:
    if asked.steps is None or asked.length is None or asked.steps == asked.length:
        return []
    name = "steps-too-few" if asked.steps < asked.length else "steps-too-many"
    seen = f"An epoch has {asked.steps} steps, and the Sequence has {asked.length} batches."
    return [finding(name, "problem", seen, remedy="leave the steps out: the Sequence's length is taken")]


def _behind_length(rows: StreamRows) -> list[Finding]:
    asked = rows.asked
    if not asked.left_out or rows.is_fresh:
        return []
    seen = (
        f"The Sequence's length is {asked.length}, and sequence[{asked.length}] has "
        f"{asked.left_out} rows that no batch before it had."
    )
    return [finding("length-too-short", "problem", seen)]
