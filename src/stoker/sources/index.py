"""The sparse index: where every few thousand bytes a record begins, and what the bytes between held.

A *segment* reaches from one anchor to the next; it holds whole records. Anchors are a function of the file
alone, not of the pieces in which it was scanned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, DataError, OptionError
from stoker.kernels.checksum import checksum_segments
from stoker.sources.files import ByteReader, open_reader
from stoker.sources.index_check import check_index
from stoker.sources.packing import packing_of, read_head
from stoker.stored import mapped_array
from stoker.types import IntArray, Progress, Uint64Array

__all__ = ["SEGMENT_BYTES", "IndexBuilder", "RowIndex", "checked_ids", "checksums_of"]

SEGMENT_BYTES = 4_096
"""A segment ends at the first record that begins at least this many bytes behind its anchor."""

_ARRAYS: dict[str, str] = {
    "anchor_rows": "<i8",
    "anchor_offsets": "<i8",
    "checksums": "<u8",
    "file_anchors": "<i8",
    "file_rows": "<i8",
    "file_sizes": "<i8",
    "head_checksums": "<u8",
}
_HASHED_AT_A_TIME = 1 << 22


def checked_ids(ids: IntArray, num_slots: int) -> IntArray:
    """Row ids as a reader takes them, int64 of shape (n,).

    Raises
    ------
    OptionError
        They are not strictly ascending, or lie outside [0, num_slots).
    """
    ids = np.ascontiguousarray(ids, np.int64)
    if ids.ndim != 1 or (len(ids) > 1 and not bool((ids[1:] > ids[:-1]).all())):
        raise OptionError("ids must be strictly ascending and of one dimension")
    if len(ids) and not 0 <= int(ids[0]) <= int(ids[-1]) < num_slots:
        raise OptionError(f"ids must lie in [0, {num_slots}), got {int(ids[0])} to {int(ids[-1])}")
    return ids


def checksums_of(data: npt.NDArray[np.uint8], bounds: IntArray) -> Uint64Array:
    """Checksums of the segments ``data[bounds[i]:bounds[i + 1]]``, uint64 of shape (s,)."""
    out = np.empty(len(bounds) - 1, np.uint64)
    checksum_segments(data, bounds, out)
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class RowIndex:
    """Where rows stand in F files with A segments.

    Attributes
    ----------
    anchor_rows, anchor_offsets, checksums
        int64, int64 and uint64 of shape (A,): row id of a segment's first record, its offset in its file, and
        the segment's XXH64.
    file_anchors, file_rows
        int64 of shape (F + 1,): the first segment and the first row id of each file, then the totals.
    file_sizes, head_checksums
        int64 and uint64 of shape (F,): bytes of each file, unpacked, or rows where offsets are rows, and the
        XXH64 of what stands before its first anchor.
    """

    anchor_rows: IntArray
    anchor_offsets: IntArray
    checksums: Uint64Array
    file_anchors: IntArray
    file_rows: IntArray
    file_sizes: IntArray
    head_checksums: Uint64Array

    @staticmethod
    def array_names() -> tuple[str, ...]:
        """Names of the arrays, as `save` names their files."""
        return tuple(_ARRAYS)

    @property
    def num_records(self) -> int:
        """Record slots of all files."""
        return int(self.file_rows[-1])

    @property
    def num_files(self) -> int:
        """F."""
        return len(self.file_sizes)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(int(getattr(self, name).nbytes) for name in _ARRAYS)

    def file_of(self, row: int) -> int:
        """Number of the file that holds a row id."""
        return int(np.searchsorted(self.file_rows, row, side="right")) - 1

    def segment_bounds(self, file_index: int, low: int, high: int) -> IntArray:
        """Offsets of the segments [low, high) of one file and of the last one's end, int64 (high-low+1,)."""
        bounds = np.empty(high - low + 1, np.int64)
        bounds[:-1] = self.anchor_offsets[low:high]
        last = high == int(self.file_anchors[file_index + 1])
        bounds[-1] = self.file_sizes[file_index] if last else self.anchor_offsets[high]
        return bounds

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write every array as ``<name>.npy`` into an existing directory."""
        for name, dtype in _ARRAYS.items():
            np.save(
                Path(directory) / f"{name}.npy",
                getattr(self, name).astype(dtype, copy=False),
                allow_pickle=False,
            )

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> RowIndex:
        """Map what `save` wrote; nothing is read until it is needed.

        Raises
        ------
        DataError
            The index is incomplete or damaged.
        """
        folder = Path(directory)
        try:
            arrays = {name: mapped_array(folder / f"{name}.npy", dtype) for name, dtype in _ARRAYS.items()}
            index = cls(**arrays)
            check_index(index)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{directory}: the row index is damaged ({error}); delete it and survey again"
            ) from error
        return index

    def check(self, paths: Sequence[str], progress: Progress | None = None) -> None:
        """Read the files anew and compare every checksum.

        Parameters
        ----------
        paths
            The files, in the index's order.
        progress
            Called with (bytes done, bytes altogether).

        Raises
        ------
        ChangedDataError
            A file is not what it was; the message names the bytes.
        """
        total, done = int(self.file_sizes.sum()), 0
        for file_index, path in enumerate(paths):
            with open_reader(path, in_order=True) as file:
                self.require_size(file_index, path, file.size)
                low, end = int(self.file_anchors[file_index]), int(self.file_anchors[file_index + 1])
                self._check_head(file_index, file, low)
                while low < end:
                    high = self._reach(file_index, low, end)
                    bounds = self.segment_bounds(file_index, low, high)
                    data = np.empty(int(bounds[-1] - bounds[0]), np.uint8)
                    count = file.read_into(data, int(bounds[0]))
                    found = checksums_of(data[:count], np.minimum(bounds - bounds[0], count))
                    self.require_checksums(file_index, path, np.arange(low, high), found)
                    low = high
                    if progress is not None:
                        progress(done + int(bounds[-1]), total)
            done += int(self.file_sizes[file_index])

    def _reach(self, file_index: int, low: int, end: int) -> int:
        limit = int(self.anchor_offsets[low]) + _HASHED_AT_A_TIME
        return max(low + 1, low + int(np.searchsorted(self.anchor_offsets[low:end], limit)))

    def _check_head(self, file_index: int, file: ByteReader, first_anchor: int) -> None:
        size = int(self.anchor_offsets[first_anchor])
        head = np.empty(size, np.uint8)
        count = file.read_into(head, 0)
        if checksums_of(head[:count], np.array([0, count]))[0] != self.head_checksums[file_index]:
            raise ChangedDataError(
                f"{file.path} changed since it was surveyed: its first {size} bytes are others; "
                "restore it, or survey it again"
            )

    def require_size(self, file_index: int, path: str, size: int) -> None:
        """Raise `ChangedDataError` where a file's size is not the one that the survey saw."""
        known = int(self.file_sizes[file_index])
        if size != known:
            raise ChangedDataError(
                f"{path} {'shrank' if size < known else 'grew'} since it was surveyed, from {known} to "
                f"{size} bytes; restore it, or survey it again"
            )

    def require_checksums(self, file_index: int, path: str, segments: IntArray, found: Uint64Array) -> None:
        """Raise `ChangedDataError` where a segment's checksum is not the one that the survey saw."""
        differs = self.checksums[segments] != found
        if not differs.any():
            return
        segment = int(segments[int(np.argmax(differs))])
        start, stop = self.segment_bounds(file_index, segment, segment + 1).tolist()
        rows = [*self.anchor_rows[segment : segment + 2].tolist(), self.num_records][:2]
        raise ChangedDataError(
            f"{path} changed since it was surveyed: bytes {start} to {stop} (rows {rows[0]} to "
            f"{rows[1] - 1}) are others; restore the file, or survey it again"
        )


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
        self._parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in list(_ARRAYS)[:3]}
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
                self._files[name].write(np.ascontiguousarray(array, _ARRAYS[name]).tobytes())
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
    header = {"descr": _ARRAYS[name], "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, header)
