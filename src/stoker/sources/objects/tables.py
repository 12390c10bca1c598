"""Tables in memory: a `stoker.sources.columnar.units.UnitFile` each; nothing is copied but what is read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import DataError
from stoker.sources.columnar.arrow_kinds import ArrowColumn, arrow_columns
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.files import FileIdentity
from stoker.sources.objects.frames import frame_schema, named_frame
from stoker.sources.objects.tensors import flat_schema, flat_table, shapes_of
from stoker.sources.remote import is_remote
from stoker.types import IntArray

__all__ = ["MemoryUnits", "address_of", "array_units", "arrow_units", "frame_units", "mapping_units"]

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
    shapes
        By column the shape of the array that it holds in each row, as a list of a fixed size.
    row_shape
        Shape of a row of the array that they are; empty where they are none.
    """

    path: str
    schema: pa.Schema
    num_rows: int
    slice: Slice
    held_bytes: int
    piece_rows: int = SEGMENT_ROWS
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    row_shape: tuple[int, ...] = ()
    opened_ns: int = field(default_factory=time.time_ns)
    size: int = field(default=0, init=False)

    @cached_property
    def columns(self) -> tuple[ArrowColumn, ...]:
        """What its rows have."""
        return tuple(arrow_columns(self.schema))

    def shape_of(self, names: Sequence[str]) -> tuple[int, ...] | None:
        """Shape of a row of an array, if it has more than one dimension and these are all its columns."""
        for name, shape in self.shapes.items():
            if len(shape) > 1 and list(names) == [f"{name}[{place}]" for place in range(math.prod(shape))]:
                return shape
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


def address_of(rows: Any, name: str) -> str:
    """What the rows of an object are called: behind its library, or ``python`` where that makes no address.

    Examples
    --------
    >>> address_of(np.ma.array([1]), "rows")
    'numpy://rows'
    >>> address_of(type("Scans", (), {"__module__": "__main__"})(), "Scans")
    'python://Scans'
    """
    address = f"{type(rows).__module__.partition('.')[0]}://{name}"
    return address if is_remote(address) else f"python://{name}"


def arrow_units(table: pa.Table) -> MemoryUnits:
    """An Arrow table."""

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        return _batch(flat_table(table.slice(start, stop - start).select(list(names))))

    return MemoryUnits(
        path="arrow://table",
        schema=flat_schema(table.schema),
        shapes=shapes_of(table.schema),
        num_rows=table.num_rows,
        slice=rows,
        held_bytes=table.nbytes,
    )


def frame_units(frame: Any) -> MemoryUnits:
    """A pandas frame: its columns, and behind them the levels of its index that have names.

    Raises
    ------
    DataError
        A column holds values of several kinds.
    OptionError
        Two columns have one name.
    """
    plain = named_frame(frame)
    schema = frame_schema(plain)

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        chosen = pa.schema([schema.field(name) for name in names])
        # Not RecordBatch.from_pandas: a frame's column may be in several chunks, and a batch's may not.
        return _batch(pa.Table.from_pandas(plain.iloc[start:stop], chosen, preserve_index=True, nthreads=1))

    return MemoryUnits(
        path="pandas://frame",
        schema=schema,
        num_rows=len(frame),
        slice=rows,
        held_bytes=int(frame.memory_usage(index=len(schema) > len(plain.columns)).sum()),
    )


def mapping_units(columns: Mapping[str, Any]) -> MemoryUnits:
    """Columns by name: arrays or lists of equal length, of two dimensions where rows are lists.

    Raises
    ------
    DataError
        They are not, or no columns.
    """
    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        try:
            arrays[str(name)] = _as_arrow(values)
        except (
            pa.ArrowInvalid,
            pa.ArrowTypeError,
            pa.ArrowNotImplementedError,
            ValueError,
            TypeError,
        ) as error:
            said = str(error).splitlines()[0]
            raise DataError(
                f"no table can be made of the mapping (column {str(name)!r}: {said}); give each column as an "
                "array or a list of values of one kind"
            ) from error
    first = next(iter(arrays), "")
    for name, array in arrays.items():
        if len(array) != len(arrays[first]):
            raise DataError(
                f"column {name!r} has {len(array):,} rows and column {first!r} has {len(arrays[first]):,}: "
                "give columns of equal length"
            )
    return arrow_units(pa.table(arrays))


def _as_arrow(values: Any) -> Any:
    """A column as Arrow has it; NaN among objects and numbers is no value, as in a frame."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, np.ndarray) and values.ndim > 1:
        flat = pa.array(np.ascontiguousarray(values).reshape(-1), from_pandas=True)
        return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))
    return pa.array(values, from_pandas=True)


def array_units(array: Any, names: Sequence[str] = ()) -> MemoryUnits:
    """A NumPy array, a row along the first axis, with columns of these names, or ``#0``, ``#1``, ….

    Raises
    ------
    DataError
        It holds no numbers, or has no rows along its first axis.
    """
    if array.ndim < 1 or array.dtype.kind not in "buif":
        raise DataError(f"expected an array of numbers with rows, got {array.dtype} of shape {array.shape}")
    flat = array.reshape(len(array), int(np.prod(array.shape[1:])))
    kind = pa.from_numpy_dtype(flat.dtype.newbyteorder("="))
    places = {name: place for place, name in enumerate(names or [f"#{i}" for i in range(flat.shape[1])])}
    schema = pa.schema([(name, kind) for name in places])

    def rows(start: int, stop: int, names: Sequence[str]) -> pa.RecordBatch:
        block = flat[start:stop, [places[name] for name in names]]
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


def _batch(table: pa.Table) -> pa.RecordBatch:
    """The rows of a table in one piece each column; those in one piece already are not copied."""
    arrays = [_one(column) for column in table.combine_chunks().columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema.remove_metadata())


def _one(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    return column
