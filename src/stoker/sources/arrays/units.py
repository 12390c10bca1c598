"""Arrays of equally many rows as one table: a `stoker.sources.columnar.units.UnitFile`."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.sources.arrays.sparse import SPARSE_COLUMNS, SparseArray
from stoker.sources.arrays.stored import StoredArray
from stoker.sources.columnar.arrow_kinds import ArrowColumn
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.files import FileIdentity, identify
from stoker.sources.remote.names import READING_BYTES, is_remote
from stoker.types import IntArray
from stoker.types.arrow import arrow_type

__all__ = ["ArrayUnits", "column_names"]

_LISTS = (arrow_type("ints"), arrow_type("floats"))

_FLAT = 2
"""Dimensions of an array whose rows are numbers side by side."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayUnits:
    """Arrays side by side.

    Attributes
    ----------
    path
        The file, or the one of the features where the label has another.
    arrays
        By the name from which those of their columns are made; ``""`` for one that needs none.
    """

    path: str
    arrays: Mapping[str, StoredArray]

    @cached_property
    def columns(self) -> tuple[ArrowColumn, ...]:
        """Each array's columns, in order: ``x[0]``, ``x[1]``, …, ``#0``, ``#1``, … of one without a name."""
        found = []
        for name, array in self.arrays.items():
            names = column_names(name, array)
            kinds = _LISTS if isinstance(array, SparseArray) else [_arrow_type(array.dtype)] * len(names)
            found += [
                ArrowColumn(column, column, -1, kind) for column, kind in zip(names, kinds, strict=True)
            ]
        return tuple(found)

    @cached_property
    def size(self) -> int:
        """Bytes of the files when they were opened."""
        return self.identity().size

    @property
    def num_rows(self) -> int:
        """Rows of each array."""
        return next(iter(self.arrays.values())).shape[0]

    @property
    def is_packed(self) -> bool:
        """Whether rows can be read from the first on only."""
        return any(array.is_packed for array in self.arrays.values())

    @cached_property
    def unit_rows(self) -> IntArray:
        """A segment's rows each, for any row can be read by itself; all of them where arrays are packed."""
        if self.is_packed:
            return np.array([self.num_rows], np.int64)
        full, rest = divmod(self.num_rows, SEGMENT_ROWS)
        return np.array([SEGMENT_ROWS] * full + [rest] * bool(rest), np.int64)

    def shape_of(self, names: Sequence[str]) -> tuple[int, ...] | None:
        """Shape of a row of the array whose columns these are, if it is no mere row of numbers."""
        for array, columns in self._by_array():
            if len(array.shape) > _FLAT and tuple(columns) == tuple(names):
                return array.shape[1:]
        return None

    def identity(self) -> FileIdentity:
        """What the file system says of the files now, as of one."""
        found = [identify(path) for path in dict.fromkeys(array.path for array in self.arrays.values())]
        return FileIdentity(
            path=self.path,
            size=sum(one.size for one in found),
            mtime_ns=max(one.mtime_ns for one in found),
            ctime_ns=max(one.ctime_ns for one in found),
            inode=found[0].inode,
        )

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any, None, None]:
        """The rows from a unit on; see `UnitFile`."""
        first = int(self.unit_rows[:first_unit].sum())
        wanted = set(names)
        used = [
            (array, [(place, column) for place, column in enumerate(columns) if column in wanted])
            for array, columns in self._by_array()
        ]
        used = [(array, columns) for array, columns in used if columns]
        for blocks in zip(*(_blocks(array, first, rows) for array, _ in used), strict=True):
            arrays: list[Any] = []
            called: list[str] = []
            for block, (array, columns) in zip(blocks, used, strict=True):
                places = [place for place, _ in columns]
                if isinstance(array, SparseArray):
                    arrays += [block[place] for place in places]
                else:
                    arrays += _columns_of(block, places, _arrow_type(array.dtype))
                called += [column for _, column in columns]
            yield pa.RecordBatch.from_arrays(arrays, called)

    def _by_array(self) -> Iterator[tuple[StoredArray, Sequence[str]]]:
        for name, array in self.arrays.items():
            yield array, column_names(name, array)

    def used_bytes(self, names: Sequence[str]) -> int:
        """Bytes of the arrays of which a column is used."""
        wanted = set(names)
        return sum(_num_bytes(array) for array, columns in self._by_array() if wanted.intersection(columns))

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """A block as it stands in the file, and what comes ahead of one elsewhere."""
        rows = max(1, self.num_rows)
        ahead = READING_BYTES * len(self.arrays) if is_remote(self.path) else 0
        return ahead + self.used_bytes(names) * min(rows, SEGMENT_ROWS) // rows

    def describe(self) -> dict[str, Any]:
        """Types and shapes, without the number of rows."""
        return {
            "arrays": [[name, array.dtype.str, list(array.shape[1:])] for name, array in self.arrays.items()]
        }


def column_names(name: str, array: StoredArray) -> Sequence[str]:
    """What the columns of an array are called."""
    if isinstance(array, SparseArray):
        return SPARSE_COLUMNS
    width = int(np.prod(array.shape[1:], dtype=np.int64))
    if width == 1:
        return [name or "#0"]
    return [f"{name}[{place}]" if name else f"#{place}" for place in range(width)]


def _blocks(array: StoredArray, first: int, rows: int) -> Iterator[Any]:
    return array.lists(first, rows) if isinstance(array, SparseArray) else array.blocks(first, rows)


def _num_bytes(array: StoredArray) -> int:
    if isinstance(array, SparseArray):
        return sum(_num_bytes(part) for part in (array.indptr, array.indices, array.data))
    return int(np.prod(array.shape, dtype=np.int64)) * max(1, array.dtype.itemsize)


def _arrow_type(dtype: np.dtype[Any]) -> pa.DataType:
    if dtype.kind in "US":
        return pa.string()
    if dtype == np.float16:
        return pa.float32()
    return pa.from_numpy_dtype(dtype.newbyteorder("="))


def _columns_of(block: npt.NDArray[Any], places: Sequence[int], kind: pa.DataType) -> list[Any]:
    """Columns of a block of rows as Arrow arrays."""
    if pa.types.is_string(kind):
        return [pa.array(_decoded(block[:, place]), kind) for place in places]
    if block.dtype == np.float16:
        block = block.astype(np.float32)
    chosen = block if len(places) == block.shape[1] else block[:, places]
    return [pa.array(column) for column in np.ascontiguousarray(chosen.T)]


def _decoded(values: npt.NDArray[Any]) -> list[str]:
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values.tolist()
    ]
