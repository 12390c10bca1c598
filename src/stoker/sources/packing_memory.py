"""The memory that unpacking takes, as the first bytes of a compressed file announce it.

Sources: RFC 1952 (gzip), the manual of bzip2 1.0.8, version 1.1.0 of the .xz file format, RFC 8878 (zstd).
"""

from __future__ import annotations

__all__ = ["held_bytes", "window_of"]

_STATE_BYTES = {"gzip": 16 << 10, "bzip2": 100 << 10, "xz": 64 << 10, "zstd": 256 << 10}
"""Beside the window: tables and the like."""
_GZIP_WINDOW = 32 << 10
_BZIP2_BLOCK = 100_000
_BZIP2_TIMES = 4
_XZ_BLOCK_HEADER = 12
_XZ_LZMA2 = 0x21
_ZSTD_SINGLE_SEGMENT = 0x20
_ZSTD_SMALLEST = 1 << 10
_UNKNOWN = 8 << 20


def held_bytes(packing: str, window: int, position: int) -> int:
    """Memory of a decompressor that has given out `position` bytes and looks back over `window` of them."""
    times = _BZIP2_TIMES if packing == "bzip2" else 1
    return _STATE_BYTES[packing] + times * min(window, position)


def window_of(head: bytes, packing: str) -> int:
    r"""Bytes that the first member, stream or frame may look back over.

    Parameters
    ----------
    head
        The first bytes of the file, 32 at least unless it is shorter.
    packing
        ``"gzip"``, ``"bzip2"``, ``"xz"`` or ``"zstd"``.

    Examples
    --------
    >>> import bz2, lzma
    >>> window_of(bz2.compress(b"a", 5), "bzip2"), window_of(lzma.compress(b"a", preset=9), "xz") >> 20
    (500000, 64)
    """
    if packing == "gzip":
        return _GZIP_WINDOW
    if packing == "bzip2":
        return _BZIP2_BLOCK * int(head[3:4] or b"9")
    return _xz_window(head) if packing == "xz" else _zstd_window(head)


def _xz_window(head: bytes) -> int:
    """The dictionary of the last of the first block's filters, which is LZMA2."""
    place = _XZ_BLOCK_HEADER
    if len(head) <= place + 1 or not head[place]:
        return 0
    flags, at = head[place + 1], place + 2
    for flag in (0x40, 0x80):  # sizes that may stand before the filters
        if flags & flag:
            at = _behind_number(head, at)
    for _ in range((flags & 3) + 1):
        kind, at = head[at : at + 1], _behind_number(head, at)
        count = int.from_bytes(head[at : at + 1])
        if kind == bytes([_XZ_LZMA2]):
            bits = int.from_bytes(head[at + 1 : at + 2])
            return min((2 | (bits & 1)) << (bits // 2 + 11), (1 << 32) - 1)
        at += 1 + count
    return _UNKNOWN


def _behind_number(head: bytes, at: int) -> int:
    """The place behind a number of variable length."""
    while at < len(head) and head[at] & 0x80:
        at += 1
    return at + 1


def _zstd_window(head: bytes) -> int:
    """Of the window descriptor, or all that the frame unpacks to where it has none."""
    descriptor = int.from_bytes(head[4:5])
    if not descriptor & _ZSTD_SINGLE_SEGMENT:
        exponent, mantissa = divmod(int.from_bytes(head[5:6]), 8)
        base = _ZSTD_SMALLEST << exponent
        return base + base // 8 * mantissa
    start = 5 + (0, 1, 2, 4)[descriptor & 3]
    length = (1, 2, 4, 8)[descriptor >> 6]
    size = int.from_bytes(head[start : start + length], "little")
    return size + 256 if length == 2 else size
