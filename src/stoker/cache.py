"""The same rows once more, as an Arrow file that is mapped into memory: no parsing, no copy, any order.

The file is plain Arrow IPC, readable by anyone: record batches of equally many rows. A row's numeric features
lie side by side in the first column, a fixed-size list whose names are in the schema's metadata; every other
column stands beside it under its own name. All record slots are stored, excluded ones as zeros or empty
texts, so that a row's id is its place.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker import folders
from stoker.errors import DataError
from stoker.kernels.gather import gather
from stoker.ledger import Ledger
from stoker.prefetch import prefetch
from stoker.types import ColumnSpec, IntArray, Matrix, Progress, RowReader, Rows

__all__ = ["CachedRows", "Contents", "build", "expected_bytes", "find"]

_FORMAT = b"1"
_MATRIX = "features"
_PIECE_BYTES = 4 << 20
_SHARE_OF_MEMORY = 32
_MAX_PIECE_ROWS = 1 << 16
_MIN_PIECE_ROWS = 64
_TEXT_BYTES = 16
_TYPES = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}


class Contents(Protocol):
    """What the cache must know of the rows that it stores; a `Survey` knows it."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that the rows come from; the cache lives beside the first."""

    @property
    def num_slots(self) -> int:
        """Record slots, excluded ones included."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""

    @property
    def others(self) -> tuple[ColumnSpec, ...]:
        """The columns beside the matrix."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the matrix."""

    @property
    def excluded(self) -> IntArray:
        """Ascending ids of the slots that nobody reads."""

    @property
    def source_key(self) -> str:
        """Which files are read, and how: names the cache's file."""

    @property
    def data_digest(self) -> str:
        """What the files hold: proves that a cache is theirs."""


def expected_bytes(contents: Contents) -> int:
    """Bytes that a cache of these rows takes on the disk, to within a few per cent."""
    others = sum(_TEXT_BYTES if column.kind == "text" else 8 for column in contents.others)
    return contents.num_slots * (len(contents.features) * contents.dtype.itemsize + others) + 65_536


def find(contents: Contents, *, directory: str | os.PathLike[str] | None = None) -> CachedRows | None:
    """Open the cache of these rows, or return None where there is none that is whole and theirs.

    Parameters
    ----------
    contents
        The survey of the rows.
    directory
        Where to look; None stands for the ``.stoker`` folder beside the data and the user's cache directory.
    """
    for folder in _folders(contents, directory):
        path = folder / _file_name(contents)
        with suppress(OSError, pa.ArrowException, KeyError, ValueError):
            return CachedRows(path, contents)
    return None


def build(
    contents: Contents,
    reader: RowReader,
    *,
    directory: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
    ledger: Ledger | None = None,
) -> CachedRows:
    """Write the rows to a new cache, in one parallel pass and bounded memory, and open it.

    Parameters
    ----------
    contents
        The survey of the rows.
    reader
        Where the rows come from: the files, or rows kept in memory.
    directory
        As for `find`.
    progress
        Called with the rows written so far and the rows in all.
    workers
        Threads; None for one a core.
    ledger
        Charged for the pieces in flight.

    Raises
    ------
    DataError
        If no folder can be written, or the disk has no room; nothing is left behind.
    ChangedDataError
        If the files are not what the survey saw.
    """
    refused: list[str] = []
    for folder in _folders(contents, directory):
        path = folder / _file_name(contents)
        folders.clean(folder)
        try:
            _check_room(folder, contents)
            _write(path, contents, reader, progress=progress, workers=workers, ledger=ledger)
            return CachedRows(path, contents)
        except OSError as error:
            refused.append(f"{folder}: {error.strerror or error}")
    raise DataError(
        f"the cache of {contents.paths[0]} could not be written ({'; '.join(refused)}). It needs "
        f"{expected_bytes(contents):,} bytes: free that much, or go without it (--cache never); the data are "
        "unchanged."
    )


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


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    stop: int


def _write(
    path: Path,
    contents: Contents,
    reader: RowReader,
    *,
    progress: Progress | None,
    workers: int | None,
    ledger: Ledger | None,
) -> None:
    num_rows = _piece_rows(contents, ledger)
    schema = _schema(contents)
    threads = len(os.sched_getaffinity(0)) if workers is None else workers
    starts = range(0, contents.num_slots, num_rows)
    pieces = (_Piece(start, min(start + num_rows, contents.num_slots)) for start in starts)
    held = expected_bytes(contents) // max(1, len(starts)) * (threads + 2)
    charge = None if ledger is None else ledger.charge("cache pieces", held)
    try:
        with (
            folders.staged_file(path) as file,
            pa.ipc.new_file(file, schema) as writer,
            prefetch(
                lambda piece: _make_batch(piece, contents, reader, schema),
                pieces,
                workers=threads,
                in_flight=threads + 1,
                name="cache",
            ) as batches,
        ):
            done = 0
            for batch in batches:
                writer.write_batch(batch)
                done += batch.num_rows
                if progress is not None:
                    progress(done, contents.num_slots)
    finally:
        if charge is not None:
            charge.release()


