"""Parquet, with a dictionary for the columns that repeat themselves and for no others."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

__all__ = ["ParquetFile", "repeating"]

_LOOKED_AT = 8_192


class ParquetFile:
    """Writes tables to a file that is open for writing, a row group each.

    A dictionary of values that hardly come twice takes three times as long to write as the values, and
    more room: which columns get one is told by the first rows.

    Parameters
    ----------
    file
        Stays open.
    schema
        Of every table.
    compression
        As PyArrow calls it.
    """

    def __init__(self, file: BinaryIO, schema: pa.Schema, compression: str) -> None:
        self._file, self._schema, self._compression = file, schema, compression
        self._writer: Any = None

    def write(self, table: pa.Table) -> None:
        """Write a row group."""
        self._opened(table).write_table(table, row_group_size=max(1, table.num_rows))

    def close(self) -> None:
        """Write the end of the file."""
        self._opened(self._schema.empty_table()).close()

    def _opened(self, table: pa.Table) -> Any:
        if self._writer is None:
            self._writer = pa.parquet.ParquetWriter(
                self._file,
                self._schema,
                compression=self._compression,
                use_dictionary=repeating(table.slice(0, _LOOKED_AT)) or False,
            )
        return self._writer


def repeating(table: pa.Table) -> list[str]:
    """Names of the columns that have at most one value for two rows.

    Examples
    --------
    >>> repeating(pa.table({"city": ["Rome", "Rome", None, "Oslo"], "price": [1.5, 2.5, 3.0, 4.0]}))
    ['city']
    """
    return [
        name
        for name, column in zip(table.column_names, table.columns, strict=True)
        if not pa.types.is_nested(column.type) and 2 * pc.count_distinct(column).as_py() <= len(column)
    ]
