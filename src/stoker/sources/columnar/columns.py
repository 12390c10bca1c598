"""The used columns of one file, under the names that stoker gives them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stoker.sources.columnar.arrow_kinds import FILE_BYTES, ArrowColumn, as_lists, column_kind, layout_of
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.columnar.units import UnitFile
from stoker.sources.columnar.values import normalised
from stoker.sources.schema import Schema, find
from stoker.types import LONG
from stoker.types.arrow import arrow_type

__all__ = ["FileColumns", "columns_for"]

_SEGMENT_BYTES = 4 << 20
"""What a segment of bytes and lists may take, unless it has the fewest rows."""
_LEAST_SEGMENT_ROWS = 16
_BATCH_SEGMENTS = 4
_MOST_SEGMENTS = 16
_TEXT_BYTES = 12
"""Of a short text, about."""


@dataclass(frozen=True, eq=False)
class FileColumns:
    """A file, and which of its columns are used.

    Attributes
    ----------
    file
        The file.
    names
        The used columns as the schema calls them, in its order.
    columns
        The file's column for each of them.
    """

    file: UnitFile
    names: tuple[str, ...]
    columns: tuple[ArrowColumn, ...]

    @classmethod
    def of(cls, file: UnitFile, schema: Schema, renames: Mapping[str, str]) -> FileColumns:
        """Match names with a file's columns.

        Parameters
        ----------
        file
            The file.
        schema
            The used columns.
        renames
            By names that columns have in the file, the schema's for them.

        Raises
        ------
        ColumnError
            The file lacks one of them.
        """
        there = {inner: outer for outer, inner in renames.items()}
        columns = columns_for(file, schema, there)
        layout = layout_of(file.path, columns)
        found = tuple(columns[find(there.get(name, name), layout, "column")] for name in schema.used)
        return cls(file, schema.used, found)

    @property
    def sources(self) -> list[str]:
        """Names of the fields that are read."""
        return list(dict.fromkeys(column.source for column in self.columns))

    @cached_property
    def segment_rows(self) -> int:
        """Rows of a segment, a power of two: fewer where values of any length take much memory in each.

        The file's own figures decide, so that the same file has the same segments.
        """
        rows = SEGMENT_ROWS
        if self.file.unit_rows is None or not any(_is_long(column) for column in self.columns):
            return rows
        row_bytes = self.used_bytes / max(1, int(self.file.unit_rows.sum()))
        while rows > _LEAST_SEGMENT_ROWS and rows * row_bytes > _SEGMENT_BYTES:
            rows //= 2
        return rows

    @property
    def batch_rows(self) -> int:
        """Rows that are decoded at a time."""
        return _BATCH_SEGMENTS * SEGMENT_ROWS if self.segment_rows == SEGMENT_ROWS else self.segment_rows

    def rows_within(self, num_bytes: int) -> int:
        """Rows to decode at a time where they may take about so many bytes: `batch_rows`, or more of them."""
        if self.segment_rows != SEGMENT_ROWS:
            return self.batch_rows
        row_bytes = sum(_TEXT_BYTES if column_kind(each.type) == "text" else 8 for each in self.columns)
        wanted = num_bytes // (max(1, row_bytes) * SEGMENT_ROWS) * SEGMENT_ROWS
        return min(max(self.batch_rows, wanted), _MOST_SEGMENTS * SEGMENT_ROWS)

    @property
    def used_bytes(self) -> int:
        """Bytes of the file that they take, about."""
        return self.file.used_bytes(self.sources)

    @property
    def decoding_bytes(self) -> int:
        """Memory that decoding them takes."""
        return self.file.decoding_bytes(self.sources)

    def batches(self, first_unit: int, rows: int) -> Generator[pa.RecordBatch]:
        """The rows from a unit on, with the used columns alone; see `UnitFile.batches`."""
        return (self.used(batch) for batch in self.file.batches(first_unit, self.sources, rows))

    def used(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The used columns of a batch as the file gives it."""
        fields = {name: batch.column(place) for place, name in enumerate(batch.schema.names)}
        arrays = [_values(fields[column.source], column) for column in self.columns]
        schema = pa.schema([(name, array.type) for name, array in zip(self.names, arrays, strict=True)])
        # Without a column a batch would not know its rows.
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _is_long(column: ArrowColumn) -> bool:
    return column_kind(column.type) in LONG


def columns_for(file: UnitFile, schema: Schema, names: Mapping[str, str]) -> Sequence[ArrowColumn]:
    """The columns of a file as a schema sees them: lists of a fixed size whole where it has them as lists.

    A column without any value, of which Arrow knows no type, is one of lists or bytes where the schema's is.

    Parameters
    ----------
    file, schema
        Of which columns, and who sees them.
    names
        By the schema's names those of the file, where they differ.
    """
    columns = as_lists(file.columns, {names.get(name, name) for name in schema.lists})
    types = {names.get(each.name, each.name): arrow_type(each.kind) for each in schema.features}
    return [
        replace(column, type=types[column.name])
        if pa.types.is_null(column.type) and column.name in types
        else column
        for column in columns
    ]


def _values(array: Any, column: ArrowColumn) -> Any:
    if pa.types.is_null(array.type) and not pa.types.is_null(column.type):
        return pa.nulls(len(array), column.type)
    if pa.types.is_struct(array.type) and not pa.types.is_struct(column.type):
        array = pc.struct_field(array, FILE_BYTES)
    array = normalised(array)
    if column.element < 0 and pa.types.is_fixed_size_list(array.type):
        return array.cast(pa.large_list(array.type.value_type))
    return array if column.element < 0 else normalised(pc.list_element(array, column.element))
