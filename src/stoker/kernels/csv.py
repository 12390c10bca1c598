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
from stoker.kernels.blocks import LANES
from stoker.kernels.cells import DTYPES, FLOAT64, cells_of, type_of
from stoker.kernels.fields import RULE_INTEGER, RULE_LEADING_ZEROS
from stoker.kernels.frozen import frozen
from stoker.kernels.parsing import SKIP, find_ragged, parse_records

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

ISSUE_WIDTH = 5
"""Numbers that describe an issue."""

_HARD_ROOM = 64
_NO_ROWS = np.empty(0, np.int64)


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
    if (targets == SKIP).all() and not matrix.shape[1] and not extra.shape[1]:
        num_rows, num_issues = find_ragged(
            frozen(data),
            start,
            stop,
            np.uint8(delimiter),
            np.uint8(quote),
            len(targets),
            len(matrix) if wanted is None else len(wanted),
            frozen(_NO_ROWS if wanted is None else wanted),
            wanted is None,
            issues,
        )
        return Parsed(num_rows, num_issues, 0)
    cells, dtype = cells_of(matrix), type_of(matrix)
    limits = np.iinfo(np.int64 if dtype == FLOAT64 else matrix.dtype)
    hard = np.empty((_HARD_ROOM, ISSUE_WIDTH), np.int64)
    while True:
        num_rows, num_issues, num_hard, needed = parse_records(
            frozen(data),
            start,
            stop,
            np.uint8(delimiter),
            np.uint8(quote),
            frozen(targets),
            frozen(rules),
            nulls.spellings,
            nulls.offsets,
            cells,
            dtype,
            len(matrix) if wanted is None else len(wanted),
            matrix.shape[1],
            int(limits.min),
            int(limits.max),
            extra,
            frozen(_NO_ROWS if wanted is None else wanted),
            wanted is None,
            issues,
            hard,
            *_workspace(len(targets)),
        )
        if num_hard <= len(hard):
            break
        hard = np.empty((num_hard, ISSUE_WIDTH), np.int64)
    if num_hard and not needed:
        num_issues += _round_hard(
            data, hard[:num_hard], targets, rules, matrix, extra, wanted, issues[num_issues:]
        )
    return Parsed(num_rows, num_issues, needed)


def _workspace(num_columns: int) -> tuple[npt.NDArray[Any], ...]:
    """Room for the runs of columns, for those that are parsed slowly, and for a block's numbers."""
    return np.empty(num_columns, np.int64), np.zeros(num_columns, np.bool_), np.empty(LANES, np.uint8)


def _round_hard(
    data: npt.NDArray[np.uint8],
    hard: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    rules: npt.NDArray[np.uint8],
    matrix: npt.NDArray[Any],
    extra: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.int64] | None,
    issues: npt.NDArray[np.int64],
) -> int:
    """Let ``float()`` round numbers, and note those that are issues in the room left; returns their count."""
    num_issues = 0
    for ordinal, column, _, first, last in hard.tolist():
        row = ordinal if wanted is None else int(np.searchsorted(wanted, ordinal))
        value = float(data[first:last].tobytes())
        target = int(targets[column])
        if target >= 0:
            matrix[row, target] = value
        else:
            extra[row, -2 - target] = value
        if np.isinf(value):
            kind = kinds.NOT_FINITE
        elif target < 0 and rules[column] & RULE_INTEGER:
            kind = kinds.INEXACT
        else:
            continue
        # As Python does it: what is inlined has no entry that Python could call.
        num_issues = kinds.add_issue.py_func(issues, num_issues, ordinal, column, kind, first, last)
    return num_issues
