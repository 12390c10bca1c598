"""Large arrays as plain data: text that JSON holds without a change of bits, a few bytes a number."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["from_packed", "to_packed"]


def to_packed(array: npt.NDArray[Any]) -> dict[str, Any]:
    """An array of one dimension, numbers only, as a dictionary of strings and integers.

    Examples
    --------
    >>> from_packed(to_packed(np.array([0.1, np.nan])))
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


def from_packed(packed: dict[str, Any]) -> npt.NDArray[Any]:
    """The array that `to_packed` wrote."""
    dtype = np.dtype(packed["dtype"])
    planes = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), np.uint8)
    held = np.ascontiguousarray(planes.reshape(dtype.itemsize, packed["size"]).T)
    return np.asarray(held.reshape(-1).view(dtype).astype(dtype.newbyteorder("="), copy=False))
