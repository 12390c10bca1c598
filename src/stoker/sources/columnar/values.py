"""From Arrow arrays to numbers and texts of a column's kind, with what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.sources.columnar.times import is_moment, iso_texts
from stoker.sources.inference import BLANKS
from stoker.sources.texts import decode_texts

__all__ = ["Numbers", "as_numbers", "as_texts", "normalised"]

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?$"
_ASCII = 128
_LARGEST_INT64 = (1 << 63) - 1
_DAY_MS = 86_400_000
_FAR = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """The values of a column of numbers.

    Attributes
    ----------
    values
        Integers, float32 or float64 of shape (n,); where there is no number, NaN or 0.
    blank, wrong
        bool of shape (n,): no value, and one that is no number; None where there is none of these.
    is_finite
        Whether it is known that all values are finite.
    """

    values: npt.NDArray[Any]
    blank: npt.NDArray[np.bool_] | None
    wrong: npt.NDArray[np.bool_] | None
    is_finite: bool = False


def normalised(array: Any) -> Any:
    """An array without dictionaries, views and other ways to store the same values."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    kind = array.type
    if pa.types.is_dictionary(kind):
        return normalised(array.dictionary_decode())
    if pa.types.is_string_view(kind):
        return array.cast(pa.large_string())
    if pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return array.cast(pa.large_binary())
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        # Arrow casts a part of such an array to lists that lie outside of their values.
        return pa.array(array.to_pylist(), pa.large_list(kind.value_type))
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.float64())
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_date64(kind):
        # Arrow lets days beyond int32 begin anew.
        days = pc.divide(array.view(pa.int64()), _DAY_MS)
        days = pc.min_element_wise(pc.max_element_wise(days, -_FAR, skip_nulls=False), _FAR, skip_nulls=False)
        return days.cast(pa.int32()).cast(pa.date32())
    return array


def as_numbers(array: Any, *, integers: bool) -> Numbers:
    """The values of a normalised array as numbers.

    Parameters
    ----------
    array
        Of any type with a kind; texts are read as numbers.
    integers
        Whether numbers with a fraction are wrong.

    Examples
    --------
    >>> found = as_numbers(pa.array(["1", "x", None, "2.5"]), integers=False)
    >>> found.values.tolist(), found.blank.tolist(), found.wrong.tolist()
    ([1.0, 0.0, nan, 2.5], [False, False, True, False], [False, True, False, False])
    """
    wrong = None
    if not _is_number(array.type):
        array, wrong = _parsed(as_texts(array, large=True)[0])
    blank = None
    if array.null_count:
        blank = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
    values = _plain(array, blank)
    is_finite = values.dtype.kind != "f" or bool(np.isfinite(values).all())
    if values.dtype.kind == "f" and (integers or not is_finite):
        missing = np.isnan(values)
        if missing.any():
            blank = missing if blank is None else blank | missing
        if integers:
            broken = (values != np.trunc(values)) & ~missing & np.isfinite(values)
            wrong = broken if wrong is None else wrong | broken
    if wrong is not None and not wrong.any():
        wrong = None
    if wrong is not None:
        values = np.where(wrong, 0, values)
        blank = None if blank is None else blank & ~wrong
    return Numbers(values, blank, wrong, is_finite)


