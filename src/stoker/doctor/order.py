"""How the second epoch differs from the first: in its rows, their order, their targets."""

from __future__ import annotations

from stoker.doctor.advice import finding
from stoker.doctor.findings import Finding
from stoker.doctor.passes import moved_targets
from stoker.doctor.rows import StreamRows

__all__ = ["judge_epochs", "judge_order", "judge_pairs"]


def judge_epochs(rows: StreamRows) -> list[Finding]:
    """Whether both epochs hold the same rows."""
    found = rows.difference
    if found is None or rows.asked.epochs < 2 or not (found.gone or found.new):
        return []
    first, second = rows.record.epoch_rows(0), rows.record.epoch_rows(1)
    if rows.is_fresh:
        seen = f"Hardly any of the first epoch's {rows.reach(first.stop)} rows come again in the second."
        return [finding("fresh-rows", "remark", seen, rows.place(second.start) if found.new else None)]
    seen = (
        f"Of {rows.reach(first.stop)} rows of the first epoch {rows.counted(found.gone)} do not come in "
        f"the second, which has {rows.counted(found.new)} rows that the first has not."
    )
    place = rows.place(second.start + found.first_new) if found.new else None
    return [finding("rows-differ", "problem", seen, place)]


def judge_order(rows: StreamRows) -> list[Finding]:
    """Whether rows are shuffled between epochs; of validation nobody asks for that."""
    if rows.asked.stream != "training" or rows.asked.epochs < 2:
        return []
    ends, whole = rows.record.epoch_ends, rows.record.whole
    batches_shuffled = rows.record.kind == "sequence" and rows.asked.shuffle
    if rows.finished < 2 or rows.difference is None or rows.difference.gone or rows.difference.new:
        return [_not_shuffled(rows)] if rows.periodic and not batches_shuffled else []
    first, second = whole[: ends[0]], whole[ends[0] : ends[1]]
    if len(first) < 2:
        return []
    if first == second and not batches_shuffled:
        return [_not_shuffled(rows)]
    return [_same_batches(rows)] if sorted(first) == sorted(second) else []


def _not_shuffled(rows: StreamRows) -> Finding:
    length = rows.pass_length if rows.periodic and rows.pass_length is not None else rows.first_epoch
    seen = (
        f"The rows come in the same order in every epoch: {rows.reach(length)} rows of the first pass come "
        "again, batch for batch."
    )
    place = rows.place(min(length, rows.prints.size - 1)) if rows.prints.size else None
    remedy = "pass shuffle=True and shuffle the rows' indices in on_epoch_end"
    return finding(
        "not-shuffled", "problem", seen, place, remedy=remedy if rows.record.kind == "sequence" else None
    )


def _same_batches(rows: StreamRows) -> Finding:
    batches = rows.record.epoch_ends[0]
    seen = f"The {batches} batches of the second epoch are those of the first; only their order is shuffled."
    return finding("same-batches", "remark", seen, rows.record.batch_place(batches))


def judge_pairs(rows: StreamRows) -> list[Finding]:
    """Whether rows keep their targets, where targets are always of one shape."""
    record = rows.record
    if rows.finished < 2 or len(record.y_signatures) > 1:
        return []
    kept, first, second = record.rows, record.epoch_rows(0), record.epoch_rows(1)
    moved = moved_targets((kept.x[first], kept.y[first]), (kept.x[second], kept.y[second]))
    if not moved.size:
        return []
    seen = f"{rows.counted(moved.size)} rows came in the second epoch with another target than in the first."
    return [finding("targets-moved", "problem", seen, rows.place(second.start + int(moved[0])))]
