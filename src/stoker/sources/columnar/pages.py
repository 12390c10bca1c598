"""How large a page of a Parquet file is, of which the footer says nothing."""

from __future__ import annotations

__all__ = ["PAGE_HEAD_BYTES", "page_bytes"]

PAGE_HEAD_BYTES = 32
"""More than the first three fields of a page's header take."""
_INTEGER_BEHIND = 0x15
"""In Thrift's compact form: the next field, of 32 bits."""


def page_bytes(head: bytes) -> int:
    """What a page takes as it is stored and as it is unpacked; 0 where its header says nothing.

    Parameters
    ----------
    head
        Where its header begins, a `PageHeader`_ in Thrift's compact form: its type and both sizes come first.

    Examples
    --------
    >>> page_bytes(bytes([0x15, 0, 0x15, 0x80, 0x04, 0x15, 0xC8, 0x01]))
    356

    .. _PageHeader: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
    """
    found: list[int] = []
    place = 0
    while len(found) < 3:
        if place >= len(head) or head[place] != _INTEGER_BEHIND:
            return 0
        value, shift, more = 0, 0, True
        while more:
            place += 1
            if place >= len(head):
                return 0
            value |= (head[place] & 0x7F) << shift
            shift, more = shift + 7, head[place] >= 0x80
        place += 1
        found.append(value >> 1)  # a size is no negative number
    return found[1] + found[2]
