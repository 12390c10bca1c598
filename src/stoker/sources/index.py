"""The sparse index: where every few thousand bytes a record begins, and what the bytes between held.

A *segment* reaches from one anchor to the next; it holds whole records. Anchors are a function of the file
alone, not of the pieces in which it was scanned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, DataError, OptionError
from stoker.kernels.checksum import checksum_segments
from stoker.sources.files import ByteReader, open_reader
from stoker.sources.index_check import check_index
from stoker.stored import mapped_array
from stoker.types import IntArray, Progress, Uint64Array

__all__ = ["INDEX_ARRAYS", "SEGMENT_BYTES", "RowIndex", "checked_ids", "checksums_of"]

SEGMENT_BYTES = 4_096
"""A segment ends at the first record that begins at least this many bytes behind its anchor."""

INDEX_ARRAYS: dict[str, str] = {
    "anchor_rows": "<i8",
    "anchor_offsets": "<i8",
    "checksums": "<u8",
    "file_anchors": "<i8",
    "file_rows": "<i8",
    "file_sizes": "<i8",
    "head_checksums": "<u8",
}
"""The arrays of an index by name, with their types; the first three have an entry a segment."""
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
        return tuple(INDEX_ARRAYS)

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
        return sum(int(getattr(self, name).nbytes) for name in INDEX_ARRAYS)

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
        for name, dtype in INDEX_ARRAYS.items():
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
            arrays = {
                name: mapped_array(folder / f"{name}.npy", dtype) for name, dtype in INDEX_ARRAYS.items()
            }
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
