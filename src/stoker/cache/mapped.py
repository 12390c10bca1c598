"""Reads rows from a mapped cache."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.cache.contents import NUMBERS, Contents, metadata_of, schema_of
from stoker.cache.pieces import CHECKSUM, buffers_of, check_places, checksum_of
from stoker.errors import ChangedDataError
from stoker.kernels.gather import gather
from stoker.stored import require
from stoker.types import IntArray, Matrix, Rows, is_number

__all__ = ["CachedRows"]

_NEVER = np.iinfo(np.int64).min


class CachedRows:
    """A mapped cache: a `RowReader` whose matrices are windows into the file.

    Parameters
    ----------
    path
        Of the Arrow file.
    contents
        What it must hold.

    Raises
    ------
    OSError, pyarrow.ArrowException, KeyError, ValueError
        If it is not there, damaged, or of other rows.
    """

    def __init__(self, path: Path, contents: Contents) -> None:
        self.path = path
        self._features = contents.features
        self._others = contents.others
        self._num_slots = contents.num_slots
        with pa.memory_map(os.fspath(path)) as mapped:
            self._file = _WatchedFile(path, os.dup(mapped.fileno()), mapped.size())
            whole = mapped.read_buffer(mapped.size())
            file = pa.ipc.open_file(mapped)
            _check_schema(file.schema, contents)
            pairs = [file.get_batch_with_custom_metadata(place) for place in range(file.num_record_batches)]
        self._batches = [pair.batch for pair in pairs]
        self._checksums = [int((pair.custom_metadata or {})[CHECKSUM]) for pair in pairs]
        self._seen_at = np.full(len(pairs), _NEVER)
        self._rows_per_piece = self._batches[0].num_rows if pairs else 1
        _check_batches(self._batches, self._rows_per_piece, contents.num_slots)
        self._bytes = np.frombuffer(whole, np.uint8)
        self._base = whole.address
        for batch in self._batches:
            check_places(batch, self._base, self._base + len(self._bytes))
        self._starts: IntArray | None = None
        if self._features:
            buffers = [batch.column(0).values.buffers()[1] for batch in self._batches]
            self._values, self._starts = self._map(buffers, contents.dtype)
        first = 1 if self._features else 0
        self._arrays: dict[str, list[pa.Array]] = {}
        self._numbers: dict[str, tuple[npt.NDArray[Any], IntArray]] = {}
        for place, column in enumerate(contents.others, start=first):
            arrays = [batch.column(place) for batch in self._batches]
            if not is_number(column.kind):
                self._arrays[column.name] = arrays
            else:
                buffers = [array.buffers()[1] for array in arrays]
                self._numbers[column.name] = self._map(buffers, NUMBERS[column.kind])

    def _map(self, buffers: list[pa.Buffer], dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], IntArray]:
        offsets = np.array([buffer.address - self._base for buffer in buffers], np.int64)
        require(not (offsets % dtype.itemsize).any(), "numbers that do not begin where numbers may")
        usable = len(self._bytes) // dtype.itemsize * dtype.itemsize
        return self._bytes[:usable].view(dtype), offsets // dtype.itemsize

    @property
    def num_slots(self) -> int:
        """Record slots, excluded ones included."""
        return self._num_slots

    @property
    def num_bytes(self) -> int:
        """Size of the file in bytes."""
        return len(self._bytes)

    def read(self, ids: IntArray) -> Rows:
        """Rows of the given ids, strictly ascending: the matrix is the file's own memory, not a copy.

        Raises
        ------
        ChangedDataError
            The file is shorter than it was; or a piece of it, when it is looked at first and whenever
            somebody wrote to the file since, is not what was written.
        """
        pieces = ids // self._rows_per_piece
        modified = self._file.modified_ns()
        if (self._seen_at != modified).any():
            self._look_at(pieces, modified)
        columns: dict[str, Any] = {}
        for name, (values, starts) in self._numbers.items():
            column = np.empty((len(ids), 1), values.dtype)
            gather(values, starts, self._rows_per_piece, 1, ids, column)
            columns[name] = column[:, 0]
        for name, arrays in self._arrays.items():
            columns[name] = _take_values(arrays, ids, pieces, self._rows_per_piece)
        matrix = None
        if self._starts is not None:
            width = len(self._features)
            starts = self._starts[pieces] + (ids - pieces * self._rows_per_piece) * width
            matrix = Matrix(values=self._values, starts=starts, rows_per_piece=1, num_columns=width)
        return Rows(num_rows=len(ids), features=self._features, matrix=matrix, columns=columns)

    def _look_at(self, pieces: IntArray, modified: int) -> None:
        """Compare the checksums of pieces that nobody has read since that time of modification; ascending."""
        unseen = pieces[self._seen_at[pieces] != modified]
        for piece in unseen[np.append(True, unseen[1:] != unseen[:-1])[: len(unseen)]].tolist():
            batch = self._batches[piece]
            try:
                buffers = buffers_of(batch, len(self._features), self._others)
                require(checksum_of(buffers) == self._checksums[piece], "its checksum is another's")
                batch.validate(full=True)
            except (ValueError, pa.ArrowException) as error:
                raise ChangedDataError(
                    f"{self.path}: piece {piece} of the cache is damaged ({error}): delete the file, and it "
                    "is made anew"
                ) from error
            self._seen_at[piece] = modified

    def close(self) -> None:
        """Nothing is to be done: file and mapping go with the last that refers to them."""


class _WatchedFile:
    """The file behind a mapping, looked at before rows are taken from it.

    Where a mapped file was cut off, the system knows no answer to a look behind its end but SIGBUS, which no
    Python handles. Asked for its size before every window, which takes a microsecond, it is an error instead.

    Parameters
    ----------
    path
        For messages: another file may have its name by now.
    descriptor
        Of the file that was mapped; taken over.
    size
        Bytes that were mapped.
    """

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self._path, self._descriptor, self._size = path, descriptor, size
        weakref.finalize(self, os.close, descriptor)

    def modified_ns(self) -> int:
        """When somebody last wrote to it, in nanoseconds.

        Raises
        ------
        ChangedDataError
            If it is shorter than it was.
        """
        now = os.fstat(self._descriptor)
        if now.st_size < self._size:
            raise ChangedDataError(
                f"{self._path} was cut off while its rows were used: it had {self._size:,} bytes and has "
                f"{now.st_size:,}: begin or resume the run again, and it is made anew"
            )
        return now.st_mtime_ns


def _take_values(
    arrays: list[pa.Array], ids: IntArray, pieces: IntArray, rows_per_piece: int
) -> pa.ChunkedArray:
    parts = []
    for start, stop in _runs(pieces):
        piece = int(pieces[start])
        parts.append(arrays[piece].take(pa.array(ids[start:stop] - piece * rows_per_piece)))
    return pa.chunked_array(parts, type=arrays[0].type if arrays else pa.string())


def _runs(values: IntArray) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)]
    return ((start, stop) for start, stop in pairwise(bounds) if stop > start)


def _check_schema(found: pa.Schema, contents: Contents) -> None:
    about = (contents, contents.dtype, contents.data_digest)
    metadata = found.metadata or {}
    for key, value in metadata_of(*about).items():
        require(metadata[key] == value, f"the cache has another {key.decode()}")
    require(found.equals(schema_of(*about), check_metadata=False), "the cache has other columns")


def _check_batches(batches: list[pa.RecordBatch], rows_per_piece: int, num_slots: int) -> None:
    sizes = [batch.num_rows for batch in batches]
    require(rows_per_piece > 0, "the cache has pieces without rows")
    if sum(sizes) != num_slots or any(size != rows_per_piece for size in sizes[:-1]):
        raise ValueError(f"the cache holds {sum(sizes)} of {num_slots} rows")
