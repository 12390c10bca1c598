"""Reads rows from a mapped cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.cache.contents import Contents, metadata_of
from stoker.kernels.gather import gather
from stoker.types import IntArray, Matrix, Rows

__all__ = ["CachedRows"]


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
        self._num_slots = contents.num_slots
        with pa.memory_map(os.fspath(path)) as mapped:
            whole = mapped.read_buffer(mapped.size())
            file = pa.ipc.open_file(mapped)
            _check_metadata(file.schema.metadata or {}, contents)
            batches = [file.get_batch(number) for number in range(file.num_record_batches)]
        self._rows_per_piece = batches[0].num_rows if batches else 1
        _check_batches(batches, self._rows_per_piece, contents.num_slots)
        self._bytes = np.frombuffer(whole, np.uint8)
        self._base = whole.address
        self._starts: IntArray | None = None
        if self._features:
            buffers = [batch.column(0).values.buffers()[1] for batch in batches]
            self._values, self._starts = self._map(buffers, contents.dtype)
        first = 1 if self._features else 0
        self._texts: dict[str, list[pa.Array]] = {}
        self._numbers: dict[str, tuple[npt.NDArray[Any], IntArray]] = {}
        for place, column in enumerate(contents.others, start=first):
            arrays = [batch.column(place) for batch in batches]
            if column.kind == "text":
                self._texts[column.name] = arrays
            else:
                dtype = np.dtype(np.int64 if column.kind == "int" else np.float64)
                self._numbers[column.name] = self._map([array.buffers()[1] for array in arrays], dtype)

    def _map(self, buffers: list[pa.Buffer], dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], IntArray]:
        offsets = np.array([buffer.address - self._base for buffer in buffers], np.int64)
        ends = offsets + np.array([buffer.size for buffer in buffers], np.int64)
        if len(offsets) and (
            offsets.min() < 0 or ends.max() > len(self._bytes) or (offsets % dtype.itemsize).any()
        ):
            raise ValueError(f"{self.path}: a buffer lies outside of the file")
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
        """Rows of the given ids, strictly ascending: the matrix is the file's own memory, not a copy."""
        pieces = ids // self._rows_per_piece
        columns: dict[str, Any] = {}
        for name, (values, starts) in self._numbers.items():
            column = np.empty((len(ids), 1), values.dtype)
            gather(values, starts, self._rows_per_piece, 1, ids, column)
            columns[name] = column[:, 0]
        for name, arrays in self._texts.items():
            columns[name] = _take_texts(arrays, ids, pieces, self._rows_per_piece)
        matrix = None
        if self._starts is not None:
            width = len(self._features)
            starts = self._starts[pieces] + (ids - pieces * self._rows_per_piece) * width
            matrix = Matrix(values=self._values, starts=starts, rows_per_piece=1, num_columns=width)
        return Rows(num_rows=len(ids), features=self._features, matrix=matrix, columns=columns)

    def close(self) -> None:
        """Nothing is held open; the mapping goes with the last array that shows it."""


def _take_texts(
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


def _check_metadata(found: dict[bytes, bytes], contents: Contents) -> None:
    for key, value in metadata_of(contents).items():
        if found[key] != value:
            raise ValueError(f"the cache has another {key.decode()}")


def _check_batches(batches: list[pa.RecordBatch], rows_per_piece: int, num_slots: int) -> None:
    sizes = [batch.num_rows for batch in batches]
    if sum(sizes) != num_slots or any(size != rows_per_piece for size in sizes[:-1]):
        raise ValueError(f"the cache holds {sum(sizes)} of {num_slots} rows")
