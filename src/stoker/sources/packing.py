r"""Compressed files as streams of the bytes that were packed: gzip, bzip2, xz and Zstandard.

A file may consist of several members (gzip), streams (bzip2, xz) or frames (Zstandard), as ``cat a.gz b.gz``
makes them; all of them are read. What is cut off, damaged, or followed by something else is an error that
names the file and the byte.
"""

from __future__ import annotations

import io
import lzma
import os
import zlib
from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import DataError
from stoker.given import located
from stoker.sources.access import not_read
from stoker.sources.decoders import DECODERS, Counted
from stoker.sources.packing_memory import held_bytes, window_of
from stoker.sources.remote.names import is_remote, is_remote_folder
from stoker.waits import Wait

__all__ = ["PACKINGS", "PackedStream", "open_bytes", "packing_of", "read_head"]

PACKINGS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
"""Which compression a suffix means."""

_MAGIC = {
    "gzip": (b"\x1f\x8b", b""),
    "bzip2": (b"BZh", b"1AY&SY"),
    "xz": (b"\xfd7zXZ\0", b""),
    "zstd": (b"\x28\xb5\x2f\xfd", b""),
}
"""How such a file begins: the first bytes, and those from the fifth on."""
_BROKEN = (zlib.error, OSError, EOFError, lzma.LZMAError, pa.ArrowException)
_BLOCK_BYTES = 1 << 16
_PIECE_BYTES = 1 << 18


def open_bytes(path: str, *, in_order: bool = False) -> io.RawIOBase:
    """A file's bytes as a file object without a buffer, wherever it is; see `open_reader`.

    Raises
    ------
    OSError, DataError
        It cannot be opened.
    """
    if not is_remote(path):
        return open(located(path), "rb", buffering=0)
    from stoker.sources.remote.reader import RemoteFile

    return RemoteFile(path, in_order=in_order)


def packing_of(path: str) -> str:
    """How a file is compressed, by its suffix and its first bytes; ``""`` where it is not, or is no file.

    Raises
    ------
    DataError
        Suffix and bytes disagree.
    """
    named = PACKINGS.get(os.path.splitext(path)[1].lower(), "")
    if is_remote_folder(path):
        return ""
    try:
        with Wait("reads the first bytes of {}", path), open_bytes(path) as file:
            head = file.read(10)
    except OSError:
        return named
    found = next((name for name in _MAGIC if _begins(head, name)), "")
    if named and head and found != named:
        what = f"{found} data" if found else "no such data"
        raise DataError(
            f"{path} is called {named} by its suffix and holds {what} (it begins with {head[:6]!r}); "
            "give it the right suffix, or restore the file"
        )
    if found and not named:
        suffix = next(suffix for suffix, name in PACKINGS.items() if name == found)
        raise DataError(
            f"{path} holds {found} data, which its suffix does not say; rename it to {path}{suffix}"
        )
    return named


def _begins(head: bytes, name: str) -> bool:
    first, behind = _MAGIC[name]
    # The end of an empty bzip2 file follows at once, and a plain text may well begin with BZh.
    is_empty = name == "bzip2" and head[4:10] == b"\x17rE8P\x90"
    return head.startswith(first) and (is_empty or head[4 : 4 + len(behind)] == behind)


def read_head(path: str, count: int) -> tuple[bytes, bool]:
    """The first `count` bytes, unpacked where the file is compressed; and whether there are no more.

    Raises
    ------
    DataError
        The file cannot be read, or is damaged.
    """
    if packing_of(path):
        with PackedStream(path) as stream:
            buffer = np.empty(count + 1, np.uint8)
            found = stream.read_into(buffer)
            return buffer[: min(found, count)].tobytes(), found <= count
    try:
        with Wait("reads the first bytes of {}", path), open_bytes(path) as file:
            head = file.read(count)
            return head, len(head) < count or not file.read(1)
    except OSError as error:
        raise not_read(path, error) from error


