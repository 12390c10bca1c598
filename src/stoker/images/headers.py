"""Size and form of an encoded picture, read from its own bytes: nothing is decoded.

Every file of a data set is looked at before training: that it is a picture at all, that it is whole as far as
its structure tells, and how large it is. PNG, JPEG, WebP, GIF and BMP say so in their first bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from stoker.errors import DataError

__all__ = ["MOST_PIXELS", "SUFFIXES", "BadImageError", "ImageHeader", "read_header"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
"""Of files that hold pictures, in lower case."""
MOST_PIXELS = 89_478_485
"""Pixels of a picture at most: what Pillow takes without a warning, 256 MB as it is decoded."""

_PNG, _GIFS = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
_NO_SIZES = (0xC4, 0xC8, 0xCC)
_ALONE = (0x01, *range(0xD0, 0xD9))
_SHOWN = 12


class BadImageError(DataError):
    """Bytes that are no whole picture; the message is a clause about them, such as ``it is empty``.

    Attributes
    ----------
    place, column
        Which of several pictures it is, and of which column, once somebody knows.
    reason
        The clause alone.
    """

    place: int = 0
    column: str = ""

    @property
    def reason(self) -> str:
        """What is wrong with the bytes, without where they stand."""
        return str(self.__cause__ if isinstance(self.__cause__, BadImageError) else self)


class ImageHeader(NamedTuple):
    """What the first bytes of a picture say: its format as Pillow calls it, and its size in pixels.

    `is_grey` tells whether it has but one channel, and `is_plain` whether it has three of 8 bits, so that
    decoding it to colours makes no second copy.
    """

    format: str
    width: int
    height: int
    is_grey: bool = False
    is_plain: bool = False

    @property
    def decoding_bytes(self) -> int:
        """Memory that decoding it takes at most: Pillow holds a pixel of colours in four bytes."""
        return self.width * self.height * (4 if self.is_plain else 8)


def read_header(data: bytes) -> ImageHeader:
    """What an encoded picture says of itself.

    Parameters
    ----------
    data
        All of its bytes.

    Raises
    ------
    BadImageError
        If they are no picture, end early, or it has no pixels or more than `MOST_PIXELS`.

    Examples
    --------
    >>> read_header(b"GIF89a" + bytes([4, 0, 2, 0, 0, 0, 0]) + b";")
    ImageHeader(format='GIF', width=4, height=2, is_grey=False, is_plain=False)
    """
    if not data:
        raise BadImageError("it is empty")
    try:
        found = _reader_of(data)(data)
    except (struct.error, IndexError):
        raise BadImageError(f"it ends early, after {len(data):,} bytes") from None
    if not found.width or not found.height:
        raise BadImageError(f"it has {found.width} × {found.height} pixels")
    if found.width * found.height > MOST_PIXELS:
        raise BadImageError(
            f"it has {found.width:,} × {found.height:,} pixels, and {MOST_PIXELS:,} are the most"
        )
    return found


def _reader_of(data: bytes) -> Callable[[bytes], ImageHeader]:
    if data.startswith(b"\xff\xd8"):
        return _jpeg
    if data.startswith(_PNG):
        return _png
    if data.startswith(_GIFS):
        return _gif
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp
    if data.startswith(b"BM"):
        return _bmp
    shown = repr(data[:_SHOWN])[1:]
    raise BadImageError(f"it is no PNG, JPEG, WebP, GIF or BMP: it begins with {shown}")


def _require_whole(data: bytes, wanted: int) -> None:
    if len(data) < wanted:
        raise BadImageError(f"it ends early: {len(data):,} of {wanted:,} bytes are there")


def _jpeg(data: bytes) -> ImageHeader:
    found, at = None, 2
    while True:
        if data[at] != 0xFF:
            raise BadImageError(f"it is a damaged JPEG: byte {at:,} begins no segment")
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:  # filling, or a segment of no length
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (0xD9, 0xDA):
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZES:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            plain = channels == 3 and bits == 8
            found = ImageHeader("JPEG", width, height, is_grey=channels == 1, is_plain=plain)
        at += 2 + length
    if found is None or marker == 0xD9:
        raise BadImageError("it is a JPEG without a picture")
    # From the first scan on these bytes are nothing but the end; a thumbnail before it may have them, too.
    if not data.endswith(b"\xff\xd9") and data.find(b"\xff\xd9", at) < 0:
        raise BadImageError(f"it ends early, after {len(data):,} bytes: a JPEG without its end")
    return found


def _png(data: bytes) -> ImageHeader:
    length, kind, width, height, bits, colour = struct.unpack_from(">I4sIIBB", data, 8)
    if kind != b"IHDR" or length != 13:
        raise BadImageError("it is a damaged PNG: it does not begin with its header")
    at = 8
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
    _require_whole(data, at)
    return ImageHeader("PNG", width, height, is_grey=colour in (0, 4), is_plain=colour == 2 and bits == 8)


def _gif(data: bytes) -> ImageHeader:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while data[at] == 0x21:  # an extension
        at = _behind_blocks(data, at + 2)
    if data[at] == 0x2C:  # a frame; the first one is all that is used
        _, _, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
        width, height = max(width, wide), max(height, high)
        at += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        _behind_blocks(data, at + 1)
    return ImageHeader("GIF", width, height)


def _behind_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _webp(data: bytes) -> ImageHeader:
    _require_whole(data, 8 + int(struct.unpack_from("<I", data, 4)[0]))
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WEBP", width & 0x3FFF, height & 0x3FFF, is_plain=True)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return ImageHeader("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8X":
        wide, high = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return ImageHeader("WEBP", 1 + wide, 1 + high)
    raise BadImageError("it is a WebP without a picture")


def _bmp(data: bytes) -> ImageHeader:
    begin, size = struct.unpack_from("<I", data, 10)[0], struct.unpack_from("<I", data, 14)[0]
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = 0
    else:
        width, height, _, bits, packed = struct.unpack_from("<iiHHI", data, 18)
    width, height = abs(width), abs(height)
    if not packed:
        _require_whole(data, begin + (width * bits + 31) // 32 * 4 * height)
    return ImageHeader("BMP", width, height, is_plain=bits == 24)
