"""Rows as record batches of equally many, however many come at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.cache.contents import NUMBERS, Columns, row_bytes, schema_of
from stoker.cache.pieces import CHECKSUM, buffers_of, checksum_of
from stoker.ledger import Charge, Ledger

__all__ = ["PieceWriter", "filled", "matrix_array", "numbers_array", "piece_bytes", "rows_per_piece"]

_PIECE_BYTES = 4 << 20
_SHARE_OF_MEMORY = 32
_MAX_PIECE_ROWS = 1 << 16
_MIN_PIECE_ROWS = 64


def piece_bytes(ledger: Ledger | None) -> int:
    """What a record batch shall take, about."""
    return _PIECE_BYTES if ledger is None else min(_PIECE_BYTES, ledger.limit // _SHARE_OF_MEMORY)


def rows_per_piece(
    columns: Columns, dtype: np.dtype[Any], mean_text_bytes: int, ledger: Ledger | None
) -> int:
    """Rows of a record batch, a power of two.

    Parameters
    ----------
    columns
        What the rows have.
    dtype
        Of the matrix.
    mean_text_bytes
        Bytes of the texts to learn from, of a row.
    ledger
        Of the memory.
    """
    rows = piece_bytes(ledger) // max(1, row_bytes(columns, dtype) + mean_text_bytes)
    return 1 << (min(_MAX_PIECE_ROWS, max(_MIN_PIECE_ROWS, rows)).bit_length() - 1)


class PieceWriter:
    """Writes rows to an Arrow file, in record batches of equally many.

    Parameters
    ----------
    file
        Open for writing, empty.
    columns
        What the rows have.
    dtype
        Of the matrix.
    num_rows
        Of a record batch; the last may have fewer.
    digest
        Of the data, or what stands in its place until it is known.
    ledger
        Charged for the rows that wait until a record batch is full.
    """

    def __init__(
        self,
        file: BinaryIO,
        columns: Columns,
        dtype: np.dtype[Any],
        num_rows: int,
        *,
        digest: str,
        ledger: Ledger | None,
    ) -> None:
        self.dtype, self.num_rows = dtype, num_rows
        self._columns, self._ledger = columns, ledger
        self._schema = schema_of(columns, dtype, digest)
        width = len(columns.features)
        self._matrix = np.empty((num_rows, width), dtype) if width else None
        kinds = {column.name: NUMBERS.get(column.kind) for column in columns.others}
        self._numbers = {name: np.empty(num_rows, kind) for name, kind in kinds.items() if kind is not None}
        self._texts: dict[str, list[pa.Array]] = {name: [] for name, kind in kinds.items() if kind is None}
        self._text_bytes = self._filled = 0
        self._charge = self._charged(num_rows * row_bytes(columns, dtype))
        self._held: list[Charge] = []
        self._writer = pa.ipc.new_file(file, self._schema)

    @property
    def header_bytes(self) -> int:
        """Length of the schema, which stands at the file's beginning."""
        return len(self._schema.serialize())

    @property
    def text_bytes(self) -> int:
        """Bytes of the texts that wait."""
        return self._text_bytes

    def add(self, num_rows: int, matrix: npt.NDArray[Any] | None, columns: Mapping[str, Any]) -> None:
        """Take in the next rows.

        Parameters
        ----------
        num_rows
            n.
        matrix
            Shape (n, k), of a type that `dtype` holds; None without features.
        columns
            The other columns by name, n values each.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        start = 0
        while start < num_rows:
            stop = min(num_rows, start + self.num_rows - self._filled)
            place = slice(self._filled, self._filled + stop - start)
            if self._matrix is not None and matrix is not None:
                self._matrix[place] = matrix[start:stop]
            for name, values in self._numbers.items():
                values[place] = columns[name][start:stop]
            for name, parts in self._texts.items():
                self._keep(parts, columns[name].slice(start, stop - start))
            self._filled += stop - start
            if self._filled == self.num_rows:
                self._flush()
            start = stop

    def close(self) -> None:
        """Write the rows that wait, and the end of the file; the file stays open.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        self._flush()
        self._writer.close()
        self.forget()

    def forget(self) -> None:
        """Let go of the rows that wait; idempotent."""
        self._matrix, self._numbers, self._texts = None, {}, {}
        self._release()
        if self._charge is not None:
            self._charge.release()

    def _keep(self, parts: list[pa.Array], texts: Any) -> None:
        for part in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
            parts.append(part)
            self._text_bytes += part.nbytes
            # A part of an array holds the whole of it; and when the piece is full, there is a copy.
            charge = self._charged(part.get_total_buffer_size() + part.nbytes)
            if charge is not None:
                self._held.append(charge)

    def _flush(self) -> None:
        if not self._filled:
            return
        kinds, arrays = self._schema.types, []
        if self._matrix is not None:
            arrays.append(matrix_array(self._matrix[: self._filled], kinds[0]))
        for column in self._columns.others:
            if column.name in self._texts:
                arrays.append(_whole(self._texts[column.name], kinds[len(arrays)]))
            else:
                arrays.append(numbers_array(self._numbers[column.name][: self._filled]))
        batch = pa.record_batch(arrays, schema=self._schema)
        checksum = checksum_of(buffers_of(batch, len(self._columns.features), self._columns.others))
        self._writer.write_batch(batch, custom_metadata={CHECKSUM: str(checksum).encode()})
        self._filled = 0
        self._release()

    def _release(self) -> None:
        for parts in self._texts.values():
            parts.clear()
        for charge in self._held:
            charge.release()
        self._held.clear()
        self._text_bytes = 0

    def _charged(self, num_bytes: int) -> Charge | None:
        return None if self._ledger is None else self._ledger.charge("cache pieces", num_bytes)


def matrix_array(matrix: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Rows side by side, C-contiguous of shape (n, k), as the lists of fixed size that they are stored as."""
    return pa.FixedSizeListArray.from_arrays(numbers_array(matrix.reshape(-1)), type=kind)


def numbers_array(values: npt.NDArray[Any]) -> pa.Array:
    """An array over numbers, contiguous of shape (n,): their own memory, which must stay as it is.

    `pyarrow.array` would import pandas, wherever it is installed, which takes longer than a cache of 100 MB.
    """
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _whole(parts: list[pa.Array], kind: pa.DataType) -> pa.Array:
    """The values of all parts, with not a byte before or behind them."""
    empty = pa.nulls(0, kind)  # one part alone would stay a part of something larger
    return pa.concat_arrays([empty, *(filled(part, kind) for part in parts)])


def filled(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Values as those of a type, with empty texts for nulls, which nothing else has."""
    cast = values.cast(kind)
    return cast.fill_null("") if pa.types.is_string(kind) or pa.types.is_large_string(kind) else cast
