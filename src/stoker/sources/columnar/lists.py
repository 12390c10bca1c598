"""From Arrow arrays to bytes and to lists of numbers as they are held, with what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.images.headers import BadImageError, read_header
from stoker.sources.columnar.values import as_numbers, normalised
from stoker.sources.held import list_bounds, of_buffers
from stoker.types import ColumnKind
from stoker.types.arrow import arrow_type

__all__ = ["as_bytes", "as_lists_of", "not_images", "why_no_image"]

_BEYOND_INT64 = float(1 << 63)


def as_bytes(array: Any) -> Any:
    """The values of a normalised array of bytes or texts as large binaries, none where there is no value.

    Examples
    --------
    >>> as_bytes(pa.array(["a", None])).to_pylist()
    [b'a', b'']
    """
    held = array.cast(arrow_type("bytes"))
    return pc.fill_null(held, pa.scalar(b"", held.type)) if held.null_count else held


def not_images(values: Any) -> npt.NDArray[np.bool_] | None:
    """Which of some bytes are no images, as their first bytes and their structure tell; None where all are.

    Examples
    --------
    >>> not_images(pa.array([b"GIF89a" + bytes([4, 0, 2, 0, 0, 0, 0]) + b";", b"GIF89a", b""])).tolist()
    [False, True, True]
    """
    wrong = np.array([bool(why_no_image(value)) for value in values], np.bool_)
    return wrong if wrong.any() else None


def why_no_image(value: Any) -> str:
    """What is wrong with an Arrow scalar of bytes, if it is no image; else ""."""
    try:
        read_header(value.as_buffer().to_pybytes() if value.is_valid else b"")
    except BadImageError as error:
        return str(error)
    return ""


def as_lists_of(array: Any, kind: ColumnKind) -> tuple[Any, npt.NDArray[np.bool_] | None]:
    """The values of a normalised array of lists as lists of a kind, empty where there is none.

    Parameters
    ----------
    array
        Lists of numbers, of any types.
    kind
        ``"ints"`` or ``"floats"``.

    Returns
    -------
    The lists, and bool of shape (n,): which of them hold a number that is missing or not finite, or among
    integers a fraction or what int64 does not hold; None where none does. They have 0 there.

    Examples
    --------
    >>> lists, wrong = as_lists_of(pa.array([[1, 2], None, [], [None, 4]]), "ints")
    >>> lists.to_pylist(), wrong.tolist()
    ([[1, 2], [], [], [0, 4]], [False, False, False, True])
    """
    bounds = list_bounds(array)
    found = as_numbers(normalised(array.flatten()), integers=kind == "ints")
    values, bad = found.values, found.wrong
    if found.blank is not None:
        bad = found.blank if bad is None else bad | found.blank
    if values.dtype.kind == "f":
        beyond = ~(np.abs(values) < (_BEYOND_INT64 if kind == "ints" else np.inf))
        bad = beyond if bad is None else bad | beyond
    wrong = None
    if bad is not None and bad.any():
        values = np.where(bad, 0, values)
        wrong = np.zeros(len(array), np.bool_)
        wrong[np.searchsorted(bounds, np.flatnonzero(bad), side="right") - 1] = True
    held = np.ascontiguousarray(values, np.int64 if kind == "ints" else np.float64)
    return of_buffers(arrow_type(kind), bounds, held.view(np.uint8)), wrong
