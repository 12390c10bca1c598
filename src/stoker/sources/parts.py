"""Files in parts that several hosts read: consecutive whole segments, of which each host finds its own.

Units of columnar files tell by themselves how many rows they hold. Of files of lines, bytes are first looked
at, part by part, for where records begin: see `stoker.sources.byte_parts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from stoker.errors import ChangedDataError
from stoker.sources.base import Source
from stoker.sources.chunks import Chunk
from stoker.sources.columnar.scan import scan_units
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.columnar.units import largest_batch
from stoker.sources.csv import CsvTable
from stoker.sources.csv_scan import scan_file
from stoker.sources.files import identify

__all__ = ["Part", "can_be_parted", "chunks_of", "is_of_bytes", "require_size", "unit_parts"]

_UNITED = ("parquet", "arrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Consecutive whole segments of a file.

    Attributes
    ----------
    file_index
        The file's number.
    first_row, num_rows
        Row id of its first record, and how many there are.
    start, stop
        The bytes, or the units, that hold them.
    """

    file_index: int
    first_row: int
    num_rows: int
    start: int
    stop: int


def can_be_parted(source: Source) -> bool:
    """Whether parts of a source's files can be read by any process that sees them."""
    if not source.is_lasting or source.is_packed:
        return False
    if isinstance(source.table, ColumnarTable):
        return source.table.format in _UNITED and source.random_access == "units"
    return is_of_bytes(source)


def is_of_bytes(source: Source) -> bool:
    """Whether its records stand one after the other in files of bytes."""
    return isinstance(source.table, CsvTable)


def unit_parts(source: Source, target_bytes: int) -> list[Part]:
    """Parts of columnar files, of about so many bytes, but of a unit at least."""
    table, parts, row = source.table, [], 0
    assert isinstance(table, ColumnarTable)
    for number, columns in enumerate(table.file_columns):
        units = columns.file.unit_rows
        assert units is not None
        row_bytes = max(1.0, columns.used_bytes / max(1, int(units.sum())))
        start, held = 0, 0
        for unit, count in enumerate(units.tolist(), 1):
            held += count
            if held * row_bytes >= target_bytes or unit == len(units):
                parts.append(Part(file_index=number, first_row=row, num_rows=held, start=start, stop=unit))
                row, start, held = row + held, unit, 0
    return [part for part in parts if part.num_rows]


def chunks_of(source: Source, part: Part, target_bytes: int) -> Iterator[Chunk]:
    """The chunks of a part; see `Source.chunks`.

    Raises
    ------
    ChangedDataError
        The part holds other records than were counted.
    DataError
        It cannot be read.
    """
    table, row = source.table, part.first_row
    if isinstance(table, ColumnarTable):
        columns = table.file_columns[part.file_index]
        units = columns.file.unit_rows
        assert units is not None
        before = int(np.asarray(units)[: part.start].sum())
        decoding = max(columns.decoding_bytes, largest_batch(columns.file))
        chunks: Iterator[Chunk] = (
            replace(chunk, unpacking_bytes=decoding)
            for chunk in scan_units(
                columns, part.file_index, part.first_row - before, target_bytes, part.start, part.stop
            )
        )
    else:
        assert isinstance(table, CsvTable)
        layout = table.layouts[part.file_index]
        require_size(layout.path, layout.size)
        chunks = scan_file(
            replace(layout, data_offset=part.start, size=part.stop), part.file_index, row, target_bytes
        )
    for chunk in chunks:
        yield chunk
        row = chunk.first_row + chunk.num_records
    if row != part.first_row + part.num_rows:
        raise ChangedDataError(
            f"{source.paths[part.file_index]} holds {row - part.first_row:,} records from row "
            f"{part.first_row:,} on, of which another reading found {part.num_rows:,}: all hosts must see "
            "the same file, to which nobody writes"
        )


def require_size(path: str, size: int) -> None:
    """Refuse a file that is not as long as when it was opened.

    Raises
    ------
    ChangedDataError
        If it is not.
    """
    found = identify(path).size
    if found != size:
        raise ChangedDataError(
            f"{path} changed since it was opened, from {size} to {found} bytes; open it again"
        )
