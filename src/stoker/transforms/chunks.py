"""What counts as texts, and how chunks of them travel.

A text is valid Unicode, or UTF-8 bytes in which what is invalid counts as U+FFFD. A missing text is an empty
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import DataError, OptionError
from stoker.types import IntArray

__all__ = ["Passes", "TextChunk", "as_texts", "cut_chunk", "held_texts", "text_buffers", "text_chunks"]

CHUNK_TEXTS = 1 << 12
"""Texts that are made from an iterable at once, at most."""

CHUNK_BYTES = 1 << 21
"""Bytes of texts that are worked on at once, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChunk:
    """Consecutive texts, and the classes of their rows where they are known.

    Attributes
    ----------
    texts
        Arrow array of type large_string and of length n, without nulls and without an offset.
    labels
        int64 of shape (n,): the class of each, from 0; None where there are none.
    """

    texts: pa.LargeStringArray
    labels: IntArray | None = None


Passes: TypeAlias = Callable[[], Iterator[TextChunk]]
"""Gives all texts anew, in row order, whenever it is called."""


def as_texts(texts: Any, *, first: int = 0) -> pa.LargeStringArray:
    """Texts as an Arrow array of type large_string without nulls or offset; no copy where they are one.

    Parameters
    ----------
    texts
        Arrow array or chunked array of strings or binary, NumPy array, list or other iterable of str or
        bytes; None is an empty text.
    first
        Number of the first of them, for errors.

    Raises
    ------
    DataError
        If one of them is no text.
    OptionError
        If it is a single text, or a table.

    Examples
    --------
    >>> as_texts(["one", None, b"two"]).to_pylist()
    ['one', '', 'two']
    """
    if isinstance(texts, str | bytes):
        raise OptionError("expected texts, got a single one: put it into a list")
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks() if texts.num_chunks != 1 else texts.chunk(0)
        if isinstance(texts, pa.ChunkedArray):  # beyond 2 GiB of a type with 32-bit offsets
            texts = pa.concat_arrays([_as_large(chunk) for chunk in texts.chunks])
    if not isinstance(texts, pa.Array):
        texts = _from_objects(texts, first)
    texts = _as_large(texts)
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    return _without_offset(texts) if texts.offset else texts


def _without_offset(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """The same texts with an offsets buffer that begins with the first of them; the bytes are shared."""
    bounds = text_offsets(texts)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(bounds.copy()), texts.buffers()[2])


def text_offsets(texts: pa.LargeStringArray) -> IntArray:
    """Where each text begins in the data buffer, and where the last ends: int64 of shape (n + 1,)."""
    if not len(texts):
        return np.zeros(1, np.int64)
    bounds = np.frombuffer(texts.buffers()[1], np.int64)
    return bounds[texts.offset : texts.offset + len(texts) + 1]


def _from_objects(texts: Iterable[Any], first: int) -> pa.Array:
    _require_texts(texts)
    values = texts if isinstance(texts, list | np.ndarray) else list(texts)
    try:
        return pa.array(values, pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeError):
        some = [_as_bytes(value, place) for place, value in enumerate(values, first)]
        return pa.array(some, pa.large_binary())


def _require_texts(texts: Any) -> None:
    """Refuse what would be iterated over without an error, and not text by text."""
    if isinstance(texts, np.ndarray) and texts.ndim != 1:
        raise DataError(f"expected texts in one dimension, got an array of shape {texts.shape}")
    if isinstance(texts, Mapping) or hasattr(texts, "columns"):
        raise OptionError(f"expected texts, got a {type(texts).__name__}: give one of its columns")
    if not hasattr(texts, "__iter__"):
        raise OptionError(f"expected texts, got a {type(texts).__name__}")


def _as_bytes(value: Any, place: int) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return value
    if _is_missing(value):
        return b""
    raise DataError(f"text {place} is a {type(value).__name__}: texts are str, bytes in UTF-8, or None")


def _is_missing(value: Any) -> bool:
    try:
        return bool(pa.array([value], from_pandas=True).null_count)
    except pa.ArrowException:
        return False


