"""What a scan hands out: pieces of a file that hold whole records, and what parsing makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stoker.sources.index import checksums_of
from stoker.sources.issues import RowIssues
from stoker.types import IntArray, Rows, Uint64Array

__all__ = ["Chunk", "ParsedChunk"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Consecutive whole segments of one file.

    Attributes
    ----------
    file_index
        The file's place in the source.
    first_row, num_records
        Row id of the first record, and how many there are.
    offset
        Where ``data[0]`` stands in the file; a record begins there.
    data
        uint8 of shape (b,), owned by the chunk.
    anchor_rows, anchor_offsets
        int64 of shape (s,): row id and file offset of each segment's first record.
    """

    file_index: int
    first_row: int
    num_records: int
    offset: int
    data: npt.NDArray[np.uint8] = field(repr=False)
    anchor_rows: IntArray = field(repr=False)
    anchor_offsets: IntArray = field(repr=False)

    def checksums(self) -> Uint64Array:
        """XXH64 of each segment, uint64 of shape (s,); computed at each call, without the GIL."""
        bounds = np.append(self.anchor_offsets - self.offset, len(self.data))
        return checksums_of(self.data, bounds)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParsedChunk:
    """The rows of a chunk; row i is record i, bad ones included.

    Attributes
    ----------
    file_index, first_row, num_records
        Those of the chunk.
    rows
        The matrix has the narrowest of uint8, int16, int32, int64 and float64 that was asked for or is
        needed. A ragged row is all zeros and empty texts, a value that cannot be parsed 0.
    dtype
        The matrix's type; what was asked for where there is no matrix.
    issues
        Blanks and what is wrong.
    """

    file_index: int
    first_row: int
    num_records: int
    rows: Rows = field(repr=False)
    dtype: np.dtype[np.generic]
    issues: RowIssues = field(repr=False)
