"""Compressed files unpacked beside the data, because rows of a compressed file cannot be read by position.

A *spool* holds what one file unpacks to, byte for byte, under a name made of the checksums in the index: it
is found again by whoever has the index, and never stands for other bytes.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stoker import folders
from stoker.errors import DataError
from stoker.sources.chunks import Chunk
from stoker.sources.index import RowIndex
from stoker.sources.packing import PackedStream, packing_of

__all__ = ["SpoolWriter", "find_spool", "unpacked"]

_PIECE_BYTES = 1 << 20


def _name(index: RowIndex, file_index: int) -> str:
    low, high = index.file_anchors[file_index : file_index + 2].tolist()
    hashed = hashlib.blake2b(int(index.file_sizes[file_index]).to_bytes(8, "little"), digest_size=16)
    hashed.update(np.ascontiguousarray(index.anchor_offsets[low:high], "<i8").data.cast("B"))
    hashed.update(np.ascontiguousarray(index.checksums[low:high], "<u8").data.cast("B"))
    return f"unpacked-{hashed.hexdigest()}"


def find_spool(path: str, index: RowIndex, file_index: int) -> str | None:
    """Where a surveyed compressed file lies unpacked; None where it does not."""
    for home in folders.homes(path):
        spool = home / _name(index, file_index)
        with suppress(OSError):
            if spool.stat().st_size == int(index.file_sizes[file_index]):
                return os.fspath(spool)
    return None


def unpacked(path: str, index: RowIndex, file_index: int) -> str:
    """Where a file's bytes can be read by position: the file itself, or its spool, which is made if need be.

    Raises
    ------
    ChangedDataError
        The file is not as long as the survey found it.
    DataError
        It is damaged, or there is no room for the spool.
    """
    if not packing_of(path):
        return path
    found = find_spool(path, index, file_index)
    if found is not None:
        return found
    size, name = int(index.file_sizes[file_index]), _name(index, file_index)
    refused: list[str] = []
    for home in folders.homes(path):
        try:
            folders.clean(home, name)
            with folders.staged_file(home / name) as file, PackedStream(path) as stream:
                buffer = np.empty(_PIECE_BYTES, np.uint8)
                while count := stream.read_into(buffer):
                    file.write(buffer[:count].data)
                index.require_size(file_index, path, stream.position)
            return os.fspath(home / name)
        except OSError as error:
            refused.append(f"{home}: {error.strerror or error}")
    raise no_room(path, size, refused)


def no_room(path: str, num_bytes: int, refused: list[str]) -> DataError:
    """What to say where a spool cannot be written."""
    return DataError(
        f"{path} is compressed and must be unpacked to be read by position, and its {num_bytes:,} bytes "
        f"could not be written ({'; '.join(refused)}): free that much, or raise memory= so that its rows "
        "fit there"
    )


class SpoolWriter:
    """Writes the spools of a source's compressed files while its chunks pass by.

    Parameters
    ----------
    paths
        The source's files.

    Notes
    -----
    Nothing fails while chunks pass: rows may turn out to fit into memory, and nobody needs a spool then.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        self._paths = paths
        self._is_packed = [bool(packing_of(path)) for path in paths]
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._file: BinaryIO | None = None
        self._file_index = -1
        self._refused: list[str] = []
        self._num_bytes = 0
        for home in folders.homes(paths[0]):
            folders.clean(home)
            try:
                self._folder = self._stack.enter_context(folders.scratch_folder(home))
                break
            except OSError as error:
                self._refused.append(f"{home}: {error.strerror or error}")

    def add(self, chunk: Chunk) -> None:
        """Take in the next chunk, in order."""
        self._num_bytes += len(chunk.data)
        if self._folder is None or not self._is_packed[chunk.file_index]:
            return
        try:
            if chunk.file_index != self._file_index:
                self._close()
                self._file = (self._folder / str(chunk.file_index)).open("wb")
                self._file_index = chunk.file_index
            assert self._file is not None
            self._file.seek(chunk.offset)
            self._file.write(chunk.data.data)
        except OSError as error:
            self._refused.append(f"{self._folder}: {error.strerror or error}")
            self.close()

    def finish(self, index: RowIndex) -> tuple[int, Path]:
        """Keep the spools.

        Returns
        -------
        Their bytes, and the folder that holds them.

        Raises
        ------
        DataError
            They could not be written.
        """
        kept = 0
        try:
            self._close()
        except OSError as error:
            self._refused.append(f"{self._folder}: {error.strerror or error}")
            self.close()
        if self._folder is None:
            raise no_room(self._paths[0], self._num_bytes, self._refused)
        home = self._folder.parent
        for part in sorted(self._folder.iterdir()):
            if part.name.isdigit():
                kept += part.stat().st_size
                os.replace(part, home / _name(index, int(part.name)))
        self.close()
        return kept, home

    def close(self) -> None:
        """Let go of what was not kept; idempotent."""
        with suppress(OSError):
            self._close()
        self._folder = None
        self._stack.close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with file:
                file.flush()
                os.fsync(file.fileno())
