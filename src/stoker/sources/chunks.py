"""What a scan hands out: pieces of a file that hold whole records, and what parsing makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError
from stoker.sources.index import RowIndex, checksums_of
from stoker.sources.issues import RowIssues
from stoker.types import IntArray, Progress, Rows, Uint64Array

__all__ = ["Chunk", "ParsedChunk", "check_chunk", "check_chunks"]


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
    packed_bytes
        Bytes of a compressed file that were read for it; offsets are those of the unpacked bytes.
    unpacking_bytes
        Memory that whatever unpacks the file held when the chunk was made; 0 for plain files.
    """

    file_index: int
    first_row: int
    num_records: int
    offset: int
    data: npt.NDArray[np.uint8] = field(repr=False)
    anchor_rows: IntArray = field(repr=False)
    anchor_offsets: IntArray = field(repr=False)
    packed_bytes: int | None = None
    unpacking_bytes: int = 0

    @property
    def file_bytes(self) -> int:
        """Bytes of the file that were read for it, compressed as they are: what progress is counted in."""
        return len(self.data) if self.packed_bytes is None else self.packed_bytes

    @property
    def by_row(self) -> bool:
        """Whether offsets are numbers of rows within the file, which has no bytes for each of them."""
        return False

    @property
    def num_bytes(self) -> int:
        """Memory that it takes."""
        return len(self.data)

    def text(self, begin: int, end: int) -> bytes:
        """What stands between two places in `data`, for people."""
        return self.data[begin:end].tobytes()

    def checksums(self) -> Uint64Array:
        """XXH64 of each segment, uint64 of shape (s,); computed at each call, without the GIL."""
        bounds = np.append(self.anchor_offsets - self.offset, len(self.data))
        return checksums_of(self.data, bounds)


def check_chunks(
    chunks: Iterable[Chunk], index: RowIndex, paths: Sequence[str], progress: Progress | None = None
) -> None:
    """Compare all chunks of a source with its index; see `stoker.sources.base.Table.check`.

    Raises
    ------
    ChangedDataError
        They hold something else; the message names the bytes.
    """
    total, done, first = int(index.file_sizes.sum()), 0, 0
    for chunk in chunks:
        first = check_chunk(chunk, chunk.checksums(), index, paths, first)
        done += len(chunk.data)
        if progress is not None:
            progress(min(done, total), total)
    if first < len(index.checksums):
        raise ChangedDataError(f"{paths[-1]} shrank since it was surveyed; restore it, or survey it again")


def check_chunk(
    chunk: Chunk, checksums: Uint64Array, index: RowIndex, paths: Sequence[str], first: int
) -> int:
    """Compare one chunk, whose segments are number `first` and those that follow; gives the next number."""
    path, behind = paths[chunk.file_index], first + len(checksums)
    if behind > len(index.checksums) or not np.array_equal(
        index.anchor_offsets[first:behind], chunk.anchor_offsets
    ):
        raise ChangedDataError(
            f"{path} changed since it was surveyed, at byte {chunk.offset} or behind; restore it, or survey "
            "it again"
        )
    index.require_checksums(chunk.file_index, path, np.arange(first, behind), checksums)
    return behind


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
