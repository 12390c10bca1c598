"""Texts of delimited records, and chosen ones of many texts, side by side in memory of the caller's own.

Texts are told as Arrow tells them: bytes, and where each begins. Who writes them here needs no memory of
Arrow's, which stays with the thread that took it, whichever thread gives it back.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.records import close_quote, seek

__all__ = ["copy_texts", "find_texts", "take_texts"]

_LF, _CR = (np.uint8(byte) for byte in b"\n\r")


@bare_kernel
def find_texts(data, delimiter, quote, columns, spans):
    """Find the fields of some columns in records that are all as wide as the file.

    A quote opens only at the start of a field; what follows the one that closes it belongs to the field.

    Parameters
    ----------
    data : uint8 of shape (m,)
        Whole records and blank lines.
    delimiter, quote : uint8
        A quote of 0 means that nothing is quoted.
    columns : int64 of shape (c,)
        Places of the columns, ascending.
    spans : int64 of shape (c, n, 2)
        Written: where each record's field begins and ends, quotes included.

    Returns
    -------
    num_records : int
        How many records there are, more than n where there are more.
    """
    stop, num_columns, num_records = data.shape[0], columns.shape[0], spans.shape[1]
    place = row = np.int64(0)
    while True:
        while place < stop and (data[place] == _LF or data[place] == _CR):
            place += 1
        if place >= stop:
            return row
        if row >= num_records:
            return row + 1
        column = found = np.int64(0)
        while True:
            begin = place
            if quote != 0 and place < stop and data[place] == quote:
                place = min(close_quote(data, place + 1, stop, quote), stop)
            place = seek(data, place, stop, _LF, _CR, delimiter)
            if found < num_columns and columns[found] == column:
                spans[found, row, 0], spans[found, row, 1] = begin, place
                found += 1
            if place >= stop or data[place] != delimiter:
                break
            column += 1
            place += 1
        for column in range(found, num_columns):
            spans[column, row, 0] = spans[column, row, 1] = place
        row += 1


@bare_kernel
def copy_texts(data, quote, spans, rows, bounds, out):
    """Write the texts of one column without their quotes, two that stand for one as one.

    Parameters
    ----------
    data, quote
        As of `find_texts`.
    spans : int64 of shape (n, 2)
        Of one column, as of `find_texts`.
    rows : int64 of shape (n,)
        Which text each is, ascending.
    bounds : int64 of shape (r + 1,)
        Written: where each of the r texts begins in `out`, and where the last ends. Those not in `rows` are
        empty.
    out : uint8
        Written; room for the spans.
    """
    at, done = np.int64(0), np.int64(0)
    for number in range(rows.shape[0]):
        while done <= rows[number]:
            bounds[done] = at
            done += 1
        place, end = spans[number, 0], spans[number, 1]
        if quote != 0 and place < end and data[place] == quote:
            place += 1
            while True:
                behind = seek(data, place, end, quote, quote, quote)
                at = _copy(data, place, behind, out, at)
                place = behind + 1
                if place >= end or data[place] != quote:
                    break
                out[at] = quote
                at += 1
                place += 1
        at = _copy(data, place, end, out, at)
    for text in range(done, bounds.shape[0]):
        bounds[text] = at


@bare_kernel
def take_texts(data, bounds, places, ends, out):
    """Write chosen texts one behind the other.

    Parameters
    ----------
    data, bounds
        The texts: uint8, and int64 of shape (n + 1,).
    places : int64 of shape (k,)
        Which to take, each in [0, n).
    ends : int64 of shape (k + 1,)
        Where each is to begin, and the last to end: running sum of their lengths, from 0 on.
    out : uint8
        Written.
    """
    for number in range(places.shape[0]):
        _copy(data, bounds[places[number]], bounds[places[number] + 1], out, ends[number])


@inner_kernel
def _copy(data, place, end, out, at):
    for each in range(end - place):
        out[at + each] = data[place + each]
    return at + max(end - place, 0)
