"""Large arrays as plain data: text that JSON holds without a change of bits, a few bytes a number."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.stored import require, require_counts

__all__ = ["from_packed", "to_packed"]


def to_packed(array: npt.NDArray[Any]) -> dict[str, Any]:
    """An array of one dimension, numbers only, as a dictionary of strings and integers.

    Examples
    --------
    >>> from_packed(to_packed(np.array([0.1, np.nan])), np.float64)
    array([0.1, nan])
    """
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    # Byte by byte of all numbers: neighbours differ in their low bytes alone.
    planes = little.view(np.uint8).reshape(-1, array.dtype.itemsize).T.tobytes()
    return {
        "dtype": little.dtype.str,
        "size": int(array.size),
        "data": base64.b64encode(zlib.compress(planes, 1)).decode("ascii"),
    }


def from_packed(packed: dict[str, Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The array that `to_packed` wrote, which must be of a type.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is damaged, or of another type: what is unpacked is never more than the size says.
    """
    wanted, size = np.dtype(dtype), packed["size"]
    found = packed["dtype"]
    require(found == wanted.newbyteorder("<").str, f"numbers of the type {found!r:.40}")
    require_counts(size, what="size")
    unpacking, num_bytes = zlib.decompressobj(), size * wanted.itemsize
    try:
        # One byte more tells whether there is more.
        held = unpacking.decompress(base64.b64decode(packed["data"], validate=True), num_bytes + 1)
    except zlib.error as error:
        raise ValueError(f"packed numbers are damaged ({error})") from error
    require(len(held) == num_bytes and unpacking.eof, f"not the {size:,} numbers that are named")
    planes = np.frombuffer(held, np.uint8).reshape(wanted.itemsize, size)
    little = np.ascontiguousarray(planes.T).reshape(-1).view(wanted.newbyteorder("<"))
    return np.asarray(little.astype(wanted, copy=False))
