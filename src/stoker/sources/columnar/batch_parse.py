"""From a batch of columns to rows: a packed matrix, the label, texts, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.sources.chunks import ParsedChunk
from stoker.sources.columnar.batch_chunk import BatchChunk
from stoker.sources.columnar.batch_issues import Faults
from stoker.sources.columnar.lists import as_bytes, as_lists_of, not_images, why_no_image
from stoker.sources.columnar.times import beyond_calendar, is_moment, told_values, without_beyond
from stoker.sources.columnar.values import Numbers, as_numbers, as_texts
from stoker.sources.issues import IssueKind
from stoker.sources.number_columns import side_by_side, with_gaps
from stoker.sources.schema import Schema
from stoker.sources.weighing import refused_weights
from stoker.types import ColumnSpec, Matrix, Rows, is_number

__all__ = ["parse_batch"]

_EXACT = 1 << 53


def parse_batch(
    chunk: BatchChunk, schema: Schema, dtype: np.dtype[Any], out: npt.NDArray[Any] | None = None
) -> ParsedChunk:
    """A chunk's rows and issues; see `Source.parse`."""
    batch, faults = chunk.rows, Faults(schema.used)
    numbers = [
        _feature(batch.column(column.name), column, schema, faults)
        for column in schema.features
        if is_number(column.kind)
    ]
    matrix = side_by_side(numbers, chunk.num_records, dtype, out)
    columns: dict[str, Any] = {}
    for column in schema.arrays:
        columns[column.name] = _beside(batch.column(column.name), column, schema, faults)
    for answer in schema.answer_numbers:
        values = batch.column(answer.name)
        columns[answer.name] = _answer(values, answer, faults, is_weight=answer == schema.weight)
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
            shown=lambda column, row: _shown(
                batch.column(schema.used[column]), row, is_image=schema.used[column] in schema.images
            ),
        ),
    )


def _feature(array: Any, column: ColumnSpec, schema: Schema, faults: Faults) -> npt.NDArray[Any]:
    integers = column.kind == "int" and column.name in schema.declared
    found = as_numbers(array, integers=integers)
    faults.add(column.name, IssueKind.BLANK, found.blank)
    faults.add(column.name, IssueKind.NOT_A_NUMBER, found.wrong)
    values = _finite(found, column.name, faults)
    is_whole = pa.types.is_integer(array.type) or pa.types.is_boolean(array.type)
    return with_gaps(values) if is_whole and found.blank is not None else values


def _finite(found: Numbers, name: str, faults: Faults) -> npt.NDArray[Any]:
    values = found.values
    if not found.is_finite:
        beyond = np.isinf(values)
        if beyond.any():
            faults.add(name, IssueKind.NOT_FINITE, beyond)
            values = np.where(beyond, 0, values)
    return values


def _answer(array: Any, label: ColumnSpec, faults: Faults, *, is_weight: bool) -> npt.NDArray[Any]:
    """A label's or the weight's numbers, int64 or float64; 0 where there is none."""
    found = as_numbers(array, integers=label.kind == "int")
    faults.add(label.name, IssueKind.BLANK, found.blank)
    faults.add(label.name, IssueKind.NOT_A_NUMBER, found.wrong)
    values = _finite(found, label.name, faults)
    if label.kind == "float":
        numbers: npt.NDArray[Any] = values.astype(np.float64)
        for kind, wrong in refused_weights(numbers) if is_weight else ():
            faults.add(label.name, kind, wrong)
        return numbers
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), 0, values)
    if values.dtype.itemsize == 8 and len(values):
        inexact = (values > _EXACT) | (values < -_EXACT)
        if inexact.any():
            faults.add(label.name, IssueKind.INEXACT, inexact)
            values = np.where(inexact, 0, values)
    return values.astype(np.int64)


def _beside(array: Any, column: ColumnSpec, schema: Schema, faults: Faults) -> Any:
    """Values that are no numbers, as Arrow holds them."""
    if column.kind == "text":
        return _texts(array, column.name, schema, faults)
    if column.kind == "bytes":
        held = as_bytes(array)
        if column.name in schema.images:
            faults.add(column.name, IssueKind.BAD_IMAGE, not_images(held))
        return held
    lists, wrong = as_lists_of(array, column.kind)
    faults.add(column.name, IssueKind.BAD_LIST, wrong)
    return lists


def _shown(array: Any, row: int, *, is_image: bool) -> str:
    """A value that is wrong, for people; of an image what is wrong with it."""
    if is_image:
        return why_no_image(array[row])
    if is_moment(array.type):
        return str(told_values(array.slice(row, 1))[0])
    return str(array[row].as_py())


def _texts(array: Any, name: str, schema: Schema, faults: Faults) -> Any:
    large = name in schema.learned_texts
    beyond = beyond_calendar(array)
    if beyond is not None:
        faults.add(name, IssueKind.OUT_OF_RANGE, beyond)
        array = without_beyond(array, beyond)
    texts, broken = as_texts(array, large=large)
    if not large:
        faults.add(name, IssueKind.BAD_TEXT, broken)
    if schema.is_answer(name):
        blank = np.diff(_bounds(texts)) == 0
        blank = blank if beyond is None else blank & ~beyond
        faults.add(name, IssueKind.BLANK, blank if blank.any() else None)
    return texts


def _bounds(texts: Any) -> npt.NDArray[Any]:
    if not len(texts):
        return np.zeros(1, np.int32)
    offsets = np.frombuffer(texts.buffers()[1], np.int32)
    return offsets[texts.offset : texts.offset + len(texts) + 1]
