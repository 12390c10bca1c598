"""Reads sources as their users do, for tests; and compresses files in every way that is read."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.sources import IndexBuilder, RowIndex, Source
from stoker.types import Rows


def index_of(source: Source, target_bytes: int = 1 << 15) -> tuple[RowIndex, np.dtype]:
    builder, dtype = IndexBuilder(), np.dtype(np.uint8)
    for chunk in source.chunks(target_bytes):
        builder.add(chunk, chunk.checksums())
        dtype = source.parse(chunk, dtype).dtype
    return builder.finish(source.places, [file.size for file in source.identity()]), dtype


def dense(rows: Rows) -> np.ndarray:
    """The rows' matrix, shape (n, k), as its stored pieces and index say."""
    matrix = rows.matrix
    if matrix is None:
        return np.empty((rows.num_rows, 0))
    places = rows.places(np.arange(rows.num_rows))
    starts = matrix.starts[places // matrix.rows_per_piece]
    starts = starts + places % matrix.rows_per_piece * matrix.num_columns
    return matrix.values[starts[:, None] + np.arange(matrix.num_columns)]


def column(rows: Rows, name: str) -> list[Any]:
    values = rows.columns[name]
    values = values.tolist() if isinstance(values, np.ndarray) else values.to_pylist()
    return [values[place] for place in rows.places(np.arange(rows.num_rows)).tolist()]


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}
