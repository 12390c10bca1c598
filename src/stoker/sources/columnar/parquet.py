"""Parquet files: units are row groups, of which only the used columns are read."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stoker.errors import DataError
from stoker.sources.columnar.arrow_kinds import ArrowColumn, arrow_columns
from stoker.sources.columnar.pages import PAGE_HEAD_BYTES, page_bytes
from stoker.sources.columnar.ranges import leaves_of
from stoker.sources.columnar.units import input_file, units_file, unreadable, version_of
from stoker.sources.files import FileIdentity, identify
from stoker.sources.remote import is_remote
from stoker.sources.remote.schedule import Span, holding_bytes
from stoker.types import IntArray
from stoker.waits import Wait

__all__ = ["PARQUET_SUFFIXES", "ParquetUnits", "open_parquet_file"]

PARQUET_SUFFIXES = (".parquet", ".pq")
"""What Parquet files are called."""

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_BUFFER_BYTES = 1 << 18
_PAGE_BYTES = 5 << 19
"""What a column takes while it is decoded: a page of a mebibyte, its dictionary, what it is read through."""
_BESIDE_BYTES = 3 << 19
"""Of that what is no page."""


@dataclass(frozen=True, eq=False)
class ParquetUnits:
    """One Parquet file; a `stoker.sources.columnar.units.UnitFile`.

    Attributes
    ----------
    path
        The file.
    size
        Its bytes.
    metadata
        Its footer.
    groups
        The row groups that are its units, ascending.
    version
        Of a file elsewhere: that of which the footer is.
    """

    path: str
    size: int
    metadata: pq.FileMetaData
    groups: Sequence[int]
    version: int | None = None

    @cached_property
    def columns(self) -> tuple[ArrowColumn, ...]:
        """What its rows have."""
        return tuple(arrow_columns(self.metadata.schema.to_arrow_schema()))

    @cached_property
    def unit_rows(self) -> IntArray:
        """Rows of each row group."""
        return np.array([self.metadata.row_group(number).num_rows for number in self.groups], np.int64)

    def only(self, units: IntArray) -> ParquetUnits:
        """The file with some of its units alone."""
        return replace(self, groups=[self.groups[unit] for unit in units.tolist()])

    def parts_of(self, unit: int, names: Sequence[str]) -> Mapping[str, pq.ColumnChunkMetaData]:
        """What the footer says of fields in a unit; fields that do not hold one value a row are left out."""
        group = self.metadata.row_group(self.groups[unit])
        return {name: group.column(self._leaves[name]) for name in names if name in self._leaves}

    @cached_property
    def _leaves(self) -> Mapping[str, int]:
        return leaves_of(self.metadata)

    def identity(self) -> FileIdentity:
        """What the file system says of the file now."""
        return identify(self.path)

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any]:
        """The rows from a row group on; see `UnitFile`."""
        counts = self.unit_rows.tolist()
        groups = [group for group, count in list(zip(self.groups, counts, strict=True))[first_unit:] if count]
        with units_file(self.path, self.version, lambda: self._spans(groups, names)) as file:
            found = pq.ParquetFile(
                file,
                metadata=self.metadata,
                buffer_size=_BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            yield from found.iter_batches(rows, row_groups=groups, columns=list(names), use_threads=True)

    def used_bytes(self, names: Sequence[str]) -> int:
        """Bytes of the file that these columns take."""
        return sum(packed for packed, _ in self._sizes(names))

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """What pages and dictionaries take while they are decoded."""
        most = max(1, int(self.unit_rows.max()) if len(self.unit_rows) else 1)
        share = most / max(1, int(self.unit_rows.sum()))
        sizes = [int(2 * plain * share) + 1 for _, plain in self._sizes(names)]
        ahead = holding_bytes(len(sizes)) if is_remote(self.path) else 0
        return ahead + sum(map(min, sizes, self._page_sizes(names, sizes)))

    def _page_sizes(self, names: Sequence[str], sizes: Sequence[int]) -> list[int]:
        """What decoding each column takes, by the first page of the largest row group.

        Small columns are not looked at, nor files elsewhere: their pages are taken for usual ones.
        """
        found = [_PAGE_BYTES] * len(sizes)
        large = [number for number, size in enumerate(sizes) if size > _PAGE_BYTES]
        if is_remote(self.path) or not large:
            return found
        group = self.metadata.row_group(self.groups[int(np.argmax(self.unit_rows))])
        places = self._places(names)
        with suppress(OSError), input_file(self.path) as file:  # whoever reads the rows tells of it
            for number in large:
                head = file.read_at(PAGE_HEAD_BYTES, group.column(places[number]).data_page_offset)
                found[number] = max(_PAGE_BYTES, page_bytes(head) + _BESIDE_BYTES)
        return found

    def _places(self, names: Sequence[str]) -> list[int]:
        """Which of the file's columns hold these fields."""
        wanted = set(names)
        paths = [self.metadata.schema.column(place).path for place in range(self.metadata.num_columns)]
        return [place for place, path in enumerate(paths) if path.split(".")[0] in wanted or path in wanted]

    def _spans(self, groups: Sequence[int], names: Sequence[str]) -> Iterator[list[Span]]:
        """Where the fields' values are in each row group."""
        places = self._places(names)
        for number in groups:
            group = self.metadata.row_group(number)
            yield [_span(group.column(place)) for place in places]

    def _sizes(self, names: Sequence[str]) -> list[tuple[int, int]]:
        """Bytes of each used column, compressed and not."""
        found = []
        groups = [self.metadata.row_group(number) for number in self.groups]
        for place in self._places(names):
            parts = [group.column(place) for group in groups]
            found.append(
                (
                    sum(part.total_compressed_size for part in parts),
                    sum(part.total_uncompressed_size for part in parts),
                )
            )
        return found

    def describe(self) -> dict[str, Any]:
        """Nothing: a footer tells how a file is written."""
        return {}


def _span(part: pq.ColumnChunkMetaData) -> Span:
    """Bytes of a column within a row group."""
    begin = part.data_page_offset
    if part.has_dictionary_page and part.dictionary_page_offset is not None:
        begin = min(begin, part.dictionary_page_offset)
    return begin, begin + part.total_compressed_size


def open_parquet_file(path: str) -> ParquetUnits:
    """Read a file's footer.

    Raises
    ------
    DataError
        It is no Parquet file, cut off, or cannot be read.
    """
    try:
        with Wait("reads {}", path), input_file(path) as file:
            _require_parquet(path, file)
            metadata = pq.ParquetFile(file).metadata
            groups = range(metadata.num_row_groups)
            return ParquetUnits(path, file.size(), metadata, groups, version_of(file))
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error, behind=" in its footer, which says where the columns are") from error


def _require_parquet(path: str, file: Any) -> None:
    size = file.size()
    if not size:
        raise DataError(f"{path} is empty; name a file with rows")
    head = file.read(4)
    file.seek(max(0, size - 4))
    tail = file.read(4)
    if _ENCRYPTED in (head, tail):
        raise DataError(f"{path} is encrypted, and no keys can be given here; write it without encryption")
    if head != _MAGIC:
        raise DataError(
            f"{path} is called Parquet by its suffix and holds something else (it begins with {head!r} and "
            f"not with {_MAGIC!r}); give it the right suffix, or restore the file"
        )
    if tail != _MAGIC or size < 12:
        raise DataError(
            f"{path} is cut off at byte {size:,}: the footer, which says where the columns are, is missing; "
            "restore the file, or write it again"
        )
