"""The loops of `stoker.kernels.csv.parse_numeric`: records, their fields, and the quick ways through them."""

from __future__ import annotations

import numpy as np

from stoker.kernels import issues as kinds
from stoker.kernels.cells import FLOAT64, put_float, put_integer
from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.fields import RULE_INTEGER, evaluate_field
from stoker.kernels.plain import count_neighbours, parse_plain_run, read_plain
from stoker.kernels.records import close_quote, seek, skip_record

__all__ = ["SKIP", "find_ragged", "parse_records"]

SKIP = -1
"""The target of a file column that is not used."""

_LF, _CR = (np.uint8(byte) for byte in b"\n\r")
_PLAIN_DIGITS = 7
_LARGEST_EXACT = float(1 << 53)


@bare_kernel
def parse_records(
    data, start, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
    cells, dtype, num_rows, width, low, high, extra, wanted, take_all, issues, hard, runs, slow, lanes,
):  # fmt: skip
    """Parse records as `stoker.kernels.csv.parse_numeric` describes.

    `cells` are those of a matrix of type ``DTYPES[dtype]`` with `num_rows` rows of `width` cells; `low` and
    `high` bound the integers that an integer matrix holds. Without `take_all` only the `wanted` records are
    parsed. Numbers that only ``float()`` can round go to `hard`, a list like `issues`; `runs` and `slow` are
    room for one int64 and one bool, False, a file column, `lanes` for 128 bytes.

    Returns
    -------
    num_rows, num_issues, num_hard, needed : int
    """
    count_neighbours(targets, runs)
    num_issues = num_hard = row = ordinal = np.int64(0)  # a literal 0 would compile the callee twice
    place = start
    while row < num_rows:
        while place < stop and (data[place] == _LF or data[place] == _CR):
            place += 1
        if place >= stop:
            break
        if not take_all and ordinal != wanted[row]:
            place = skip_record(data, place, stop, delimiter, quote)
            ordinal += 1
            continue
        place, num_issues, num_hard, needed = _parse_record(
            data, start, place, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
            cells, dtype, num_rows * width, width, low, high, extra, issues, hard, runs, slow, lanes,
            row, ordinal, num_issues, num_hard,
        )  # fmt: skip
        if needed:
            return row, num_issues, num_hard, needed
        row += 1
        ordinal += 1
    return row, num_issues, num_hard, 0


@bare_kernel
def find_ragged(data, start, stop, delimiter, quote, num_columns, num_rows, wanted, take_all, issues):
    """As `parse_records` where no column is used: only records with another number of fields are issues.

    It compiles in a tenth of the time, and of files of texts nothing else is asked.

    Returns
    -------
    num_rows, num_issues : int
    """
    row = ordinal = num_issues = np.int64(0)
    place = start
    while row < num_rows:
        while place < stop and (data[place] == _LF or data[place] == _CR):
            place += 1
        if place >= stop:
            break
        begin, column = place, np.int64(1)
        if take_all or ordinal == wanted[row]:
            place = _skip_field(data, place, stop, delimiter, quote)
            while place < stop and data[place] == delimiter:
                place = _skip_field(data, place + 1, stop, delimiter, quote)
                column += 1
            if column != num_columns:
                num_issues = kinds.add_issue(issues, num_issues, ordinal, column, kinds.RAGGED, begin, place)
            row += 1
        else:
            place = skip_record(data, place, stop, delimiter, quote)
        ordinal += 1
    return row, num_issues


