"""Where a row of an index begins in its file: the index knows its segment, whose records are told apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.sources.chunks import Chunk
from stoker.sources.files import SequentialFile, open_reader
from stoker.sources.index import RowIndex
from stoker.sources.table import Table

__all__ = ["offset_of"]

_PIECE = 1 << 22


def offset_of(table: Table, index: RowIndex, row: int) -> int:
    r"""The byte of its file, unpacked, at which a row begins; of files that have lines.

    Parameters
    ----------
    table, index
        The files, and where their rows stand.
    row
        Its id.

    Raises
    ------
    DataError
        The file cannot be read.

    Examples
    --------
    >>> import pathlib, stoker, tempfile
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "t.csv")
    >>> _ = path.write_text("x,y\n1,0\n2,1\n")
    >>> source = stoker.open(path, label="y")
    >>> offset_of(source.table, stoker.Feed(source).prepare().survey.index, 1)
    8
    >>> temporary.cleanup()
    """
    file_index = index.file_of(row)
    segment = int(np.searchsorted(index.anchor_rows, row, side="right")) - 1
    start, stop = map(int, index.segment_bounds(file_index, segment, segment + 1))
    is_last = segment + 1 == int(index.file_anchors[file_index + 1])
    first = int(index.anchor_rows[segment])
    if row == first:
        return start
    behind = int(index.file_rows[file_index + 1] if is_last else index.anchor_rows[segment + 1])
    is_packed = bool(table.packings[file_index])
    chunk = Chunk(
        file_index=file_index,
        first_row=first,
        num_records=behind - first,
        offset=start,
        data=_bytes(table.places[file_index], start, stop, is_packed=is_packed),
        anchor_rows=index.anchor_rows[segment : segment + 1],
        anchor_offsets=index.anchor_offsets[segment : segment + 1],
    )
    return table.record_offset(chunk, row - first)


def _bytes(path: str, start: int, stop: int, *, is_packed: bool) -> npt.NDArray[np.uint8]:
    """The bytes [start, stop) of a file; fewer only where it ends before."""
    data = np.empty(stop - start, np.uint8)
    if not is_packed:
        with open_reader(path) as plain:
            return data[: plain.read_into(data, start)]
    with SequentialFile(path) as file:
        left, scratch = start, np.empty(min(_PIECE, start), np.uint8)
        while left:
            count = file.read_into(scratch[: min(len(scratch), left)])
            if not count:
                break
            left -= count
        return data[: file.read_into(data)]
