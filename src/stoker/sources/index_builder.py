"""An index as it grows: the anchors of chunks as a scan hands them out, in memory or on the disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from stoker.sources.index import INDEX_ARRAYS, RowIndex, checksums_of
from stoker.sources.packing import packing_of, read_head
from stoker.types import Uint64Array

__all__ = ["IndexBuilder"]


class IndexBuilder:
    """Collects the anchors of consecutive chunks.

    Parameters
    ----------
    directory
        An existing directory to write the index to while it grows, so that it takes no memory; None keeps it
        in memory.

    Examples
    --------
    ``for chunk in source.chunks(1 << 20): builder.add(chunk, chunk.checksums())``
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self._directory = None if directory is None else Path(directory)
        self._parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in list(INDEX_ARRAYS)[:3]}
        self._files: dict[str, BinaryIO] = {}
        self._file_anchors: list[int] = []
        self._file_rows: list[int] = []
        self._first_offsets: list[int] = []
        self._ends: list[int] = []
        self._by_row: list[bool] = []
        self._num_anchors = self._num_records = 0
        if self._directory is not None:
            for name in self._parts:
                self._files[name] = (self._directory / f"{name}.npy").open("wb")
                _write_header(self._files[name], name, 0)

    def add(self, chunk: Any, checksums: Uint64Array) -> None:
        """Take in the next chunk, in the order in which `Source.chunks` gives them.

        Raises
        ------
        ValueError
            The chunk is not the next one.
        """
        if chunk.first_row != self._num_records or chunk.file_index not in (
            len(self._file_rows) - 1,
            len(self._file_rows),
        ):
            raise ValueError(f"chunk at row {chunk.first_row} came when row {self._num_records} was due")
        if chunk.file_index == len(self._file_rows):
            self._file_anchors.append(self._num_anchors)
            self._file_rows.append(self._num_records)
            self._first_offsets.append(int(chunk.anchor_offsets[0]))
            self._ends.append(0)
            self._by_row.append(chunk.by_row)
        self._ends[-1] = chunk.offset + len(chunk.data)
        for name, array in zip(
            self._parts, (chunk.anchor_rows, chunk.anchor_offsets, checksums), strict=True
        ):
            if self._directory is None:
                self._parts[name].append(array)
            else:
                self._files[name].write(np.ascontiguousarray(array, INDEX_ARRAYS[name]).tobytes())
        self._num_anchors += len(checksums)
        self._num_records += chunk.num_records

    def finish(self, paths: Sequence[str], sizes: Sequence[int]) -> RowIndex:
        """The index of the files, which are read once more for what stands before their first records.

        Parameters
        ----------
        paths, sizes
            The files and their bytes when they were scanned; those of compressed files are found, and so are
            the rows of files that are addressed by them.
        """
        heads = np.zeros(len(paths), np.uint64)
        for file_index, path in enumerate(paths):
            first = self._first_offsets[file_index]
            head = np.frombuffer(read_head(path, first)[0] if first else b"", np.uint8)
            heads[file_index] = checksums_of(head, np.array([0, len(head)]))[0]
        ends = [
            self._ends[number] if self._by_row[number] or packing_of(path) else size
            for number, (path, size) in enumerate(zip(paths, sizes, strict=True))
        ]
        small: dict[str, npt.NDArray[Any]] = {
            "file_anchors": np.array([*self._file_anchors, self._num_anchors], np.int64),
            "file_rows": np.array([*self._file_rows, self._num_records], np.int64),
            "file_sizes": np.array(ends, np.int64),
            "head_checksums": heads,
        }
        if self._directory is None:
            small.update({name: np.concatenate(parts) for name, parts in self._parts.items()})
            return RowIndex(**small)
        for name, array in small.items():
            np.save(self._directory / f"{name}.npy", array, allow_pickle=False)
        for name, stream in self._files.items():
            _write_header(stream, name, self._num_anchors)
        self.close()
        return RowIndex.load(self._directory)

    def close(self) -> None:
        """Close what is open; idempotent. An index that was not finished is useless."""
        for file in self._files.values():
            file.close()


def _write_header(file: BinaryIO, name: str, count: int) -> None:
    """(Re)write the header, for which NumPy leaves room to grow: its length does not depend on `count`."""
    file.seek(0)
    header = {"descr": INDEX_ARRAYS[name], "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, header)
