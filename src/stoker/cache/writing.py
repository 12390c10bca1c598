"""Writes the cache: workers read and pack pieces, the calling thread appends them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker import folders
from stoker.cache.contents import NUMBERS, Contents, expected_bytes, schema_of
from stoker.cache.filling import filled, matrix_array, numbers_array, rows_per_piece
from stoker.cache.pieces import CHECKSUM, buffers_of, checksum_of
from stoker.kernels.gather import gather, storage_of
from stoker.ledger import Ledger
from stoker.prefetch import available_cores, prefetch
from stoker.types import ColumnSpec, IntArray, Matrix, Progress, RowReader, Rows, is_number
from stoker.types.arrow import blank_value

__all__ = ["write"]


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    stop: int


def write(
    path: Path,
    contents: Contents,
    reader: RowReader,
    *,
    progress: Progress | None,
    workers: int | None,
    ledger: Ledger | None,
) -> None:
    """Write all rows to a new file at `path`, whole or not at all; see `stoker.cache.build`."""
    mean = contents.text_bytes // max(1, contents.num_slots)
    num_rows = rows_per_piece(contents, contents.dtype, mean, ledger)
    schema = schema_of(contents, contents.dtype, contents.data_digest)
    threads = available_cores() if workers is None else workers
    starts = range(0, contents.num_slots, num_rows)
    pieces = (_Piece(start, min(start + num_rows, contents.num_slots)) for start in starts)
    # A piece is in memory twice, as the reader gave it and as it is written.
    held = 2 * expected_bytes(contents) // max(1, len(starts)) * (threads + 2)
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
            for batch, checksum in batches:
                writer.write_batch(batch, custom_metadata={CHECKSUM: str(checksum).encode()})
                done += batch.num_rows
                if progress is not None:
                    progress(done, contents.num_slots)
    finally:
        if charge is not None:
            charge.release()


def _make_batch(
    piece: _Piece, contents: Contents, reader: RowReader, schema: pa.Schema
) -> tuple[pa.RecordBatch, int]:
    """A piece of the cache, and its checksum."""
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
        kind = schema.types[len(arrays)]
        arrays.append(_column_array(rows.columns[column.name], places, good, size, column, kind))
    batch = pa.record_batch(arrays, schema=schema)
    return batch, checksum_of(buffers_of(batch, len(contents.features), contents.others))


def _matrix_array(
    rows: Rows, places: IntArray, good: IntArray, size: int, dtype: np.dtype[Any], kind: pa.DataType
) -> pa.Array:
    matrix = rows.matrix
    if matrix is None or matrix.values.dtype != dtype:
        found = None if matrix is None else matrix.values.dtype
        raise TypeError(f"the reader gave a matrix of {found} where the survey found {dtype}")
    packed = _packed(matrix, places)
    if len(good) < size:
        spread = np.zeros((size, matrix.num_columns), dtype)
        spread[good] = packed
        packed = spread
    return matrix_array(packed, kind)


def _packed(matrix: Matrix, places: IntArray) -> npt.NDArray[Any]:
    """Rows side by side, shape (n, k): the matrix's own memory where they lie so."""
    width = matrix.num_columns
    if len(matrix.starts) == 1 and len(places) and places[-1] - places[0] == len(places) - 1:
        begin = int(matrix.starts[0]) + int(places[0]) * width
        return matrix.values[begin : begin + len(places) * width].reshape(len(places), width)
    packed = np.empty((len(places), width), matrix.values.dtype)
    gather(*storage_of(matrix), places, packed)
    return packed


def _column_array(
    values: Any, places: IntArray, good: IntArray, size: int, column: ColumnSpec, kind: pa.DataType
) -> pa.Array:
    if not is_number(column.kind):
        taken = values.take(pa.array(places))
        taken = taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
        taken = filled(taken, kind)
        if len(good) == size:
            return taken
        # Place 0 of the extended array is the value of an excluded slot.
        extended = pa.concat_arrays([pa.array([blank_value(kind).as_py()], kind), taken])
        source = np.zeros(size, np.int64)
        source[good] = np.arange(1, len(good) + 1)
        return extended.take(pa.array(source))
    dense = np.zeros(size, NUMBERS[column.kind])
    dense[good] = values[places]
    return numbers_array(dense)