def _make_batch(piece: _Piece, contents: Contents, reader: RowReader, schema: pa.Schema) -> pa.RecordBatch:
    size = piece.stop - piece.start
    bounds = np.searchsorted(contents.excluded, [piece.start, piece.stop])
    bad = np.asarray(contents.excluded[bounds[0] : bounds[1]]) - piece.start
    good = np.delete(np.arange(size, dtype=np.int64), bad)
    rows = reader.read(good + piece.start)
    everything = np.arange(rows.num_rows, dtype=np.int64)
    places = rows.places(everything)
    arrays = []
    if contents.features:
        arrays.append(_matrix_array(rows, places, good, size, contents.dtype, schema.field(0).type))
    for column in contents.others:
        arrays.append(_column_array(rows.columns[column.name], places, good, size, column))
    return pa.record_batch(arrays, schema=schema)


def _matrix_array(
    rows: Rows, places: IntArray, good: IntArray, size: int, dtype: np.dtype[Any], kind: pa.DataType
) -> pa.Array:
    matrix = rows.matrix
    if matrix is None or matrix.values.dtype != dtype:
        found = None if matrix is None else matrix.values.dtype
        raise TypeError(f"the reader gave a matrix of {found} where the survey found {dtype}")
    packed = np.empty((len(good), matrix.num_columns), dtype)
    gather(matrix.values, matrix.starts, matrix.rows_per_piece, matrix.num_columns, places, packed)
    if len(good) < size:
        spread = np.zeros((size, matrix.num_columns), dtype)
        spread[good] = packed
        packed = spread
    return pa.FixedSizeListArray.from_arrays(pa.array(packed.reshape(-1)), type=kind)


def _column_array(values: Any, places: IntArray, good: IntArray, size: int, column: ColumnSpec) -> pa.Array:
    if column.kind == "text":
        taken = values.take(pa.array(places))
        taken = taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
        taken = taken.cast(pa.string()).fill_null("")
        if len(good) == size:
            return taken
        # Place 0 of the extended array is the text of an excluded slot.
        extended = pa.concat_arrays([pa.array([""]), taken])
        source = np.zeros(size, np.int64)
        source[good] = np.arange(1, len(good) + 1)
        return extended.take(pa.array(source))
    dense = np.zeros(size, np.int64 if column.kind == "int" else np.float64)
    dense[good] = values[places]
    return pa.array(dense)


def _take_texts(
    arrays: list[pa.Array], ids: IntArray, pieces: IntArray, rows_per_piece: int
) -> pa.ChunkedArray:
    parts = []
    for start, stop in _runs(pieces):
        piece = int(pieces[start])
        parts.append(arrays[piece].take(pa.array(ids[start:stop] - piece * rows_per_piece)))
    return pa.chunked_array(parts, type=pa.string())


def _runs(values: IntArray) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)]
    return ((start, stop) for start, stop in pairwise(bounds) if stop > start)


def _schema(contents: Contents) -> pa.Schema:
    fields = []
    if contents.features:
        item = pa.field("item", pa.from_numpy_dtype(contents.dtype), nullable=False)
        fields.append(pa.field(_MATRIX, pa.list_(item, len(contents.features)), nullable=False))
    fields += [pa.field(column.name, _TYPES[column.kind], nullable=False) for column in contents.others]
    return pa.schema(fields, metadata=_metadata(contents))


def _metadata(contents: Contents) -> dict[bytes, bytes]:
    return {
        b"stoker.format": _FORMAT,
        b"stoker.data": contents.data_digest.encode(),
        b"stoker.dtype": contents.dtype.str.encode(),
        b"stoker.features": json.dumps(contents.features).encode(),
        b"stoker.others": json.dumps([[column.name, column.kind] for column in contents.others]).encode(),
        b"stoker.slots": str(contents.num_slots).encode(),
    }


def _check_metadata(found: dict[bytes, bytes], contents: Contents) -> None:
    for key, value in _metadata(contents).items():
        if found[key] != value:
            raise ValueError(f"the cache has another {key.decode()}")


def _check_batches(batches: list[pa.RecordBatch], rows_per_piece: int, num_slots: int) -> None:
    sizes = [batch.num_rows for batch in batches]
    if sum(sizes) != num_slots or any(size != rows_per_piece for size in sizes[:-1]):
        raise ValueError(f"the cache holds {sum(sizes)} of {num_slots} rows")


def _piece_rows(contents: Contents, ledger: Ledger | None) -> int:
    budget = _PIECE_BYTES if ledger is None else min(_PIECE_BYTES, ledger.limit // _SHARE_OF_MEMORY)
    row_bytes = max(1, expected_bytes(contents) // max(1, contents.num_slots))
    rows = min(_MAX_PIECE_ROWS, max(_MIN_PIECE_ROWS, budget // row_bytes))
    return 1 << (rows.bit_length() - 1)


def _check_room(folder: Path, contents: Contents) -> None:
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < expected_bytes(contents):
        raise OSError(f"{free:,} bytes are free")


def _folders(contents: Contents, directory: str | os.PathLike[str] | None) -> tuple[Path, ...]:
    return folders.homes(contents.paths[0]) if directory is None else (Path(directory),)


def _file_name(contents: Contents) -> str:
    return f"rows-{contents.source_key}.arrow"
