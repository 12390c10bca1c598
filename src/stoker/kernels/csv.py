"""Records of numbers, straight from bytes into a matrix.

`parse_numeric` takes whole records, as `stoker.kernels.records.scan_records` finds them. A field that is no
number becomes an *issue*: a row of (record ordinal, file column, kind, first byte, byte behind the last).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stoker.kernels import issues as kinds
from stoker.kernels.compiling import kernel
from stoker.kernels.fields import DTYPES, RULE_INTEGER, RULE_LEADING_ZEROS, convert_field, find_field
from stoker.kernels.records import skip_record

__all__ = [
    "DTYPES",
    "ISSUE_WIDTH",
    "RULE_INTEGER",
    "RULE_LEADING_ZEROS",
    "SKIP",
    "Nulls",
    "Parsed",
    "parse_numeric",
]

SKIP = -1
"""The target of a file column that is not used."""
ISSUE_WIDTH = 5
"""Numbers that describe an issue."""

_FLOAT64 = len(DTYPES) - 1
_LARGEST_EXACT = 1 << 53


class Parsed(NamedTuple):
    """What `parse_numeric` did."""

    num_rows: int
    """Rows written, from the matrix's first on."""
    num_issues: int
    """Issues found; where they are more than fit, the first ones were kept."""
    needed: int
    """0, or the place in `DTYPES` of a wider matrix type that a value needs: then parse again with that."""


class Nulls:
    """Spellings of a blank, packed for the kernel; those that are numbers have no effect.

    Examples
    --------
    >>> Nulls([b"", b"NA"]).offsets.tolist()
    [0, 0, 2]
    """

    __slots__ = ("offsets", "spellings")

    def __init__(self, spellings: Sequence[bytes]) -> None:
        self.spellings = np.frombuffer(b"".join(spellings) or b"\0", np.uint8)
        self.offsets = np.cumsum([0, *map(len, spellings)], dtype=np.int64)


def parse_numeric(
    data: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    *,
    delimiter: int,
    quote: int,
    targets: npt.NDArray[np.int64],
    rules: npt.NDArray[np.uint8],
    nulls: Nulls,
    matrix: npt.NDArray[Any],
    extra: npt.NDArray[np.float64],
    issues: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int64] | None = None,
) -> Parsed:
    """Parse records into consecutive rows of `matrix` and `extra`.

    Parameters
    ----------
    data : uint8 of shape (n,)
    start, stop : int
        Whole records; nothing outside ``[start, stop)`` is read.
    delimiter, quote : int
        Bytes, neither of which may occur in a number; a quote of 0 means that nothing is quoted.
    targets : int64 of shape (c,)
        Where each file column goes: a column of `matrix`, `SKIP`, or ``-2 - column`` of `extra`.
    rules : uint8 of shape (c,)
        `RULE_INTEGER` and `RULE_LEADING_ZEROS`, or 0.
    nulls : Nulls
    matrix : shape (r, k), C-contiguous, of one of `DTYPES`
    extra : float64 of shape (r, m), C-contiguous
    issues : int64 of shape (i, 5), C-contiguous
    wanted : int64 of shape (w,), optional
        Ascending ordinals of the records to parse; by default all, as far as `matrix` has rows.

    Returns
    -------
    Parsed
    """
    is_float = matrix.dtype == np.float64
    limits = np.iinfo(np.int64 if is_float else matrix.dtype)
    num_rows, num_issues, needed = _parse_records(
        data,
        start,
        stop,
        np.uint8(delimiter),
        np.uint8(quote),
        targets,
        rules,
        nulls.spellings,
        nulls.offsets,
        matrix,
        int(limits.min),
        int(limits.max),
        is_float,
        extra,
        np.empty(0, np.int64) if wanted is None else wanted,
        wanted is None,
        issues,
    )
    if not needed:
        num_issues = _settle_hard(data, targets, matrix, extra, wanted, issues, num_issues)
    return Parsed(num_rows, num_issues, needed)


