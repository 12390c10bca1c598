"""What unpacks a member of a compressed file, and a file for Arrow, which unpacks the others."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["DECODERS", "Counted"]


class _Decoder(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without further bytes."""

    @property
    def unused_data(self) -> bytes:
        """Bytes behind the member's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Some unpacked bytes, `max_length` at most."""


class _GzipDecoder:
    """`zlib.decompressobj` with the face of its younger sisters."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        tail = self._inner.unconsumed_tail
        piece = self._inner.decompress(tail + data if tail else data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(piece) < max_length
        return piece


DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gzip": _GzipDecoder,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}
"""What unpacks a member, by the name of its compression."""


class Counted(io.RawIOBase):
    """A file for Arrow, which asks for as many bytes as it likes."""

    def __init__(self, block: Callable[[], bytes]) -> None:
        self._next_block = block
        self._left = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, out: Any) -> int:
        """Some bytes, as many as are there without another read."""
        self._left = self._left or self._next_block()
        count = min(len(out), len(self._left))
        out[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
