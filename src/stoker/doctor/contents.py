"""Judging what batches hold: shapes and dtypes, targets that never differ, training rows in validation."""

from __future__ import annotations

from collections import Counter

import numpy as np

from stoker.doctor.advice import finding
from stoker.doctor.batches import Signature
from stoker.doctor.findings import Finding
from stoker.doctor.passes import earlier, first_pass
from stoker.doctor.record import Record

__all__ = ["judge_contents", "judge_leak"]

_FEW_ROWS = 8
_LEAK = 0.001


def judge_contents(record: Record, training: Record | None = None) -> list[Finding]:
    """Findings about shapes, dtypes and targets of one stream.

    Parameters
    ----------
    record
        The stream.
    training
        For validation, the training stream to compare with.
    """
    found = [*_targets_change(record), *_inputs_change(record), *_constant(record)]
    return found if training is None or not training.num_rows else [*found, *_differs(record, training)]


def _targets_change(record: Record) -> list[Finding]:
    if len(record.y_signatures) < 2:
        return []
    usual, other = _usual_and_other(record, "y", record.y_signatures)
    surely = _has_other_width(usual, other) or _dtypes(usual) != _dtypes(other)
    seen = f"Targets are {_say(usual)} in most batches and something else in {_others(record, 'y', usual)}, "
    seen += f"first {_say(other)}."
    place = record.batch_place(record.first_batch["y", other])
    return [finding("target-shapes", "problem" if surely else "remark", seen, place)]


def _inputs_change(record: Record) -> list[Finding]:
    if len(record.x_signatures) < 2:
        return []
    usual, other = _usual_and_other(record, "x", record.x_signatures)
    seen = f"Inputs are {_say(usual)} in most batches and something else in {_others(record, 'x', usual)}, "
    seen += f"{len(record.x_signatures)} kinds in all, first {_say(other)}."
    place = record.batch_place(record.first_batch["x", other])
    return [finding("input-shapes", "problem" if _has_other_width(usual, other) else "remark", seen, place)]


def _others(record: Record, part: str, usual: Signature) -> str:
    signatures = record.x_signatures if part == "x" else record.y_signatures
    return f"{record.num_batches - signatures[usual]} of {record.num_batches}"


def _constant(record: Record) -> list[Finding]:
    if len(record.target_prints) != 1 or record.num_rows < _FEW_ROWS:
        return []
    seen = f"All {record.num_rows} rows have the same target."
    return [finding("constant-targets", "problem", seen, record.row_place(0))]


def _differs(record: Record, training: Record) -> list[Finding]:
    found = []
    for part, name in (("x", "inputs"), ("y", "targets")):
        mine: Counter[Signature] = getattr(record, f"{part}_signatures")
        theirs: Counter[Signature] = getattr(training, f"{part}_signatures")
        if set(mine) & set(theirs):
            continue
        first, usual = mine.most_common(1)[0][0], theirs.most_common(1)[0][0]
        seen = f"Validation's {name} are {_say(first)}, training's {_say(usual)}."
        severity = "problem" if _shapes(first) != _shapes(usual) else "remark"
        place = record.batch_place(record.first_batch[part, first])
        found.append(finding("validation-shapes", severity, seen, place))  # type: ignore[arg-type]
    return found


def judge_leak(training: Record, validation: Record) -> list[Finding]:
    """Whether rows of training turn up in validation.

    Data that hold rows more than once leak some by chance: up to twice the share of rows that repeat within
    training is a remark.
    """
    threshold = min(training.rows.threshold, validation.rows.threshold)
    tested, places = validation.rows.x, validation.rows.place
    if threshold < 1 << 64:
        below = tested < np.uint64(threshold)
        tested, places = tested[below], places[below]
    first_time = earlier(tested) < 0
    tested, places = tested[first_time], places[first_time]
    known = np.flatnonzero(np.isin(tested, training.rows.x))
    if not known.size:
        return []
    share = known.size / tested.size
    seen = f"{known.size} of {tested.size} validation rows ({100 * share:.3g} %) are training rows too."
    severity = "problem" if share > max(_LEAK, 2 * _repeating(training)) else "remark"
    place = validation.row_place(int(places[known[0]]))
    return [finding("leak", severity, seen, place)]  # type: ignore[arg-type]


def _repeating(record: Record) -> float:
    """The share of rows in one pass of the data, or in an epoch if that is shorter, that came before."""
    before = earlier(record.rows.x[record.epoch_rows(0)] if record.epoch_ends else record.rows.x)
    before = before[: first_pass(before)]
    return float((before >= 0).mean()) if before.size else 0.0


def _usual_and_other(
    record: Record, part: str, signatures: Counter[Signature]
) -> tuple[Signature, Signature]:
    """The commonest, and of the others the one that came first."""
    usual = signatures.most_common(1)[0][0]
    others = [signature for signature in signatures if signature != usual]
    return usual, min(others, key=lambda signature: record.first_batch[part, signature])


def _shapes(signature: Signature) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape, _ in signature}


def _dtypes(signature: Signature) -> list[str]:
    return [dtype for _, _, dtype in signature]


def _has_other_width(first: Signature, second: Signature) -> bool:
    """Whether rows differ in more than sequences' length: in names, dimensions, or a row's only axis."""
    mine, theirs = _shapes(first), _shapes(second)
    if mine.keys() != theirs.keys():
        return True
    return any(
        len(shape) != len(theirs[name]) or (len(shape) < 2 and shape != theirs[name])
        for name, shape in mine.items()
    )


def _say(signature: Signature) -> str:
    parts = []
    for name, shape, dtype in signature:
        size = "×".join(map(str, shape)) + " wide" if shape else "one value a row"
        parts.append(f"{name + ': ' if name else ''}{size}, {dtype}")
    return "; ".join(parts)
