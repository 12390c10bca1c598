"""Unsigned integers of up to seven digits, unquoted and unpadded: the quick ways through a record.

What is anything else is left to `stoker.kernels.fields`, so nothing here needs to know what it may be.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.blocks import (
    BLOCK,
    LOOK_BEHIND,
    MOST_NUMBERS,
    find_bytes,
    find_non_digits,
    read_short_numbers,
    store_short_numbers,
)
from stoker.kernels.cells import put_integer
from stoker.kernels.compiling import helper_kernel, inner_kernel
from stoker.kernels.words import (
    ASCII_ZEROS,
    are_digits,
    count_ones,
    digits_value,
    find_zero,
    leading_zeros,
    load_word,
    repeated,
    trailing_zeros,
)

__all__ = ["count_neighbours", "parse_plain_run", "read_plain"]

_LF, _CR = (np.uint8(byte) for byte in b"\n\r")
_LOWEST = np.uint64(0xFF)
_REACH = BLOCK + 8
_BEYOND_THREE_DIGITS = 1_000


@inner_kernel
def count_neighbours(targets, runs):
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
def parse_plain_run(
    data, start, place, stop, delimiter, targets, runs,
    cells, dtype, num_cells, width, high, first, column, lanes,
):  # fmt: skip
    """Store plain integers as long as they come, from `column` on, which is one of the matrix's.

    Parameters
    ----------
    data, start, place, stop, delimiter, targets, cells, dtype, column
        As of `stoker.kernels.parsing.parse_records`; the field at `place` is that of `column`.
    runs
        Of `count_neighbours`.
    first, width, num_cells
        The row's first cell, and how many are in a row and in all.
    high
        The largest integer that the matrix holds.
    lanes : uint8 of shape (128,)
        Room to work in.

    Returns
    -------
    column, place : int
        Of the first field that was not stored. Behind the last column the place is that of the terminator.
    """
    column, place = _parse_short(
        data, start, place, stop, delimiter, targets, runs,
        cells, dtype, num_cells, width, high, first, column, lanes,
    )  # fmt: skip
    if column < targets.shape[0]:
        column, place = _parse_longer(
            data, place, stop, delimiter, targets, runs, cells, dtype, high, first, column
        )
    return column, place


@helper_kernel
def _parse_short(
    data, start, place, stop, delimiter, targets, runs,
    cells, dtype, num_cells, width, high, first, column, lanes,
):  # fmt: skip
    """As `parse_plain_run` for up to three digits, a block of bytes at a time, wherever its fields begin."""
    num_columns = targets.shape[0]
    block = place
    while block - LOOK_BEHIND >= start and block + BLOCK <= stop:
        left = runs[column]
        # What is written behind the run must be in rows that are still to come.
        at = first + targets[column]
        if left < MOST_NUMBERS and (targets[column] + left < width or at + MOST_NUMBERS > num_cells):
            break
        ends, lines, others, wrong, large = read_short_numbers(data, block, delimiter, lanes)
        halts = lines | others
        halt = halts & (np.uint64(0) - halts)
        ends = (ends & (halt - np.uint64(1))) | (halt & lines)
        if high < _BEYOND_THREE_DIGITS:
            wrong |= large
        count = count_ones(ends)
        is_last = column + count == num_columns
        if ends & wrong or count > left or is_last != (halt & lines != np.uint64(0)):
            break
        store_short_numbers(lanes, ends, cells, dtype, at)
        column += count
        if is_last:
            return column, block + trailing_zeros(halt)
        if ends:
            place = block + BLOCK - leading_zeros(ends)
        if others or runs[column] == 0:
            break
        block += BLOCK
    return column, place


@helper_kernel
def _parse_longer(data, place, stop, delimiter, targets, runs, cells, dtype, high, first, column):
    """As `parse_plain_run` but for a record's last field, one by one."""
    while place + _REACH <= stop and runs[column] > 0:
        target = targets[column]
        left = runs[column] - (column + runs[column] == targets.shape[0])
        ends = find_bytes(data, place, delimiter)
        others = find_non_digits(data, place) ^ ends
        # What stands behind a byte that is neither digit nor delimiter is left to the next turn.
        ends &= (others & (np.uint64(0) - others)) - np.uint64(1)
        begin = done = np.int64(0)
        while ends and done < left:
            end = trailing_zeros(ends)
            whole = _short_integer(load_word(data, place + begin), end - begin)
            if whole < 0 or whole > high:
                return column + done, place + begin
            put_integer(cells, dtype, first + target + done, whole)
            done += 1
            ends &= ends - np.uint64(1)
            begin = end + 1
        if done == 0:
            break
        column += done
        place += begin
    return column, place


@inner_kernel
def _short_integer(word, length):
    """What the first `length` bytes of `word`, all of them digits, spell; -1 if that is no plain integer."""
    padded = length > 1 and word & _LOWEST == np.uint64(48)
    if length == 0 or length > 7 or padded:
        return np.int64(-1)
    return np.int64(digits_value((word ^ ASCII_ZEROS) << np.uint64(64 - 8 * length)))


@inner_kernel
def read_plain(data, place, stop, delimiter, is_last):
    """Value of the field at `place`, and the offset behind it; -1 for the value of what is no plain integer.

    A record's last field must end it, and another must not.
    """
    if place + 8 > stop:
        return np.int64(-1), place
    word = load_word(data, place)
    found = find_zero(word ^ repeated(delimiter))
    if is_last:
        found = find_zero(word ^ repeated(_LF)) | find_zero(word ^ repeated(_CR))
    length = trailing_zeros(found) >> 3 if found else 0
    if length == 0 or not are_digits((word ^ ASCII_ZEROS) << np.uint64(64 - 8 * length)):
        return np.int64(-1), place
    return _short_integer(word, length), place + length
