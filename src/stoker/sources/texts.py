"""Texts as Arrow arrays: decoded, and made of bytes without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.types import IntArray

__all__ = ["decode_bytes", "decode_texts", "large_strings"]


def decode_texts(array: Any) -> pa.LargeStringArray:
    r"""Texts of a ``pyarrow`` array of strings or bytes; what is not UTF-8 becomes U+FFFD.

    Examples
    --------
    >>> decode_texts(pa.array([b"caf\xe9", b""])).to_pylist()
    ['caf\ufffd', '']
    """
    try:
        return array.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([value.decode("utf-8", "replace") for value in array.to_pylist()], pa.large_string())


def large_strings(offsets: IntArray, data: npt.NDArray[np.uint8]) -> pa.LargeStringArray:
    """A ``pyarrow`` array over offsets, int64 of shape (n + 1,), and bytes of UTF-8; nothing is copied."""
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def decode_bytes(data: npt.NDArray[np.uint8], bounds: IntArray) -> pa.LargeStringArray:
    """The texts ``data[bounds[i]:bounds[i + 1]]``, with U+FFFD for what is not UTF-8; no copy of what is."""
    texts = large_strings(bounds, data)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return decode_texts(texts.view(pa.large_binary()))
    return texts
