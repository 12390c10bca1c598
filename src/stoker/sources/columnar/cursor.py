"""Where the decoding of a file stands, which goes forward alone."""

from __future__ import annotations

from collections.abc import Generator

import pyarrow as pa

from stoker.errors import DataError
from stoker.sources.columnar.columns import FileColumns
from stoker.sources.columnar.scan import read_batches

__all__ = ["Cursor"]


class Cursor:
    """Decodes a file piece by piece, from the beginning of a unit on; for one thread at a time.

    Parameters
    ----------
    columns
        The file and its used columns.
    unit
        Where to begin.
    row, piece
        The number of its first row, and of the piece that begins there.
    """

    def __init__(self, columns: FileColumns, unit: int, row: int, piece: int) -> None:
        self.row, self.piece = row, piece
        self._path = columns.file.path
        self._batches: Generator[pa.RecordBatch] = read_batches(columns, unit)
        self._left: pa.RecordBatch | None = None

    def take(self, count: int, *, keep: bool) -> pa.RecordBatch | None:
        """The rows of the next piece, which are so many; None where they are not to be kept.

        Raises
        ------
        DataError
            They cannot be read, or are not there.
        """
        parts: list[pa.RecordBatch] = []
        missing = count
        while missing:
            batch = self._left if self._left is not None else next(self._batches, None)
            if batch is None:
                raise DataError(f"{self._path} ends {missing:,} rows before row {self.row + count:,}")
            part = batch.slice(0, missing)
            self._left = batch.slice(missing) if batch.num_rows > missing else None
            missing -= part.num_rows
            if keep:
                parts.append(part)
        self.row, self.piece = self.row + count, self.piece + 1
        if len(parts) == 1:
            return parts[0]
        return pa.concat_batches(parts) if keep else None

    def close(self) -> None:
        """Close the file; idempotent."""
        self._left = None
        self._batches.close()
