"""Whether the arrays of a stored index can be those of one: kernels read wherever an index tells them to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stoker.stored import MOST, require

if TYPE_CHECKING:
    from stoker.sources.index import RowIndex
    from stoker.types import IntArray

__all__ = ["check_index", "check_segments"]

_STEP = 1 << 20


def check_index(index: RowIndex) -> None:
    """Refuse an index whose places do not ascend, or lie outside of its files.

    Raises
    ------
    ValueError
        If it is none; the message says what is wrong with it.
    """
    num_files, num_anchors = len(index.file_sizes), len(index.anchor_rows)
    require(num_files > 0, "it has no file")
    for array, size in (
        (index.head_checksums, num_files),
        (index.file_anchors, num_files + 1),
        (index.file_rows, num_files + 1),
        (index.anchor_offsets, num_anchors),
        (index.checksums, num_anchors),
    ):
        require(array.shape == (size,), "its arrays are of different lengths")
    require(_within(index.file_sizes, 0, MOST), "a file has an impossible size")
    require(_begins_and_ascends(index.file_anchors, num_anchors), "its files' segments do not ascend")
    rows = int(index.file_rows[-1])
    require(rows <= MOST and _begins_and_ascends(index.file_rows, rows), "its files' rows do not ascend")
    firsts = index.anchor_rows[index.file_anchors[:-1]]
    require(np.array_equal(firsts, index.file_rows[:-1]), "its files begin with rows of others")
    require(_ascends(index.anchor_rows) and int(index.anchor_rows[-1]) < rows, "its rows do not ascend")
    for number in range(num_files):
        low, high = index.file_anchors[number : number + 2].tolist()
        offsets = index.anchor_offsets[low:high]
        require(int(offsets[0]) >= 0, "a segment begins before its file")
        require(int(offsets[-1]) <= int(index.file_sizes[number]), "a segment begins behind its file")
        require(_ascends(offsets, may_stay=True), "its segments do not ascend")


def check_segments(index: RowIndex, most_bytes: int) -> None:
    """Refuse an index with a segment that is longer than any can be: it would be read in one piece.

    Raises
    ------
    ValueError
        If there is one.
    """
    for number in range(index.num_files):
        low, high = index.file_anchors[number : number + 2].tolist()
        for start in range(low, high, _STEP):
            bounds = index.segment_bounds(number, start, min(start + _STEP, high))
            require(int(np.diff(bounds).max()) <= most_bytes, "a segment is longer than any can be")


def _begins_and_ascends(bounds: IntArray, end: int) -> bool:
    return int(bounds[0]) == 0 and int(bounds[-1]) == end and _ascends(bounds)


def _within(values: npt.NDArray[Any], low: int, high: int) -> bool:
    return not len(values) or (int(values.min()) >= low and int(values.max()) <= high)


def _ascends(values: IntArray, *, may_stay: bool = False) -> bool:
    """Whether each is greater than the one before; a few at a time, so that little of a mapping is copied."""
    greater: Callable[..., npt.NDArray[np.bool_]] = np.greater_equal if may_stay else np.greater
    return all(
        bool(greater(part[1:], part[:-1]).all())
        for part in (values[start : start + _STEP + 1] for start in range(0, len(values), _STEP))
    )
