"""Keeps what compressed files unpack to while a survey's chunks of them pass by."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from stoker import folders
from stoker.sources.chunks import Chunk
from stoker.sources.index import RowIndex
from stoker.sources.packing import packing_of
from stoker.sources.spool import hold_spool, no_room, spool_name, tie_spool

__all__ = ["SpoolWriter"]


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
        """Keep the spools for as long as the index lives.

        Returns
        -------
        Their bytes, and the folder that holds them.

        Raises
        ------
        DataError
            They could not be written.
        """
        kept, home = 0, Path()
        try:
            self._close()
            if self._folder is not None:
                home = self._folder.parent
                for part in sorted(self._folder.glob("[0-9]*")):
                    kept += part.stat().st_size
                    self._keep(part, home, index)
        except OSError as error:
            self._refused.append(f"{self._folder}: {error.strerror or error}")
            self.close()
        if self._folder is None:
            raise no_room(self._paths[0], self._num_bytes, self._refused)
        self.close()
        return kept, home

    def _keep(self, part: Path, home: Path, index: RowIndex) -> None:
        """Give a spool its name, held from before it has it; others may have made the same one meanwhile."""
        file_index = int(part.name)
        if hold_spool(self._paths[file_index], index, file_index) is None:
            held, path = folders.hold(part), home / spool_name(index, file_index)
            os.replace(part, path)
            tie_spool(held, path, index)

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
