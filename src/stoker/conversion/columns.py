"""The columns of a conversion: which there are, as which types they are written, and tables of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.cache.filling import numbers_array
from stoker.conversion.digits import integers_of
from stoker.kernels.gather import gather, storage_of
from stoker.sources import Source
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.held import value_bounds
from stoker.survey import Survey
from stoker.types import ColumnSpec, IntArray, Rows
from stoker.types.arrow import arrow_type, is_list

__all__ = [
    "Layout",
    "layout_of",
    "rounded_columns",
    "single_columns",
    "table_columns",
    "uncertain_columns",
]

_EXACT = float(1 << 53)
_BEYOND_INT64 = float(1 << 63)
_NARROW = (
    (pa.uint8(), 0, 255),
    (pa.int16(), -(1 << 15), (1 << 15) - 1),
    (pa.int32(), -(1 << 31), (1 << 31) - 1),
)
"""Integer types of less than 64 bits, with their least and greatest values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One column: of the matrix, at `place`, or beside it; `digits` are integers that come as text."""

    name: str
    place: int
    type: pa.DataType
    has_blanks: bool
    digits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is written of each row.

    Attributes
    ----------
    columns
        In the order of the file.
    text_bytes
        Of a row, on average.
    """

    columns: tuple[_Column, ...]
    text_bytes: float

    @property
    def schema(self) -> pa.Schema:
        """Names and types."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    @property
    def row_bytes(self) -> int:
        """What a row takes in memory, about."""
        fixed = sum(_fixed_bytes(kind) for kind in self.schema.types)
        return int(fixed + sum(column.has_blanks for column in self.columns) / 8 + self.text_bytes) + 1

    def table(self, rows: Rows, take: IntArray | None = None) -> pa.Table:
        """Rows as a table: all of them, or the row numbers `take` in that order."""
        count = rows.num_rows if take is None else len(take)
        if take is None and rows.index is not None:
            take = np.arange(count, dtype=np.int64)
        places = None if take is None else rows.places(take)
        matrix = _matrix(rows, places)
        arrays = []
        for column in self.columns:
            if column.place >= 0:
                assert matrix is not None
                arrays.append(_numbers(matrix[:, column.place], column))
            else:
                arrays.append(_beside(rows.columns[column.name], places, column))
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _fixed_bytes(kind: pa.DataType) -> int:
    """What a value takes, less that of any length."""
    is_long = is_list(kind) or pa.types.is_large_binary(kind)
    return 4 if pa.types.is_string(kind) else 8 if is_long else int(kind.bit_width // 8)


def table_columns(source: Source, as_text: Sequence[str] = ()) -> Source:
    """The source with all its columns as features in the order of the file, the label and kept ones too."""
    schema = source.table.schema
    places = {name: place for place, name in enumerate(schema.file_names)}
    used = list(schema.columns)
    if all(column.name in places for column in used):
        used.sort(key=lambda column: places[column.name])
    features = tuple(
        ColumnSpec(name=column.name, kind="text" if column.name in as_text else column.kind)
        for column in used
    )
    table = source.table.with_schema(replace(schema, features=features, labels=(), weight=None, kept=()))
    return replace(source, table=table)


def rounded_columns(found: Survey) -> tuple[str, ...]:
    """Columns of integers that the matrix holds rounded: beyond 2**53 where it holds fractions elsewhere."""
    if found.dtype.kind != "f":
        return ()
    seen = found.statistics
    with np.errstate(invalid="ignore"):
        beyond = seen.integral & (np.maximum(np.abs(seen.minimum), np.abs(seen.maximum)) >= _EXACT)
    kinds = {column.name: column.kind for column in found.source.columns}
    return tuple(name for name, is_beyond in zip(found.features, beyond.tolist(), strict=True)
                 if is_beyond and kinds[name] == "int")  # fmt: skip


def uncertain_columns(found: Survey, rounded: Collection[str]) -> tuple[str, ...]:
    """Of the rounded columns those of which floats do not tell whether int64 holds them."""
    seen = found.statistics
    ends = zip(found.features, np.abs(seen.minimum).tolist(), np.abs(seen.maximum).tolist(), strict=True)
    return tuple(name for name, *both in ends if name in rounded and max(both) == _BEYOND_INT64)


def single_columns(source: Source) -> frozenset[str]:
    """Columns of numbers that are float32 or less in every file, and so lose nothing as float32."""
    table = source.table
    if not isinstance(table, ColumnarTable):
        return frozenset()
    floats = {column.name for column in source.columns if column.kind == "float"}
    for file in table.files:
        floats &= {column.name for column in file.columns if column.type in (pa.float16(), pa.float32())}
    return frozenset(floats)


def layout_of(
    found: Survey,
    digits: Survey | None = None,
    singles: Collection[str] = (),
    held: Collection[str] = (),
) -> Layout:
    """Types by what the survey saw in the view's rows: the narrowest integers, float64, strings.

    Parameters
    ----------
    found
        Of a source made by `table_columns`.
    digits
        An earlier survey, of the columns of integers that now come as text.
    singles
        Columns that are written as float32.
    held
        Columns of integers that come as text, and are known to fit int64.
    """
    before = {} if digits is None else _numeric(digits, singles, held)
    numeric = _numeric(found, singles, held)
    columns = []
    for feature in found.source.columns:
        if feature.name in numeric:
            place, kind, has_blanks = numeric[feature.name]
            columns.append(_Column(name=feature.name, place=place, type=kind, has_blanks=has_blanks))
        else:
            kind = before[feature.name][1] if feature.name in before else arrow_type(feature.kind)
            is_digits = feature.name in before and not pa.types.is_string(kind)
            columns.append(_Column(name=feature.name, place=-1, type=kind, has_blanks=True, digits=is_digits))
    return Layout(columns=tuple(columns), text_bytes=found.text_bytes / max(1, found.num_slots))


def _numeric(
    found: Survey, singles: Collection[str], held: Collection[str]
) -> dict[str, tuple[int, pa.DataType, bool]]:
    """Place in the matrix, type, and whether there are blanks, by the names of numeric columns."""
    seen = found.statistics
    kinds = {column.name: column.kind for column in found.source.columns}
    numeric = {}
    for place, name in enumerate(found.features):
        kind: pa.DataType = pa.float32() if name in singles else pa.float64()
        if kinds[name] == "int" and seen.integral[place]:
            is_held = found.dtype.kind != "f" or name in held
            kind = _integer(float(seen.minimum[place]), float(seen.maximum[place]), is_held=is_held)
        numeric[name] = (place, kind, bool(seen.blanks[place]))
    return numeric


def _integer(least: float, greatest: float, *, is_held: bool) -> pa.DataType:
    """The narrowest type; strings for what int64 does not hold, as floats tell unless `is_held` is known."""
    for kind, low, high in _NARROW:
        if low <= least and greatest <= high:
            return kind
    return pa.int64() if is_held or max(-least, greatest) < _BEYOND_INT64 else pa.string()


def _matrix(rows: Rows, places: IntArray | None) -> npt.NDArray[Any] | None:
    matrix = rows.matrix
    if matrix is None:
        return None
    if places is None:
        return matrix.values[: rows.num_rows * matrix.num_columns].reshape(rows.num_rows, -1)
    packed = np.empty((len(places), matrix.num_columns), matrix.values.dtype)
    gather(*storage_of(matrix), places, packed)
    return packed


def _numbers(values: npt.NDArray[Any], column: _Column) -> pa.Array:
    dtype = np.dtype(column.type.to_pandas_dtype())
    if not column.has_blanks or values.dtype.kind != "f":
        return numbers_array(values.astype(dtype, copy=True))
    blank = np.isnan(values)
    dense = np.where(blank, 0.0, values).astype(dtype)
    valid = pa.py_buffer(np.packbits(~blank, bitorder="little"))
    return pa.Array.from_buffers(column.type, len(dense), [valid, pa.py_buffer(dense)])


def _beside(values: Any, places: IntArray | None, column: _Column) -> pa.Array:
    taken = values if places is None else values.take(numbers_array(places))
    taken = taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
    if not pa.types.is_string(column.type) and not column.digits:
        return _with_nulls(taken)
    if column.digits:
        return integers_of(taken.cast(pa.string()), column.type)
    taken = taken.cast(pa.string())
    empty = pc.equal(taken, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), taken) if pc.any(empty).as_py() else taken


def _with_nulls(values: pa.Array) -> pa.Array:
    """Bytes or lists, with nulls for those that are empty; their own memory."""
    empty = np.diff(value_bounds(values)) == 0
    if not empty.any():
        return values
    whole = pa.concat_arrays([values]) if values.offset else values
    valid = pa.py_buffer(np.packbits(~empty, bitorder="little"))
    inside = whole.buffers()[1:]
    if not is_list(whole.type):
        return pa.Array.from_buffers(whole.type, len(whole), [valid, *inside])
    return pa.Array.from_buffers(whole.type, len(whole), [valid, inside[0]], children=[whole.values])