def _as_large(texts: pa.Array) -> pa.LargeStringArray:
    kind = texts.type
    if pa.types.is_dictionary(kind):
        return _as_large(texts.dictionary_decode())
    if pa.types.is_large_string(kind):
        return texts
    if pa.types.is_null(kind):
        return pa.array([""] * len(texts), pa.large_string())
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return texts.cast(pa.large_string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        # The bytes stay as they are, valid or not: the kernels read what is invalid as U+FFFD.
        large = texts.cast(pa.large_binary())
        return pa.LargeStringArray.from_buffers(
            len(large), large.buffers()[1], large.buffers()[2], large.buffers()[0], -1, large.offset
        )
    raise DataError(f"expected texts, got an Arrow array of {kind}: cast it to string first")


def text_chunks(texts: Any, labels: IntArray | None = None) -> Iterator[TextChunk]:
    """Texts, in the forms that `as_texts` takes, as chunks of about `CHUNK_BYTES`; drawn lazily.

    Raises
    ------
    DataError
        If there are not as many labels as texts, or one of the texts is none.
    """
    seen = 0
    for whole in _batches(texts):
        array = as_texts(whole, first=seen)
        for part in _cut(array, CHUNK_BYTES):
            yield TextChunk(texts=part, labels=_labels_of(labels, seen, seen + len(part)))
            seen += len(part)
    if labels is not None and len(labels) != seen:
        raise DataError(f"there are {seen} texts and {len(labels)} labels: give a label for each text")


def cut_chunk(chunk: TextChunk, most: int) -> Iterator[TextChunk]:
    """The same texts and labels in chunks of at most so many bytes, unless a single text has more."""
    first = 0
    for part in _cut(chunk.texts, most):
        stop = first + len(part)
        yield TextChunk(texts=part, labels=None if chunk.labels is None else chunk.labels[first:stop])
        first = stop


def _cut(texts: pa.LargeStringArray, most: int) -> Iterator[pa.LargeStringArray]:
    bounds, first = text_offsets(texts), 0
    while first < len(texts):
        stop = int(np.searchsorted(bounds, bounds[first] + most, side="right")) - 1
        stop = min(max(stop, first + 1), len(texts))
        yield _without_offset(texts.slice(first, stop - first)) if first else texts.slice(0, stop)
        first = stop


def _labels_of(labels: IntArray | None, start: int, stop: int) -> IntArray | None:
    if labels is None:
        return None
    if stop > len(labels):
        raise DataError(f"there are more than {stop - 1} texts and only {len(labels)} labels")
    return labels[start:stop]


def held_texts(texts: Any) -> Any:
    """Texts that have a length and can be read again: as they are, or as `as_texts` makes them."""
    return texts if isinstance(texts, list | tuple | np.ndarray | pa.ChunkedArray) else as_texts(texts)


def _batches(texts: Any) -> Iterator[Any]:
    _require_texts(texts)
    if isinstance(texts, pa.Array | str | bytes):
        yield texts
    elif isinstance(texts, pa.ChunkedArray):
        yield from texts.chunks
    elif isinstance(texts, np.ndarray | list | tuple):
        for start in range(0, len(texts), CHUNK_TEXTS):
            yield texts[start : start + CHUNK_TEXTS]
    else:
        items = iter(texts)
        while batch := list(islice(items, CHUNK_TEXTS)):
            yield batch


def text_buffers(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint8], IntArray]:
    """The bytes of all texts, read-only, and their offsets, as kernels take them.

    Examples
    --------
    >>> data, bounds = text_buffers(as_texts(["ab", "", "c"]))
    >>> data[bounds[0]:bounds[3]].tobytes(), bounds.tolist()
    (b'abc', [0, 2, 2, 3])
    """
    data, bounds = texts.buffers()[2], text_offsets(texts)
    held = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    held.flags.writeable = bounds.flags.writeable = False  # whoever made them: a kernel is compiled once
    return held, bounds
