"""Rows that come more than once in an epoch."""

from __future__ import annotations

import numpy as np

from stoker.doctor.advice import finding
from stoker.doctor.findings import Finding
from stoker.doctor.passes import overlaps, stretches
from stoker.doctor.rows import StreamRows
from stoker.types import Uint64Array

__all__ = ["judge_repeats"]


def judge_repeats(rows: StreamRows) -> list[Finding]:
    """Repetitions within the first epoch: batches that overlap, stretches that come again, single rows.

    Single rows are a remark: the data may hold them more than once.
    """
    epoch = rows.first_epoch
    if not rows.finished and rows.record.kind == "generator" and rows.pass_length is not None:
        epoch = rows.pass_length  # it was cut, and behind its first pass all repeats
    before, prints = rows.before[:epoch], rows.prints[:epoch]
    repeated = np.flatnonzero(before >= 0)
    if not repeated.size:
        return []
    seen = f"{rows.counted(repeated.size)} of {rows.reach(epoch)} rows come more than once in an epoch"
    torn = _torn(rows, prints)
    if 2 * sum(length for _, length in torn) >= repeated.size:
        return [_overlap(rows, torn, seen)]
    in_order = 2 * stretches(prints, before) >= repeated.size
    seen += ", whole stretches of them in the same order." if in_order else "."
    return [finding("rows-repeat", "problem" if in_order else "remark", seen, rows.place(int(repeated[0])))]


def _torn(rows: StreamRows, prints: Uint64Array) -> list[tuple[int, int]]:
    if rows.record.rows.share < 1:
        return []
    ends = np.array(rows.record.row_ends, np.int64)
    return overlaps(prints, np.r_[0, ends[ends <= prints.size]])


def _overlap(rows: StreamRows, torn: list[tuple[int, int]], seen: str) -> Finding:
    batch, length = torn[0]
    begin = "1 batch begins" if len(torn) == 1 else f"{len(torn)} batches begin"
    seen = f"{seen}: {begin} with the last rows of the batch before, the first of them with {length}."
    return finding("batches-overlap", "problem", seen, rows.record.row_place(rows.record.row_ends[batch - 1]))
