"""The loops of `stoker.kernels.csv.parse_numeric`: records, their fields, and the quick ways through them."""

from __future__ import annotations

import numpy as np

from stoker.kernels import issues as kinds
from stoker.kernels.compiling import inner_kernel
from stoker.kernels.fields import FLOAT64, RULE_INTEGER, evaluate_field
from stoker.kernels.records import close_quote, seek, skip_record
from stoker.kernels.words import (
    ASCII_ZEROS,
    are_digits,
    digits_value,
    find_zero,
    load_word,
    repeated,
    trailing_zeros,
)

__all__ = ["SKIP", "parse_records"]

SKIP = -1
"""The target of a file column that is not used."""

_LF, _CR = (np.uint8(byte) for byte in b"\n\r")
_LARGEST_EXACT = float(1 << 53)
_ODD_BYTES = np.uint64(0xFF00FF00FF00FF00)
_LOWEST = np.uint64(0xFF)


@inner_kernel
def parse_records(
    data, start, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
    matrix, low, high, is_float, extra, wanted, take_all, issues, hard, runs,
):  # fmt: skip
    """Parse records as `stoker.kernels.csv.parse_numeric` describes.

    `low` and `high` bound the integers that an integer matrix holds; without `take_all` only the `wanted`
    records are parsed. Numbers that only ``float()`` can round go to `hard`, a list like `issues`; `runs` is
    room for one int64 a file column.

    Returns
    -------
    num_rows, num_issues, num_hard, needed : int
    """
    _count_neighbours(targets, runs)
    num_issues = num_hard = row = ordinal = np.int64(0)  # a literal 0 would compile the callee twice
    place = start
    num_rows = matrix.shape[0] if take_all else wanted.shape[0]
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
            data, place, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
            matrix, low, high, is_float, extra, issues, hard, runs, row, ordinal, num_issues, num_hard,
        )  # fmt: skip
        if needed:
            return row, num_issues, num_hard, needed
        row += 1
        ordinal += 1
    return row, num_issues, num_hard, 0


@inner_kernel
def _count_neighbours(targets, runs):
    """For each file column, how many from it on go to consecutive columns of the matrix."""
    run = 0
    for column in range(targets.shape[0] - 1, -1, -1):
        if targets[column] < 0:
            run = 0
        elif run and targets[column + 1] == targets[column] + 1:
            run += 1
        else:
            run = 1
        runs[column] = run


@inner_kernel
def _parse_record(
    data, place, stop, delimiter, quote, targets, rules, null_bytes, null_offsets,
    matrix, low, high, is_float, extra, issues, hard, runs, row, ordinal, num_issues, num_hard,
):  # fmt: skip
    """Parse the record at `place` into `row`; returns the offset behind it, both counts, the type needed."""
    begin = place
    issues_before, hard_before = num_issues, num_hard
    column = needed = np.int64(0)
    while True:
        column, place = _parse_plain(data, place, stop, delimiter, targets, runs, matrix, high, row, column)
        target = targets[column] if column < targets.shape[0] else SKIP
        if target == SKIP:
            place = _skip_field(data, place, stop, delimiter, quote)
        else:
            rule = rules[column]
            first, last, place, kind, value, whole, dtype = evaluate_field(
                data, place, stop, delimiter, quote, rule, null_bytes, null_offsets
            )
            if target < 0 and kind == 0 and rule & RULE_INTEGER and abs(value) > _LARGEST_EXACT:
                kind = kinds.INEXACT
            needed = max(needed, _store(matrix, extra, row, target, low, high, is_float, value, whole, dtype))
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
    for cell in range(matrix.shape[1]):
        matrix[row, cell] = 0
    for cell in range(extra.shape[1]):
        extra[row, cell] = 0
    num_issues = kinds.add_issue(issues, issues_before, ordinal, column, kinds.RAGGED, begin, place)
    return place, num_issues, hard_before, np.int64(0)


@inner_kernel
def _store(matrix, extra, row, target, low, high, is_float, value, whole, dtype):
    """Store a field's value; returns 0, or the type needed where the matrix cannot hold it."""
    if target < 0:
        extra[row, -2 - target] = value
    elif is_float:
        matrix[row, target] = value
    elif dtype == FLOAT64 or whole < low or whole > high:
        return dtype
    else:
        matrix[row, target] = whole
    return 0


@inner_kernel
def _skip_field(data, place, stop, delimiter, quote):
    """Offset of the delimiter or terminator behind the field at `place`, or `stop`."""
    if quote != 0 and place < stop and data[place] == quote:
        place = min(close_quote(data, place + 1, stop, quote), stop)
    return seek(data, place, stop, _LF, _CR, delimiter)


@inner_kernel
def _parse_plain(data, place, stop, delimiter, targets, runs, matrix, high, row, column):
    """Store unsigned integers of up to seven digits, each with a delimiter behind it, as long as they come.

    Four neighbours of one digit are taken at once. Returns column and place of the first other field.
    """
    delimiters = repeated(delimiter)
    pattern = (delimiters & _ODD_BYTES) | (ASCII_ZEROS & ~_ODD_BYTES)
    while column < targets.shape[0] and targets[column] >= 0 and place + 8 <= stop:
        target = targets[column]
        word = load_word(data, place)
        singles = word ^ pattern
        if singles & _ODD_BYTES == np.uint64(0) and runs[column] >= 4 and are_digits(singles):
            for neighbour in range(4):
                matrix[row, target + neighbour] = (singles >> np.uint64(16 * neighbour)) & _LOWEST
            column += 4
            place += 8
            continue
        found = find_zero(word ^ delimiters)
        length = trailing_zeros(found) >> 3 if found else 0
        values = (word ^ ASCII_ZEROS) << np.uint64((64 - 8 * length) & 63)
        whole = np.int64(digits_value(values))
        padded = length > 1 and word & _LOWEST == np.uint64(48)
        if length == 0 or padded or whole > high or not are_digits(values):
            break
        matrix[row, target] = whole
        column += 1
        place += length + 1
    return column, place