class PackedStream:
    """The unpacked bytes of a compressed file, from the first to the last; for one thread.

    Parameters
    ----------
    path
        The file; its suffix and first bytes say how it is compressed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.packing = packing_of(path)
        self.packed_position = 0
        """Bytes of the file that were taken in."""
        self.position = 0
        """Unpacked bytes that were given out."""
        try:
            self._file = open_bytes(path, in_order=True)
        except OSError as error:
            raise not_read(path, error) from error
        self._pieces = self._arrow_pieces() if self.packing == "zstd" else self._member_pieces()
        self._left = memoryview(b"")
        self._window = window_of(self._file.read(64), self.packing)
        self._file.seek(0)

    @property
    def held_bytes(self) -> int:
        """Memory that this takes now, of which the window grows with what was unpacked."""
        return _BLOCK_BYTES + 2 * _PIECE_BYTES + held_bytes(self.packing, self._window, self.position)

    def read_into(self, out: npt.NDArray[np.uint8]) -> int:
        """Fill `out` with the next bytes; fewer only at the end.

        Returns
        -------
        The number of bytes read.

        Raises
        ------
        DataError
            The file is cut off or damaged, or something else follows.
        """
        view = out.data.cast("B") if len(out) else memoryview(b"")
        filled = 0
        while filled < len(view):
            if not self._left:
                piece = self._next_piece()
                if piece is None:
                    break
                self._left = memoryview(piece)
            count = min(len(self._left), len(view) - filled)
            view[filled : filled + count] = self._left[:count]
            self._left = self._left[count:]
            filled += count
        self.position += filled
        return filled

    def skip(self, count: int) -> None:
        """Pass over so many bytes."""
        while count > 0:
            read = self.read_into(np.empty(min(count, _PIECE_BYTES), np.uint8))
            if not read:
                return
            count -= read

    def close(self) -> None:
        """Close the file; idempotent."""
        self._pieces.close()
        self._file.close()

    def __del__(self) -> None:
        if hasattr(self, "_pieces"):  # it is missing where the file could not be opened
            self.close()

    def __enter__(self) -> PackedStream:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _next_piece(self) -> bytes | None:
        try:
            return next(self._pieces, None)
        except _BROKEN as error:
            if "runcated" in str(error):
                raise self._cut_off() from error
            raise DataError(
                f"{self.path}: the {self.packing} data are damaged near byte {self.packed_position:,} "
                f"({error}); restore the file, or fetch it again"
            ) from error

    def _cut_off(self) -> DataError:
        return DataError(
            f"{self.path}: the {self.packing} data are cut off at byte {self.packed_position:,}, the end of "
            "the file; restore the file, or fetch it again"
        )

    def _block(self) -> bytes:
        with Wait("reads {} bytes at byte {} of {}", _BLOCK_BYTES, self.packed_position, self.path):
            block = self._file.read(_BLOCK_BYTES)
        self.packed_position += len(block)
        return block

    def _member_pieces(self) -> Generator[bytes, None, None]:
        """Member after member; zero bytes may follow the last one, as tapes and xz pad with them."""
        waiting = b""
        members = 0
        while True:
            waiting = waiting.lstrip(b"\0") if members else waiting
            while len(waiting) < 6 and (block := self._block()):
                waiting += block
                waiting = waiting.lstrip(b"\0") if members else waiting
            if not waiting:
                return
            if members and not waiting.startswith(_MAGIC[self.packing][0]):
                raise DataError(
                    f"{self.path}: something that is no {self.packing} data follows at byte "
                    f"{self.packed_position - len(waiting):,}, behind all data; cut it off, or fetch the "
                    "file again"
                )
            decoder = DECODERS[self.packing]()
            while not decoder.eof:
                if decoder.needs_input and not waiting:
                    waiting = self._block()
                    if not waiting:
                        raise self._cut_off()
                piece = decoder.decompress(waiting, _PIECE_BYTES)
                waiting = b""
                if piece:
                    yield piece
            waiting, members = decoder.unused_data, members + 1

    def _arrow_pieces(self) -> Generator[bytes, None, None]:
        counted = pa.PythonFile(Counted(self._block), mode="r")
        with pa.CompressedInputStream(counted, self.packing) as stream:
            while piece := stream.read(_PIECE_BYTES):
                yield piece
