"""Arrays of labels: one value a row, or one-hot rows, which are read as the number of their class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, DataError
from stoker.sources.arrays.stored import StoredArray
from stoker.types import IntArray

__all__ = ["as_label"]

_LOOKED_AT = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class _OneHot:
    """The place of the 1 in each row of an array; a `StoredArray` of one value a row."""

    array: StoredArray
    name: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """Class numbers."""
        return np.dtype(np.int64)

    @property
    def path(self) -> str:
        """The array's."""
        return self.array.path

    @property
    def shape(self) -> tuple[int, ...]:
        """A number a row."""
        return self.array.shape[:1]

    @property
    def is_packed(self) -> bool:
        """As the array is."""
        return self.array.is_packed

    def blocks(self, first_row: int, rows: int) -> Iterator[npt.NDArray[Any]]:
        """See `StoredArray`; a row that is not one-hot is an error."""
        for block in self.array.blocks(first_row, rows):
            other = _others(block)
            if len(other):
                raise DataError(
                    f"{self.path}: rows of {self.name!r} are one-hot, and row {first_row + int(other[0]):,} "
                    "is not: correct it, or store the number of each row's class"
                )
            yield block.argmax(axis=1)[:, None]
            first_row += len(block)


def as_label(array: StoredArray, name: str) -> StoredArray:
    """An array as a label: as it is where a row is one value, the number of the class where it is one-hot.

    Parameters
    ----------
    array
        A row's label along the first axis.
    name
        What it is called.

    Raises
    ------
    ColumnError
        A row is several numbers and not one-hot, as the first rows tell.
    """
    width = int(np.prod(array.shape[1:], dtype=np.int64))
    if width == 1:
        return array
    if len(array.shape) == len(("row", "class")) and array.dtype.kind in "buif":
        first = next(array.blocks(0, _LOOKED_AT), None)
        if first is not None and not len(_others(first)):
            return _OneHot(array=array, name=name)
    raise ColumnError(
        f"{array.path}: the label {name!r} has rows of {width:,} numbers that are not one-hot, and a label "
        f"is one value a row: name some of them, in an .npz or HDF5 file with the features, such as "
        f"label=['{name}[0]', '{name}[1]'], or store the number of each row's class"
    )


def _others(block: npt.NDArray[Any]) -> IntArray:
    """Rows that are not a single 1 among zeros."""
    is_one = block == 1
    sound = (is_one.sum(axis=1) == 1) & ((block == 0) | is_one).all(axis=1)
    return np.flatnonzero(~sound)