def as_texts(array: Any, *, large: bool) -> tuple[Any, npt.NDArray[np.bool_] | None]:
    """The values of a normalised array as texts, blanks empty; and which are not UTF-8, if any are.

    Times are ISO 8601: ``2024-01-05T10:00:00``, with a fraction where there is one, and ``Z`` where they have
    a zone. Those beyond the calendar are no texts: see `stoker.sources.columnar.times.beyond_calendar`.

    Parameters
    ----------
    array
        Of any type with a kind; lists become what JSON writes for them.
    large
        Whether the result is of large strings.
    """
    kind, wanted = array.type, pa.large_string() if large else pa.string()
    broken = None
    if is_moment(kind):
        array = iso_texts(array)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_bytes(kind):
        array, broken = _sound(array)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        array = _written(array)
    texts = array.cast(wanted)
    return (texts.fill_null("") if texts.null_count else texts), broken


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _plain(array: Any, blank: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """Integers where none is missing and float32 as they are, else float64; NaN for what is missing."""
    kind = array.type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    if blank is not None:
        array = pc.fill_null(array, pa.scalar(0, array.type))
    values = np.asarray(array.to_numpy(zero_copy_only=False))
    if values.dtype == np.uint64 and len(values) and int(values.max()) > _LARGEST_INT64:
        values = values.astype(np.float64)
    if blank is None:
        return values
    values = values.astype(np.float32 if values.dtype == np.float32 else np.float64)
    values[blank] = np.nan
    return values


def _parsed(texts: Any) -> tuple[Any, npt.NDArray[np.bool_] | None]:
    """Numbers from texts, as float64, or int64 where all are such; and which texts are none."""
    texts = pc.utf8_trim_whitespace(texts)
    blanks = pc.is_in(texts, value_set=pa.array(sorted(BLANKS), texts.type))
    texts = pc.if_else(blanks, pa.scalar(None, texts.type), texts)
    is_number = pc.match_substring_regex(texts, _NUMBER)
    wrong = pc.fill_null(pc.invert(is_number), False)
    found = np.asarray(wrong.to_numpy(zero_copy_only=False))
    if found.any():
        texts = pc.if_else(wrong, pa.scalar("0", texts.type), texts)
    plain = pc.replace_substring_regex(texts, r"^\+", "")
    try:
        return plain.cast(pa.int64()), found
    except pa.ArrowInvalid:
        return plain.cast(pa.float64()), found


def _written(array: Any) -> Any:
    """Lists of numbers as JSON writes them, and null where there is no list."""
    numbers = normalised(array.values)
    numbers = numbers.cast(pa.int8()) if pa.types.is_boolean(numbers.type) else numbers
    texts = pc.fill_null(numbers.cast(pa.string()), "null")
    parts = pa.LargeListArray.from_arrays(array.offsets.cast(pa.int64()), texts)
    inside = pc.binary_join(parts, ", ")
    whole = pc.binary_join_element_wise("[", inside, "]", "")
    return pc.if_else(array.is_null(), pa.scalar(None, whole.type), whole)


def _is_ascii(texts: Any) -> bool:
    """Whether offsets are sound and all bytes are ASCII, which is told sooner than the UTF-8 of each text."""
    _, places, held = texts.buffers()
    if held is None or not len(texts):
        return False
    wide = pa.types.is_large_string(texts.type)
    bounds: npt.NDArray[Any] = np.frombuffer(places, np.int64 if wide else np.int32)[texts.offset :]
    bounds = bounds[: len(texts) + 1]
    data = np.frombuffer(held, np.uint8)
    first, last = int(bounds[0]), int(bounds[-1])
    if not 0 <= first < last <= len(data) or len(bounds) <= len(texts) or (bounds[1:] < bounds[:-1]).any():
        return False
    return int(data[first:last].max()) < _ASCII


def _sound(array: Any) -> tuple[Any, npt.NDArray[np.bool_] | None]:
    """Texts that are UTF-8, with U+FFFD for what is not, and in which of them that was."""
    texts = array
    if _is_bytes(array.type):
        texts = array.view(pa.string() if pa.types.is_binary(array.type) else pa.large_string())
    if _is_ascii(texts):
        return texts, None
    try:
        texts.validate(full=True)
        return texts, None
    except pa.ArrowInvalid:
        raw = texts.view(pa.large_binary() if pa.types.is_large_string(texts.type) else pa.binary())
    decoded = decode_texts(raw.fill_null(b"") if raw.null_count else raw)
    same = pc.equal(decoded.view(pa.large_binary()), raw.fill_null(b"").cast(pa.large_binary()))
    return decoded, ~np.asarray(same.to_numpy(zero_copy_only=False))
