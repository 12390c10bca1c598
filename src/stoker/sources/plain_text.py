"""Whether a file's first bytes are text that is read, or UTF-16 or something binary that is refused."""

from __future__ import annotations

import codecs

import numpy as np

from stoker.errors import DataError

__all__ = ["require_text"]

_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # begins as that of UTF-16 does
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_HALF_ZEROS = 0.8  # of every second byte, in UTF-16 text of Latin letters
_MAGIC = (
    b"PAR1",
    b"ARROW1",
    b"ORC",
    b"Obj\x01",
    b"\x93NUMPY",
    b"\x89HDF",
    b"SQLite format 3\0",
    b"PK\x03\x04",
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"\x7fELF",
    b"\xd0\xcf\x11\xe0",
)
"""How columns, archives, pictures and programs begin, which may hold few zero bytes."""
_CONTROLS = np.array([byte for byte in range(1, 32) if byte not in b"\t\n\v\f\r\x1b"])
_MOST_ZEROS = 0.3
_MOST_CONTROLS = 0.03
_MOST_FOREIGN = 0.3


def require_text(path: str, head: bytes) -> None:
    r"""Refuse UTF-16, UTF-32 and binary files by their first bytes.

    A zero byte is a character of a text like any other. What makes a file with zero bytes binary is its first
    bytes, or how many of all bytes are zeros, other control characters, or not UTF-8.

    Raises
    ------
    DataError
        The bytes are not UTF-8 or another superset of ASCII.

    Examples
    --------
    >>> require_text("reviews.csv", b"text,label\na fine\0film,1\n")
    >>> require_text("reviews.csv", "text,label\n".encode("utf-16"))
    Traceback (most recent call last):
        ...
    stoker.errors.DataError: reviews.csv is UTF-16, and stoker reads UTF-8; convert it first: ...
    """
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")
    if not encoding and b"\0" not in head:
        return
    if not encoding and _has_zeros_in_turn(head):
        encoding = "UTF-16"
    if encoding:
        raise DataError(
            f"{path} is {encoding}, and stoker reads UTF-8; convert it first: "
            f"iconv -f {encoding} -t UTF-8 {path} > utf8.csv"
        )
    trait = _binary_trait(head)
    if trait:
        raise DataError(
            f"{path} holds zero bytes (first at byte {head.index(0)}) and {trait}, so it is no delimited "
            "text; check that it is a CSV or TSV file"
        )


def _has_zeros_in_turn(head: bytes) -> bool:
    """Whether every second byte is zero and the others are not."""
    pairs = max(1, len(head) // 2)
    fewer, more = sorted((head[::2].count(0), head[1::2].count(0)))
    return more > _HALF_ZEROS * pairs and fewer < (1 - _HALF_ZEROS) * pairs


def _binary_trait(head: bytes) -> str:
    """What tells bytes from a text that happens to hold zero bytes; ``""`` where nothing does."""
    magic = next((mark for mark in _MAGIC if head.startswith(mark)), None)
    if magic is not None:
        return f"begins with {magic!r}"
    counts = np.bincount(np.frombuffer(head, np.uint8), minlength=256)
    shares = (
        (int(counts[0]), _MOST_ZEROS, "of its first bytes are zeros"),
        (int(counts[_CONTROLS].sum()), _MOST_CONTROLS, "of its first bytes are control characters"),
        (_not_utf8(head), _MOST_FOREIGN, "of its first characters are not UTF-8"),
    )
    for count, most, what in shares:
        if count > most * len(head):
            return f"{100 * count // len(head)} % {what}"
    return ""


def _not_utf8(head: bytes) -> int:
    return head.decode("utf-8", "replace").count("\ufffd") - head.count(b"\xef\xbf\xbd")
