"""The classes of rows as numbers, before all of them are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import DataError
from stoker.types import IntArray

__all__ = ["ClassCodes", "class_numbers"]


class ClassCodes:
    """Numbers labels in the order in which they are first met.

    Examples
    --------
    >>> codes = ClassCodes()
    >>> codes.encode(["pos", "neg", "pos"]), codes.order()
    (array([0, 1, 0]), array([1, 0]))
    """

    def __init__(self) -> None:
        self._codes: dict[Any, int] = {}
        self._seen = 0

    def encode(self, labels: Any) -> IntArray:
        """The number of each label, int64 of shape (n,).

        Raises
        ------
        DataError
            If a label is missing, or is no single value.
        """
        if isinstance(labels, pa.Array | pa.ChunkedArray):
            values = labels.to_pylist()
        else:
            values = np.asarray(labels).tolist() if isinstance(labels, np.ndarray) else list(labels)
        codes = self._codes
        try:
            for place, value in enumerate(values):
                if value not in codes:
                    if value is None or value != value:
                        raise DataError(
                            f"text {self._seen + place} has no label: leave out texts without one"
                        )
                    codes[value] = len(codes)
        except TypeError:
            where = f"the label of text {self._seen + place}"
            raise DataError(
                f"{where} is a {type(value).__name__}: give a number or a text for each text"
            ) from None
        self._seen += len(values)
        return np.fromiter((codes[value] for value in values), np.int64, len(values))

    def order(self) -> IntArray | None:
        """Numbers of the labels when these are sorted; None where no label was met."""
        if not self._codes:
            return None
        try:
            labels = sorted(self._codes)
        except TypeError:
            labels = sorted(self._codes, key=repr)
        return np.array([self._codes[label] for label in labels], np.int64)


def class_numbers(labels: Any) -> IntArray:
    """Labels that are numbers of classes already, from 0 on: int64 of shape (n,).

    Raises
    ------
    DataError
        If one of them is none.

    Examples
    --------
    >>> class_numbers([1, 0, 1])
    array([1, 0, 1])
    """
    numbers = np.asarray(labels)
    if numbers.ndim == 1 and not numbers.size:
        return np.zeros(0, np.int64)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise DataError(
            f"labels must be class numbers from 0 on, one a text, got an array of {numbers.dtype} of shape "
            f"{numbers.shape}: number the classes alike for all texts"
        )
    if int(numbers.min()) < 0:
        raise DataError(f"labels must be class numbers from 0 on, got {int(numbers.min())}")
    return np.ascontiguousarray(numbers, np.int64)
