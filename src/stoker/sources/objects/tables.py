"""Tables in memory: a `stoker.sources.columnar.units.UnitFile` each; nothing is copied but what is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import DataError, OptionError
from stoker.sources.columnar.arrow_kinds import ArrowColumn, arrow_columns
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.files import FileIdentity
from stoker.types import IntArray

__all__ = ["MemoryUnits", "array_units", "arrow_units", "frame_units", "mapping_units"]

Slice = Callable[[int, int, Sequence[str]], pa.RecordBatch]


@dataclass(frozen=True, eq=False, kw_only=True)
class MemoryUnits:
    """Rows that can be had by their places.

    Attributes
    ----------
    path
        What it is called; ``://`` tells it from a file.
    schema
        Names and types of its columns.
    num_rows
        How many.
    slice
        Gives the rows from one on to another, with these columns at least.
    held_bytes
        Bytes that they take.
    piece_rows
        Rows that are decoded for one of them.
    row_shape
        Shape of a row of the array that they are; empty where they are none.
    """

    path: str
    schema: pa.Schema
    num_rows: int
    slice: Slice
    held_bytes: int
    piece_rows: int = SEGMENT_ROWS
    row_shape: tuple[int, ...] = ()
    opened_ns: int = field(default_factory=time.time_ns)
    size: int = field(default=0, init=False)

    @cached_property
    def columns(self) -> tuple[ArrowColumn, ...]:
        """What its rows have."""
        return tuple(arrow_columns(self.schema))

    def shape_of(self, names: Sequence[str]) -> tuple[int, ...] | None:
        """Shape of a row of the array, if it has more than one dimension and these are all its columns."""
        is_whole = len(self.row_shape) > 1 and list(names) == self.schema.names
        return self.row_shape if is_whole else None

    @cached_property
    def unit_rows(self) -> IntArray:
        """Rows of each piece."""
        full, rest = divmod(self.num_rows, self.piece_rows)
        return np.array([self.piece_rows] * full + [rest] * bool(rest), np.int64)

    def identity(self) -> FileIdentity:
        """That it was opened then: what is in memory has no name by which anybody could find it again."""
        return FileIdentity(path=self.path, size=0, mtime_ns=self.opened_ns, ctime_ns=self.opened_ns, inode=0)

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any]:
        """The rows from a piece on; see `UnitFile`."""
        for start in range(first_unit * self.piece_rows, self.num_rows, rows):
            yield self.slice(start, min(start + rows, self.num_rows), names)

    def used_bytes(self, names: Sequence[str]) -> int:
        """A share of all bytes."""
        return self.held_bytes * len(names) // max(1, len(self.schema.names))

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """A piece."""
        return self.used_bytes(names) * self.piece_rows // max(self.piece_rows, self.num_rows)

    def describe(self) -> dict[str, Any]:
        """Nothing but what the table tells of its columns."""
        return {}


def arrow_units(table: pa.Table) -> MemoryUnits:
    """An Arrow table.

    Raises
    ------
    DataError
        It has no rows.
    """
    _require_rows(table.num_rows, "the table")

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        part = table.slice(start, stop - start).select(list(names)).combine_chunks()
        arrays = [_one(column) for column in part.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=part.schema)

    return MemoryUnits(
        path="arrow://table",
        schema=table.schema,
        num_rows=table.num_rows,
        slice=rows,
        held_bytes=table.nbytes,
    )


def frame_units(frame: Any) -> MemoryUnits:
    """A pandas frame, whose index is left alone.

    Raises
    ------
    DataError
        It has no rows, or a column holds values of several kinds.
    OptionError
        Two columns have one name.
    """
    _require_rows(len(frame), "the frame")
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise OptionError(f"the frame has several columns {twice!r}; give them different names")
    plain = frame if list(frame.columns) == names else frame.set_axis(names, axis=1)
    try:
        schema = pa.Schema.from_pandas(plain, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            f"the frame: {str(error).splitlines()[0]}; give each column values of one kind, for example with "
            "astype(str)"
        ) from error

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        chosen = pa.schema([schema.field(name) for name in names])
        return pa.RecordBatch.from_pandas(
            plain.iloc[start:stop][list(names)], schema=chosen, preserve_index=False, nthreads=1
        )

    return MemoryUnits(
        path="pandas://frame",
        schema=schema.remove_metadata(),
        num_rows=len(frame),
        slice=rows,
        held_bytes=int(frame.memory_usage(index=False).sum()),
    )


def mapping_units(columns: Mapping[str, Any]) -> MemoryUnits:
    """Columns by name: arrays or lists of equal length.

    Raises
    ------
    DataError
        They are not, or no columns.
    """
    try:
        return arrow_units(pa.table({str(name): column for name, column in columns.items()}))
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError) as error:
        said = str(error).splitlines()[0]
        raise DataError(
            f"no table can be made of the mapping ({said}); give columns of equal length"
        ) from error


def array_units(array: Any) -> MemoryUnits:
    """A NumPy array, a row along the first axis, with the columns ``#0``, ``#1``, ….

    Raises
    ------
    DataError
        It has no rows, or holds no numbers.
    """
    if array.ndim < 1 or array.dtype.kind not in "buif":
        raise DataError(f"expected an array of numbers with rows, got {array.dtype} of shape {array.shape}")
    _require_rows(len(array), "the array")
    flat = array.reshape(len(array), -1)
    kind = pa.from_numpy_dtype(flat.dtype.newbyteorder("="))
    schema = pa.schema([(f"#{place}", kind) for place in range(flat.shape[1])])

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        block = flat[start:stop, [int(name[1:]) for name in names]]
        columns = np.ascontiguousarray(block.T, flat.dtype.newbyteorder("="))
        return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], list(names))

    return MemoryUnits(
        path="numpy://array",
        schema=schema,
        num_rows=len(array),
        slice=rows,
        held_bytes=int(array.nbytes),
        row_shape=array.shape[1:],
    )


def _one(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    return column


def _require_rows(count: int, what: str) -> None:
    if not count:
        raise DataError(f"{what} has no rows; give one with rows")
