"""Where the records of a CSV file begin and end.

A record ends at LF, CRLF or a lone CR outside quotes; a line without a byte is no record. A quote opens only
at the start of a field, that is behind a delimiter or a terminator. So outside quotes a byte ends a record
exactly if it is CR or LF and the byte before it is neither.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.blocks import BLOCK, find_bytes
from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.words import find_zero, load_word, repeated, trailing_zeros

__all__ = ["NO_PROBLEM", "OPEN_QUOTE", "close_quote", "scan_records", "seek", "skip_record"]

NO_PROBLEM = 0
OPEN_QUOTE = 1
"""The data end inside quotes; the record begins at ``consumed``."""

_LF = np.uint8(10)
_CR = np.uint8(13)


@inner_kernel
def seek(data, place, stop, first, second, third):
    """Offset of the first of three bytes in ``data[place:stop]``, `stop` where there is none."""
    firsts, seconds, thirds = repeated(first), repeated(second), repeated(third)
    while place + 8 <= stop:
        word = load_word(data, place)
        found = find_zero(word ^ firsts) | find_zero(word ^ seconds) | find_zero(word ^ thirds)
        if found:
            return place + (trailing_zeros(found) >> 3)
        place += 8
    while place < stop:
        byte = data[place]
        if byte in (first, second, third):
            break
        place += 1
    return place


@inner_kernel
def _seek_far(data, place, stop, special):
    """As `seek` for LF, CR and another byte; for distances of more than some bytes."""
    while place + BLOCK <= stop:
        found = find_bytes(data, place, _LF) | find_bytes(data, place, _CR) | find_bytes(data, place, special)
        if found:
            return place + trailing_zeros(found)
        place += BLOCK
    return seek(data, place, stop, _LF, _CR, special)


@inner_kernel
def close_quote(data, place, stop, quote):
    """Offset behind the quote that closes a field opened before `place`, `stop` + 1 where none does."""
    while True:
        place = seek(data, place, stop, quote, quote, quote) + 1
        if place >= stop or data[place] != quote:
            return place
        place += 1


@inner_kernel
def skip_record(data, place, stop, delimiter, quote):
    """Offset of the terminator of the record at `place`: `stop` at the end, more where a quote is open."""
    begin = place
    special = np.uint8(quote) if quote != 0 else _LF
    while True:
        place = _seek_far(data, place, stop, special)
        if place >= stop or data[place] != quote or quote == 0:
            return place
        if place == begin or data[place - 1] == delimiter:
            place = close_quote(data, place + 1, stop, np.uint8(quote))
        else:
            place += 1


@bare_kernel
def scan_records(
    data,
    start,
    stop,
    delimiter,
    quote,
    final,
    segment_bytes,
    first_row,
    base_offset,
    anchor_rows,
    anchor_offsets,
):
    """Count whole records and anchor every `segment_bytes` of them.

    Parameters
    ----------
    data : uint8 of shape (n,)
    start, stop : int
        The bytes to scan; a record begins at `start`, perhaps behind blank lines.
    delimiter, quote : int
        Bytes; a quote of 0 means that nothing is quoted.
    final : bool
        Whether the file ends at `stop`, so that an unterminated record is whole.
    segment_bytes : int
        A segment is anchored at the first record at or beyond this many bytes behind the last anchor.
    first_row, base_offset : int
        Row id of the first record, and the file's offset of ``data[0]``.
    anchor_rows, anchor_offsets : int64 of shape (a,)
        Filled with row id and file offset of each segment's first record. The first record is always
        anchored. Where they have no room the scan ends early.

    Returns
    -------
    num_records, consumed, num_anchors : int
        `consumed` is the offset in `data` behind the last whole record and blank lines.
    problem : int
        `NO_PROBLEM`, or `OPEN_QUOTE` where a final record is not closed.
    """
    num_records = 0
    num_anchors = 0
    target = start
    place = start
    while True:
        while place < stop and (data[place] == _LF or data[place] == _CR):
            place += 1
        if place >= stop:
            break
        end = skip_record(data, place, stop, np.uint8(delimiter), np.uint8(quote))
        if end >= stop and not final:
            break
        if end > stop:
            return num_records, place, num_anchors, OPEN_QUOTE
        if place >= target:
            if num_anchors >= anchor_rows.shape[0]:
                break
            anchor_rows[num_anchors] = first_row + num_records
            anchor_offsets[num_anchors] = base_offset + place
            num_anchors += 1
            target = place + segment_bytes
        num_records += 1
        place = end
    return num_records, place, num_anchors, NO_PROBLEM
