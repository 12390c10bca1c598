"""Rows in memory, in the forms that users hold them: frames, tables, mappings, arrays, lists of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import ColumnError, DataError, OptionError
from stoker.sources.columnar.lists import as_bytes, as_lists_of
from stoker.sources.columnar.values import normalised
from stoker.transforms.chunks import as_texts
from stoker.types import KIND_WORDS, ColumnKind
from stoker.types.arrow import arrow_type

__all__ = [
    "columns_of",
    "common_length",
    "is_texts",
    "kept_of",
    "labels_of",
    "numbers_of",
    "texts_of",
    "values_of",
]


def is_texts(rows: Any) -> bool:
    """Whether these are texts one by one: a list or an array of strings, not a frame of columns."""
    if isinstance(rows, list | tuple):
        return all(isinstance(text, str | bytes) or text is None for text in rows)
    if isinstance(rows, pa.Array | pa.ChunkedArray):
        return bool(pa.types.is_string(rows.type) or pa.types.is_large_string(rows.type))
    if not isinstance(rows, np.ndarray) and (not hasattr(rows, "iloc") or hasattr(rows, "columns")):
        return False  # neither an array nor a pandas Series
    return len(rows.shape) == 1 and getattr(rows.dtype, "kind", "O") in "OUT"


def _as_array(texts: Any) -> Any:
    return texts.array if hasattr(texts, "iloc") else texts


def columns_of(frame: Any, features: Sequence[str]) -> Mapping[str, Any]:
    """Columns by name of a frame, a table or a mapping; of an array or of texts those that `features` names.

    Raises
    ------
    ColumnError
        If an array has another number of columns.
    OptionError
        If it is nothing of that kind.
    """
    if len(features) == 1 and is_texts(frame):
        return {features[0]: frame if isinstance(frame, pa.ChunkedArray) else _as_array(frame)}
    if isinstance(frame, np.ndarray):
        if frame.ndim != 2 or frame.shape[1] != len(features):
            raise ColumnError(f"expected an array of shape (n, {len(features)}), got {frame.shape}")
        return {name: frame[:, place] for place, name in enumerate(features)}
    if isinstance(frame, Mapping):
        columns = {str(name): _as_column(column) for name, column in frame.items()}
    elif isinstance(frame, pa.Table):
        columns = {name: frame.column(name) for name in frame.column_names}
    elif hasattr(frame, "columns") and hasattr(frame, "iloc"):
        columns = {str(name): frame[name].array for name in frame.columns}
    else:
        raise OptionError(
            "expected a path, a Source, a pandas frame, an Arrow table, a mapping or an array of columns, "
            f"or for a model of texts a list of them, got {type(frame).__name__}"
        )
    return columns


def _as_column(values: Any) -> npt.NDArray[Any]:
    """Values as an array along the rows, of lists of any length too."""
    try:
        return np.asarray(values)
    except ValueError:
        ragged = np.empty(len(values), object)
        ragged[:] = values
        return ragged


def common_length(columns: Mapping[str, Any], used: Sequence[str]) -> int:
    """Rows of the `used` columns.

    Raises
    ------
    OptionError
        If two of them have different lengths.
    """
    first = len(columns[used[0]])
    for name in used:
        if len(columns[name]) != first:
            raise OptionError(
                f"column {name!r} has {len(columns[name]):,} rows and column {used[0]!r} has {first:,}: "
                "all columns need the same number"
            )
    return first


def texts_of(column: Any, name: str) -> Any:
    """Texts of a column as Arrow has them; what is missing is an empty text.

    Raises
    ------
    ColumnError
        If it holds something else.
    """
    try:
        values = column if isinstance(column, pa.ChunkedArray) else pa.array(column, from_pandas=True)
        return as_texts(values)
    except (pa.ArrowException, DataError) as error:
        raise ColumnError(f"column {name!r} of the frame holds no texts: {error}") from error


def values_of(column: Any, name: str, kind: ColumnKind) -> tuple[Any, npt.NDArray[np.bool_] | None]:
    """Bytes or lists of numbers as files give them, and which lists are none.

    Raises
    ------
    ColumnError
        If the column holds something else.
    """
    try:
        values = normalised(
            column if isinstance(column, pa.ChunkedArray) else pa.array(list(column), from_pandas=True)
        )
        if pa.types.is_null(values.type) or not len(values):
            values = pa.array([None] * len(values), arrow_type(kind))
        return (as_bytes(values), None) if kind == "bytes" else as_lists_of(values, kind)
    except (pa.ArrowException, TypeError) as error:
        raise ColumnError(f"column {name!r} of the frame holds no {KIND_WORDS[kind]}: {error}") from error


def numbers_of(column: Any, name: str) -> npt.NDArray[np.float64]:
    """A column as float64, NaN where a value is missing.

    Raises
    ------
    ColumnError
        If it holds something else.
    """
    try:
        values = pa.array(column, from_pandas=True) if not isinstance(column, pa.ChunkedArray) else column
        numbers = (
            values.cast(pa.float64()).to_numpy(zero_copy_only=False)
            if isinstance(values, pa.Array)
            else (values.cast(pa.float64()).to_numpy())
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ColumnError(f"column {name!r} of the frame holds no numbers: {error}") from error
    return cast("npt.NDArray[np.float64]", np.asarray(numbers, np.float64))


def kept_of(column: Any) -> Any:
    """As Arrow, texts in the one type that files give."""
    values = column if isinstance(column, pa.ChunkedArray) else pa.array(column, from_pandas=True)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    return values


def labels_of(column: Any) -> Any:
    """Labels: int64, float64, or Arrow strings."""
    values = column if isinstance(column, pa.ChunkedArray) else pa.array(column, from_pandas=True)
    if pa.types.is_integer(values.type):
        return np.asarray(values, np.int64)
    if pa.types.is_floating(values.type):
        return np.asarray(values, np.float64)
    return values.cast(pa.string())