@inner_kernel
def _parse_record(
    data, start, place, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
    cells, dtype, num_cells, width, low, high, extra, issues, hard, runs, slow, lanes,
    row, ordinal, num_issues, num_hard,
):  # fmt: skip
    """Parse the record at `place` into `row`; returns the offset behind it, both counts, the type needed."""
    begin = place
    issues_before, hard_before = num_issues, num_hard
    num_columns = targets.shape[0]
    first_cell = row * width
    column = needed = np.int64(0)
    while True:
        column, place, is_whole = _parse_plain(
            data, start, place, stop, delimiter, targets, runs, slow,
            cells, dtype, num_cells, width, high, first_cell, extra, row, column, lanes,
        )  # fmt: skip
        if is_whole:
            break
        target = targets[column] if column < num_columns else SKIP
        if target == SKIP:
            place = _skip_field(data, place, stop, delimiter, quote)
        else:
            rule = rules[column]
            field = place
            first, last, place, kind, value, whole, least = evaluate_field(
                data, place, stop, delimiter, quote, rule, null_bytes, null_offsets
            )
            if target < 0 and kind == 0 and rule & RULE_INTEGER and abs(value) > _LARGEST_EXACT:
                kind = kinds.INEXACT
            slow[column] = kind != 0 or least == FLOAT64 or place - field > _PLAIN_DIGITS
            if target < 0:
                extra[row, -2 - target] = value
            else:
                lacking = _store(cells, dtype, first_cell + target, low, high, value, whole, least)
                needed = max(needed, lacking)
            if kind == kinds.HARD:
                num_hard = kinds.add_issue(hard, num_hard, ordinal, column, kind, first, last)
            elif kind:
                num_issues = kinds.add_issue(issues, num_issues, ordinal, column, kind, first, last)
        column += 1
        if place >= stop or data[place] != delimiter:
            break
        place += 1
    if column == targets.shape[0]:
        return place, num_issues, num_hard, needed
    for cell in range(first_cell, first_cell + width):
        put_integer(cells, dtype, cell, np.int64(0))
    for cell in range(extra.shape[1]):
        extra[row, cell] = 0
    num_issues = kinds.add_issue(issues, issues_before, ordinal, column, kinds.RAGGED, begin, place)
    return place, num_issues, hard_before, np.int64(0)


@inner_kernel
def _parse_plain(
    data, start, place, stop, delimiter, targets, runs, slow,
    cells, dtype, num_cells, width, high, first_cell, extra, row, column, lanes,
):  # fmt: skip
    """Store plain integers as long as they come, but for columns that held something else in the last record.

    Returns column and place of the first other field, and False; or, if the record is whole, the place of its
    terminator and True.
    """
    num_columns = targets.shape[0]
    while column < num_columns and targets[column] != SKIP and not slow[column]:
        if runs[column] > 1 and not slow[column + 1]:
            column, place = parse_plain_run(
                data, start, place, stop, delimiter, targets, runs,
                cells, dtype, num_cells, width, high, first_cell, column, lanes,
            )  # fmt: skip
            if column == num_columns:
                return column, place, True
            if targets[column] == SKIP or slow[column]:
                break
        target = targets[column]
        whole, end = read_plain(data, place, stop, delimiter, column == num_columns - 1)
        if whole < 0 or (target >= 0 and whole > high):
            break
        if target < 0:
            extra[row, -2 - target] = whole
        else:
            put_integer(cells, dtype, first_cell + target, whole)
        column += 1
        if column == num_columns:
            return column, end, True
        place = end + 1
    return column, place, False


@inner_kernel
def _store(cells, dtype, at, low, high, value, whole, least):
    """Store a field's value; returns 0, or the `least` type needed where the matrix cannot hold it."""
    if dtype == FLOAT64:
        put_float(cells, at, value)
    elif least == FLOAT64 or whole < low or whole > high:
        return least
    else:
        put_integer(cells, dtype, at, whole)
    return 0


@inner_kernel
def _skip_field(data, place, stop, delimiter, quote):
    """Offset of the delimiter or terminator behind the field at `place`, or `stop`."""
    if quote != 0 and place < stop and data[place] == quote:
        place = close_quote(data, place + 1, stop, quote)
        place = place if place < stop else stop
    return seek(data, place, stop, _LF, _CR, delimiter)
