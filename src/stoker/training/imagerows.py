"""Rows with images, to be scored: a part at a time, as pixels take far more than files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stoker.images.headers import BadImageError, read_header
from stoker.transforms.base import FittedTransform, RowValueError
from stoker.transforms.columns import Columns
from stoker.transforms.image import Image
from stoker.types import IntArray, Rows

__all__ = ["decodes_images", "inputs_of", "parts_of"]

_PART_BYTES = 16 << 20


def decodes_images(inputs: FittedTransform) -> bool:
    """Whether a transform, or one of several, decodes images."""
    return bool(_images(inputs))


def parts_of(inputs: FittedTransform, num_rows: int) -> Iterator[slice]:
    """Rows in parts whose inputs take some megabytes each; in one part where no images are decoded.

    Examples
    --------
    >>> from stoker.transforms import Cast
    >>> list(parts_of(Cast(), 10))
    [slice(0, 10, None)]
    """
    step = max(1, num_rows)
    images = [image for _, image in _images(inputs)]
    if images:
        row_bytes = sum(image.num_outputs * np.dtype(image.dtype).itemsize for image in images)
        step = max(1, _PART_BYTES // row_bytes)
    for first in range(0, max(1, num_rows), step):
        yield slice(first, min(first + step, num_rows))


def inputs_of(
    inputs: FittedTransform, rows: Rows, good: IntArray
) -> tuple[Any, IntArray, tuple[int, str] | None]:
    """What a transform makes of the good rows, less those of which it makes nothing.

    Returns
    -------
    x, good, first
        Inputs, the numbers of their rows, and of the first row left out its number and what is wrong with it.
    """
    good, first = _with_headers(inputs, rows, good)
    while True:
        try:
            return inputs.apply(rows, good), good, first
        except BadImageError as error:
            row = int(good[error.place])
            if first is None or row < first[0]:
                first = row, _told(error.column, error.reason)
            good = np.delete(good, error.place)
        except RowValueError as error:
            row = int(good[error.places[0]])
            if first is None or row < first[0]:
                first = row, error.said
            good = np.delete(good, error.places)


def _with_headers(
    inputs: FittedTransform, rows: Rows, good: IntArray
) -> tuple[IntArray, tuple[int, str] | None]:
    """The rows whose images look like some, and the first one whose do not."""
    bad: dict[int, str] = {}
    for column, _ in _images(inputs):
        values = rows.columns[column]
        for row, place in zip(good.tolist(), rows.places(good).tolist(), strict=True):
            try:
                read_header(values[place].as_buffer().to_pybytes())
            except BadImageError as error:
                bad.setdefault(row, _told(column, str(error)))
    if not bad:
        return good, None
    first = min(bad)
    return good[~np.isin(good, list(bad))], (first, bad[first])


def _told(column: str, reason: str) -> str:
    return f"column {column!r} holds no image: {reason}"


def _images(inputs: FittedTransform) -> list[tuple[str, Image]]:
    """The columns of images among a transform's, and what decodes each."""
    if isinstance(inputs, Image):
        return [(inputs.columns_[0], inputs)]
    if not isinstance(inputs, Columns):
        return []
    return [(part.columns[0], part.transform) for part in inputs.parts if isinstance(part.transform, Image)]
