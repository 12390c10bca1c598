"""From a batch of columns to rows: a packed matrix, the label, texts, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.kernels.csv import DTYPES
from stoker.sources.chunks import ParsedChunk
from stoker.sources.columnar.batch_chunk import BatchChunk
from stoker.sources.columnar.batch_issues import Faults
from stoker.sources.columnar.values import Numbers, as_numbers, as_texts
from stoker.sources.issues import IssueKind
from stoker.sources.schema import Schema
from stoker.types import ColumnSpec, Matrix, Rows

__all__ = ["parse_batch"]

_KNOWN = tuple(np.dtype(kind) for kind in DTYPES)
_FLOAT64 = _KNOWN[-1]
_BLOCK_ROWS = 1 << 10
_EXACT = 1 << 53


def parse_batch(
    chunk: BatchChunk, schema: Schema, dtype: np.dtype[Any], out: npt.NDArray[Any] | None = None
) -> ParsedChunk:
    """A chunk's rows and issues; see `Source.parse`."""
    if dtype not in _KNOWN:
        raise OptionError(f"dtype must be one of {', '.join(map(str, _KNOWN))}, got {dtype}")
    batch, faults = chunk.rows, Faults(schema.used)
    numbers = [
        _feature(batch.column(column.name), column, schema, faults)
        for column in schema.features
        if column.kind != "text"
    ]
    matrix = _packed(numbers, chunk.num_records, dtype, out)
    columns: dict[str, Any] = {}
    for name in schema.texts:
        columns[name] = _texts(batch.column(name), name, schema, faults)
    label = schema.label
    if label is not None and label.kind != "text":
        columns[label.name] = _label(batch.column(label.name), label, faults)
    return ParsedChunk(
        file_index=chunk.file_index,
        first_row=chunk.first_row,
        num_records=chunk.num_records,
        rows=Rows(
            num_rows=chunk.num_records,
            features=schema.numeric,
            matrix=Matrix.of(matrix) if numbers else None,
            columns=columns,
        ),
        dtype=matrix.dtype,
        issues=faults.issues(
            file_index=chunk.file_index,
            first_row=chunk.first_row,
            offset=chunk.offset,
            shown=lambda column, row: str(batch.column(schema.used[column])[row].as_py()),
        ),
    )


def _feature(array: Any, column: ColumnSpec, schema: Schema, faults: Faults) -> npt.NDArray[Any]:
    integers = column.kind == "int" and column.name in schema.declared
    found = as_numbers(array, integers=integers)
    faults.add(column.name, IssueKind.BLANK, found.blank)
    faults.add(column.name, IssueKind.NOT_A_NUMBER, found.wrong)
    return _finite(found, column.name, faults)


def _finite(found: Numbers, name: str, faults: Faults) -> npt.NDArray[Any]:
    values = found.values
    if values.dtype.kind == "f":
        beyond = np.isinf(values)
        if beyond.any():
            faults.add(name, IssueKind.NOT_FINITE, beyond)
            values = np.where(beyond, 0, values)
    return values


def _label(array: Any, label: ColumnSpec, faults: Faults) -> npt.NDArray[Any]:
    """The label's numbers, int64 or float64; 0 where there is none."""
    found = as_numbers(array, integers=label.kind == "int")
    faults.add(label.name, IssueKind.BLANK, found.blank)
    faults.add(label.name, IssueKind.NOT_A_NUMBER, found.wrong)
    values = _finite(found, label.name, faults)
    if label.kind == "float":
        return values.astype(np.float64)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), 0, values)
    if values.dtype.itemsize == 8 and len(values):
        inexact = (values > _EXACT) | (values < -_EXACT)
        if inexact.any():
            faults.add(label.name, IssueKind.INEXACT, inexact)
            values = np.where(inexact, 0, values)
    return values.astype(np.int64)


def _texts(array: Any, name: str, schema: Schema, faults: Faults) -> Any:
    large = name in schema.learned_texts
    texts, broken = as_texts(array, large=large)
    if not large:
        faults.add(name, IssueKind.BAD_TEXT, broken)
    if schema.label is not None and name == schema.label.name and schema.label.kind == "text":
        blank = np.diff(_bounds(texts)) == 0
        faults.add(name, IssueKind.BLANK, blank if blank.any() else None)
    return texts


def _bounds(texts: Any) -> npt.NDArray[Any]:
    if not len(texts):
        return np.zeros(1, np.int32)
    offsets = np.frombuffer(texts.buffers()[1], np.int32)
    return offsets[texts.offset : texts.offset + len(texts) + 1]


def _packed(
    columns: list[npt.NDArray[Any]], count: int, dtype: np.dtype[Any], out: npt.NDArray[Any] | None
) -> npt.NDArray[Any]:
    """Columns side by side, in the narrowest type from `dtype` on that holds them all; in `out` if it can."""
    for values in columns:
        dtype = max(dtype, _narrowest(values, dtype), key=_KNOWN.index)
        if dtype == _FLOAT64:
            break
    matrix = out if out is not None and out.dtype == dtype else np.empty((count, len(columns)), dtype)
    # A few rows at a time, so that those being written stay in the core's cache.
    for start in range(0, count, _BLOCK_ROWS):
        block = matrix[start : start + _BLOCK_ROWS]
        for place, values in enumerate(columns):
            block[:, place] = values[start : start + _BLOCK_ROWS]
    return matrix


def _narrowest(values: npt.NDArray[Any], least: np.dtype[Any]) -> np.dtype[Any]:
    """The first of the matrix types that holds all values; not looked for below `least`."""
    if values.dtype.kind == "f":
        return _FLOAT64
    if not len(values) or np.can_cast(values.dtype, least):
        return _KNOWN[0]
    low, high = int(values.min()), int(values.max())
    bounds = ((kind, np.iinfo(kind.name)) for kind in _KNOWN[:-1])
    return next((kind for kind, most in bounds if most.min <= low and high <= most.max), _FLOAT64)
