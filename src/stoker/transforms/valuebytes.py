"""The values of one column as bytes that kernels count: texts as they are, numbers as eight bytes each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import ColumnError, DataError
from stoker.kernels.frozen import frozen
from stoker.kernels.gather import gather_columns, storage_of
from stoker.transforms.base import checked_places, nearest
from stoker.transforms.chunks import as_texts, text_buffers
from stoker.types import IntArray, Rows

__all__ = [
    "ValueBytes",
    "ValueKind",
    "column_bytes",
    "decoded_values",
    "encoded_values",
    "text_bytes",
]

ValueKind: TypeAlias = Literal["text", "int", "float"]

_AHEAD = 8
"""Bytes that kernels may read from any byte of a value on."""
_EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class ValueBytes:
    """Value i is ``data[offsets[i] : offsets[i + 1]]``; a blank has no byte.

    Attributes
    ----------
    kind
        What the bytes are: UTF-8, or a little-endian int64 or float64 each.
    data
        uint8, read-only.
    offsets
        int64 of shape (n + 1,), ascending, read-only.
    """

    kind: ValueKind
    data: npt.NDArray[np.uint8]
    offsets: IntArray

    def __len__(self) -> int:
        return self.offsets.size - 1

    @property
    def blanks(self) -> int:
        """Values without a byte."""
        return int(np.count_nonzero(self.offsets[1:] == self.offsets[:-1]))

    def told(self, at: int) -> str:
        """A value as errors show it."""
        held = self.data[int(self.offsets[at]) : int(self.offsets[at + 1])]
        if not held.size:
            return "a blank"
        if self.kind == "text":
            return f"{held.tobytes().decode(errors='replace')!r:.80}"
        return str(held.copy().view(np.int64 if self.kind == "int" else np.float64)[0])

    def readable(self) -> Iterator[tuple[npt.NDArray[np.uint8], IntArray, int, int]]:
        """Data, offsets, and the first and the last but one of the values to read there, eight bytes ahead.

        The last values of the data, behind which there may be nothing to read, come from a copy.
        """
        whole = len(self)
        if self.kind == "text":
            whole = int(np.searchsorted(self.offsets[1:], self.data.size - _AHEAD, side="right"))
        if whole:
            yield self.data, self.offsets, 0, whole
        if whole < len(self):
            begin, end = int(self.offsets[whole]), int(self.offsets[-1])
            tail = np.zeros(end - begin + _AHEAD, np.uint8)
            tail[: end - begin] = self.data[begin:end]
            shifted = np.zeros_like(self.offsets)
            shifted[whole:] = self.offsets[whole:] - begin
            yield frozen(tail), frozen(shifted), whole, len(self)


def column_bytes(rows: Rows, name: str, places: IntArray | None, *, fractions: bool = False) -> ValueBytes:
    """The values of a column, of the matrix or from beside it, at storage places (None: all rows).

    Parameters
    ----------
    fractions
        Whether numbers may be others than integers; they are float64 then.

    Raises
    ------
    ColumnError
        If there is no such column, or it holds numbers that are no integers and must be.
    """
    values = rows.columns.get(name)
    if values is None or isinstance(values, np.ndarray):
        numbers = _column_numbers(rows, name, places)
        return _of_floats(numbers) if fractions else _of_integers(numbers, name)
    return text_bytes(rows, name, places)


def text_bytes(rows: Rows, name: str, places: IntArray | None) -> ValueBytes:
    """The values of a column of texts from beside the matrix, at storage places (None: all rows).

    Raises
    ------
    ColumnError
        If there is no such column, or it holds numbers.
    """
    return ValueBytes("text", *_buffers(_column_texts(rows, name, places)))


def _column_numbers(rows: Rows, name: str, places: IntArray | None) -> npt.NDArray[Any]:
    """The numbers of a column at storage places (None: all rows), of shape (n,)."""
    values = rows.columns.get(name)
    if values is not None:
        return np.asarray(values if places is None else values[places])
    if name not in rows.features:
        known = [*rows.features, *rows.columns]
        raise ColumnError(f"the rows have no column {name!r}{nearest(name, known)}")
    places = checked_places(rows, None) if places is None else places
    held = rows.matrix
    if held is None:
        return np.empty(0)
    out = np.empty((places.size, 1), held.values.dtype)
    column = np.array([rows.features.index(name)])
    gather_columns(*storage_of(held), places, column, out)
    return out.reshape(-1)


def _column_texts(rows: Rows, name: str, places: IntArray | None) -> pa.Array:
    values = rows.columns.get(name)
    if values is None or isinstance(values, np.ndarray):
        has = values is not None or name in rows.features
        said = "holds numbers" if has else f"is not there{nearest(name, rows.columns)}"
        raise ColumnError(
            f"the column of texts {name!r} {said}: open the data with types={{{name!r}: 'text'}}"
        )
    if places is not None:
        if pa.types.is_string_view(values.type):  # of which Arrow takes none
            values = values.cast(pa.large_string())
        values = values.take(pa.array(places))
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    return values


def _buffers(texts: Any) -> tuple[npt.NDArray[np.uint8], IntArray]:
    """Bytes and offsets; a null is as long as an empty text."""
    if isinstance(texts, pa.StringArray) and not texts.null_count and len(texts):
        bounds, data = texts.buffers()[1:]
        offsets = np.frombuffer(bounds, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        return frozen(np.frombuffer(data or b"", np.uint8)), frozen(offsets.astype(np.int64))
    return text_buffers(as_texts(texts))


def _of_floats(numbers: npt.NDArray[Any]) -> ValueBytes:
    floats = numbers.astype(np.float64) + 0.0  # no -0.0
    return _of_numbers("float", floats, np.isnan(floats))


def _of_integers(numbers: npt.NDArray[Any], name: str) -> ValueBytes:
    if numbers.dtype.kind != "f":
        return _of_numbers("int", numbers.astype(np.int64), None)
    blank = np.isnan(numbers)
    held = np.where(blank, 0.0, numbers)
    if (np.abs(held) >= _EXACT).any():
        raise ColumnError(
            f"column {name!r} holds {held[np.abs(held) >= _EXACT][0]:.0f}, beyond 2**53, where integers are "
            f"rounded beside columns with fractions or blanks, so that several would be one category: "
            f"types={{{name!r}: 'text'}} takes them as they are spelled"
        )
    odd = held != np.floor(held)
    if odd.any():
        raise ColumnError(
            f"column {name!r} holds {held[odd][0]}, and categories are texts or integers: QuantileBins() "
            f"cuts numbers into bins, and types={{{name!r}: 'text'}} takes them as they are spelled"
        )
    return _of_numbers("int", held.astype(np.int64), blank)


def _of_numbers(
    kind: ValueKind, numbers: npt.NDArray[Any], blank: npt.NDArray[np.bool_] | None
) -> ValueBytes:
    if blank is None or not blank.any():
        offsets = np.arange(0, 8 * numbers.size + 1, 8)
    else:
        offsets = np.zeros(numbers.size + 1, np.int64)
        np.cumsum(8 * ~blank, out=offsets[1:])
        numbers = numbers[~blank]
    return ValueBytes(kind, frozen(np.ascontiguousarray(numbers).view(np.uint8)), frozen(offsets))


def decoded_values(kind: ValueKind, spelled: pa.LargeStringArray, name: str) -> list[Any]:
    """The values whose bytes these are, as Python has them.

    Raises
    ------
    DataError
        If texts are no UTF-8.
    """
    if kind != "text":
        data, bounds = text_buffers(spelled)
        dtype = np.int64 if kind == "int" else np.float64
        values: list[Any] = data[: int(bounds[-1])].view(dtype).tolist()
        return values
    try:
        values = spelled.to_pylist()
    except UnicodeDecodeError as error:
        raise DataError(
            f"column {name!r} holds the bytes {error.object!r:.40}, which are no UTF-8: correct the "
            "file's encoding"
        ) from None
    return values


def encoded_values(kind: ValueKind, values: list[Any]) -> pa.LargeStringArray:
    """The bytes of values, as a dictionary takes them; the inverse of `decoded_values`."""
    if kind == "text":
        return pa.array(values, pa.large_string())
    numbers = np.array(values, np.int64 if kind == "int" else np.float64)
    offsets = np.arange(0, 8 * numbers.size + 1, 8)
    return pa.LargeStringArray.from_buffers(numbers.size, pa.py_buffer(offsets), pa.py_buffer(numbers))