def _settle_hard(
    data: npt.NDArray[np.uint8],
    targets: npt.NDArray[np.int64],
    matrix: npt.NDArray[Any],
    extra: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.int64] | None,
    issues: npt.NDArray[np.int64],
    num_issues: int,
) -> int:
    """Let ``float()`` round the hard numbers, and strike them from the list."""
    kept = min(num_issues, len(issues))
    hard = np.flatnonzero(issues[:kept, 2] == kinds.HARD)
    if not len(hard):
        return num_issues
    settled = []
    for issue in hard.tolist():
        ordinal, column, _, first, last = issues[issue].tolist()
        row = ordinal if wanted is None else int(np.searchsorted(wanted, ordinal))
        value = float(data[first:last].tobytes())
        target = int(targets[column])
        if target >= 0:
            matrix[row, target] = value
        else:
            extra[row, -2 - target] = value
        if np.isinf(value):
            issues[issue, 2] = kinds.NOT_FINITE
        else:
            settled.append(issue)
    remaining = np.delete(issues[:kept], settled, axis=0)
    issues[: len(remaining)] = remaining
    return num_issues - len(settled)


@kernel
def _parse_records(
    data,
    start,
    stop,
    delimiter,
    quote,
    targets,
    rules,
    null_bytes,
    null_offsets,
    matrix,
    low,
    high,
    is_float,
    extra,
    wanted,
    take_all,
    issues,
):
    num_issues = 0
    row = 0
    ordinal = 0
    place = start
    num_rows = matrix.shape[0] if take_all else wanted.shape[0]
    while row < num_rows:
        while place < stop and (data[place] == 10 or data[place] == 13):
            place += 1
        if place >= stop:
            break
        if not take_all and ordinal != wanted[row]:
            place = skip_record(data, place, stop, delimiter, quote)
            ordinal += 1
            continue
        place, num_issues, needed = _parse_record(
            data, place, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
            matrix, low, high, is_float, extra, row, ordinal, issues, num_issues,
        )  # fmt: skip
        if needed:
            return row, num_issues, needed
        row += 1
        ordinal += 1
    return row, num_issues, 0


@kernel
def _parse_record(
    data, place, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
    matrix, low, high, is_float, extra, row, ordinal, issues, num_issues,
):  # fmt: skip
    begin = place
    before = num_issues
    column = 0
    needed = 0
    while True:
        target = targets[column] if column < targets.shape[0] else SKIP
        if target >= 0:
            whole = 0
            at = place
            while at < stop:
                digit = data[at] - np.uint8(48)
                if digit > 9:
                    break
                whole = whole * 10 + np.int64(digit)
                at += 1
            length = at - place
            plain = length == 1 or (1 < length <= 18 and data[place] != 48)
            if at < stop and data[at] == delimiter and plain and whole <= high:
                matrix[row, target] = whole
                place = at + 1
                column += 1
                continue
        first, last, end, sound = find_field(data, place, stop, delimiter, quote)
        if target != SKIP and not sound:
            num_issues = kinds.add_issue(issues, num_issues, ordinal, column, kinds.BAD_QUOTE, first, last)
        elif target != SKIP:
            kind, value, whole, dtype = convert_field(
                data, first, last, rules[column], null_bytes, null_offsets
            )
            if target < 0:
                extra[row, -2 - target] = value
                if kind == 0 and rules[column] & RULE_INTEGER and abs(value) > _LARGEST_EXACT:
                    kind = kinds.INEXACT
            elif is_float:
                matrix[row, target] = value
            elif dtype < _FLOAT64 and low <= whole <= high:
                matrix[row, target] = whole
            else:
                needed = max(needed, dtype)
            if kind:
                num_issues = kinds.add_issue(issues, num_issues, ordinal, column, kind, first, last)
        column += 1
        place = end
        if end >= stop or data[end] != delimiter:
            break
        place += 1
    if column != targets.shape[0]:
        needed = 0
        matrix[row, :] = 0
        extra[row, :] = 0.0
        num_issues = kinds.add_issue(issues, before, ordinal, column, kinds.RAGGED, begin, place)
    return place, num_issues, needed
