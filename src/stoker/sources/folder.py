"""Folders by class: a file a text or an image, a folder a class."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import ChangedDataError, ColumnError
from stoker.prefetch import prefetch
from stoker.sources.chunks import Chunk, ParsedChunk, check_chunks
from stoker.sources.csv_open import Written, refuse_renames
from stoker.sources.files import FileIdentity
from stoker.sources.folder_contents import (
    IMAGES,
    TEXTS,
    FolderContents,
    ImageChunk,
    folder_schema,
    image_issues,
)
from stoker.sources.folder_listing import Listing, list_files, same_contents
from stoker.sources.folder_reader import FolderReader
from stoker.sources.held import of_buffers
from stoker.sources.index import RowIndex
from stoker.sources.record_parser import no_issues
from stoker.sources.request import Request
from stoker.sources.schema import Schema
from stoker.sources.texts import decode_bytes
from stoker.types import IntArray, Progress, RowReader, Rows
from stoker.types.arrow import arrow_type

__all__ = ["FolderTable", "folder_template", "open_folders"]

_READERS = 4
_CHECKED_BYTES = 1 << 22


def open_folders(paths: Sequence[str], request: Request) -> FolderTable:
    """Look into folders of texts or images; see `stoker.open`.

    Raises
    ------
    DataError
        One of them is no such folder, or they hold different sorts of files.
    ColumnError
        Other columns are asked for than there are.
    """
    listings = tuple(list_files(path, with_label=True) for path in paths)
    contents = same_contents(listings, listings[0].contents, listings[0].path)
    schema = folder_schema(contents, request.choice.answers, request.choice.columns)
    return FolderTable(schema=schema, listings=listings)


def folder_template(schema: Schema, written: Written) -> FolderTable:
    """No folder, to look into others with the columns that they have.

    Raises
    ------
    ColumnError
        The columns are others.
    OptionError
        They are to be renamed.
    """
    contents = IMAGES if any(column.kind == "bytes" for column in schema.features) else TEXTS
    refuse_renames(written, f"folders of {contents.many}")
    answers = [column.name for column in schema.answers]
    known = folder_schema(contents, answers, [column.name for column in schema.features])
    return FolderTable(schema=replace(known, declared=schema.declared), listings=())


@dataclass(frozen=True, kw_only=True, eq=False)
class FolderTable:
    """Folders of texts or of images; implements `stoker.sources.base.Table`.

    A row is a file; rows are in the bytewise order of the files' paths. For the index a folder is one file
    that holds them all, one behind the other, each a segment of its own.

    Attributes
    ----------
    schema
        The used columns.
    listings
        What stands in each folder.
    """

    format: ClassVar[str] = "folder"
    schema: Schema
    listings: tuple[Listing, ...]
    class_names: tuple[str, ...] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The folders, or files."""
        return tuple(map(str, self.places))

    @property
    def places(self) -> tuple[str, ...]:
        """The same; a relative path knows from which folder it is (`stoker.given`)."""
        return tuple(listing.given for listing in self.listings)

    @property
    def contents(self) -> FolderContents:
        """What their files are."""
        return IMAGES if self.schema.file_names == IMAGES.columns else TEXTS

    @property
    def has_lines(self) -> bool:
        """Whether people find a place in a file by its line."""
        return self.contents is TEXTS

    @property
    def packings(self) -> tuple[str, ...]:
        """Files are read as they stand."""
        return ("",) * len(self.listings)

    @cached_property
    def first_rows(self) -> IntArray:
        """Row id of each folder's first file, then of what would follow the last: int64."""
        return np.cumsum([0, *(len(listing.names) for listing in self.listings)], dtype=np.int64)

    def with_schema(self, schema: Schema) -> FolderTable:
        """The same files with other columns."""
        return replace(self, schema=schema)

    def keeping(self, names: Sequence[str]) -> FolderTable:
        """The same with columns that come along as text.

        Raises
        ------
        ColumnError
            There is no such column.
        """
        for name in names:
            if name not in self.contents.columns:
                known = ", ".join(self.contents.columns)
                raise ColumnError(
                    f"keep=: a folder of {self.contents.many} has the columns {known}, not {name!r}"
                )
        return self.with_schema(replace(self.schema, kept=tuple(dict.fromkeys(names))))

    def like(self, paths: tuple[str, ...], *, with_label: bool) -> FolderTable:
        """Other folders of the same; without a label their files may stand in them, or be named."""
        schema = self.schema if with_label else self.schema.without_label()
        listings = tuple(list_files(path, with_label=with_label) for path in paths)
        same_contents(listings, self.contents, "the folders before it")
        return FolderTable(schema=replace(schema, kept=()), listings=listings)

    def identity(self) -> list[FileIdentity]:
        """What the file system says of each folder's files now."""
        return [
            list_files(listing.given, with_label=listing.has_classes).identity for listing in self.listings
        ]

    def chunks(self, target_bytes: int) -> Iterator[Chunk]:
        """All files in order; see `Source.chunks`.

        Raises
        ------
        ChangedDataError
            A file is not as long as when the folder was opened, or is gone.
        """
        for known, now in zip(self.listings, self.identity(), strict=True):
            if known.identity != now:
                raise ChangedDataError(f"{known.given}: its files changed since it was opened; open it again")
        tasks = (
            (number, start, stop)
            for number, listing in enumerate(self.listings)
            for start, stop in listing.groups(target_bytes)
        )
        with prefetch(
            lambda task: self._chunk(*task), tasks, workers=_READERS, in_flight=_READERS, name="files"
        ) as chunks:
            yield from chunks

    def _chunk(self, number: int, start: int, stop: int) -> Chunk:
        listing = self.listings[number]
        offset, first = int(listing.offsets[start]), int(self.first_rows[number])
        kind = Chunk if self.contents is TEXTS else ImageChunk
        return kind(
            file_index=number,
            first_row=first + start,
            num_records=stop - start,
            offset=offset,
            data=listing.read(np.arange(start, stop)),
            anchor_rows=np.arange(first + start, first + stop, dtype=np.int64),
            anchor_offsets=listing.offsets[start:stop].copy(),
        )

    def parse(self, chunk: Chunk, dtype: np.dtype[Any], out: npt.NDArray[Any] | None = None) -> ParsedChunk:
        """A chunk's rows; texts of whatever bytes are sound, images are looked at. See `Source.parse`."""
        start = chunk.first_row - int(self.first_rows[chunk.file_index])
        places = np.arange(start, start + chunk.num_records)
        bounds = np.append(chunk.anchor_offsets - chunk.offset, len(chunk.data))
        columns = self.columns_of(chunk.file_index, places, chunk.data, bounds)
        return ParsedChunk(
            file_index=chunk.file_index,
            first_row=chunk.first_row,
            num_records=chunk.num_records,
            rows=Rows(num_rows=chunk.num_records, features=(), matrix=None, columns=columns),
            dtype=np.dtype(dtype),
            issues=no_issues(
                self.schema, len(self.contents.columns), chunk.data, chunk.offset, chunk.file_index
            )
            if self.contents is TEXTS
            else image_issues(self.schema, chunk, bounds),
        )

    def columns_of(
        self, number: int, places: IntArray, data: npt.NDArray[np.uint8], bounds: IntArray
    ) -> dict[str, Any]:
        """The used columns of the files at `places`, which hold ``data[bounds[i]:bounds[i + 1]]``."""
        listing = self.listings[number]
        columns: dict[str, Any] = {}
        for name in self.schema.array_types:
            if name == IMAGES.column:
                columns[name] = of_buffers(arrow_type("bytes"), bounds, data)
            elif name == TEXTS.column:
                columns[name] = decode_bytes(data, bounds)
                if name not in self.schema.learned_texts:
                    columns[name] = columns[name].cast(pa.string())
            elif name == "label":
                codes = pa.array(listing.codes[places])
                columns[name] = pa.array(listing.classes, pa.string()).take(codes)
            else:
                columns[name] = pa.array([listing.names[place] for place in places.tolist()], pa.string())
        return columns

    def check(self, index: RowIndex, progress: Progress | None = None) -> None:
        """Read every file anew and compare it with what the index says it held; see `Table`."""
        check_chunks(self.chunks(_CHECKED_BYTES), index, self.paths, progress)

    def record_offset(self, chunk: Chunk, ordinal: int) -> int:
        """Where a file of a chunk begins among its folder's; see `Table`."""
        return int(chunk.anchor_offsets[ordinal])

    def file_of(self, row: int) -> str:
        """The file that a row is."""
        number = int(np.searchsorted(self.first_rows, row, side="right")) - 1
        listing = self.listings[number]
        return os.path.join(listing.path, listing.names[row - int(self.first_rows[number])])

    def place_of(self, file_index: int, offset: int) -> str:
        """The file that holds a byte; of several where all but the last are empty, the last."""
        listing = self.listings[file_index]
        place = int(np.searchsorted(listing.offsets, offset, side="right")) - 1
        return os.path.join(listing.path, listing.names[min(place, len(listing.names) - 1)])

    def reader(
        self, index: RowIndex, excluded: IntArray, dtype: np.dtype[Any], *, verify: bool = True
    ) -> RowReader:
        """Random access; see `Source.reader`.

        Raises
        ------
        ChangedDataError
            The index is of other folders.
        """
        if index.num_records != int(self.first_rows[-1]) or index.num_files != len(self.listings):
            raise ChangedDataError(
                f"the index is of {index.num_records} files and {self.paths[0]} has "
                f"{int(self.first_rows[-1])}; survey it"
            )
        return FolderReader(self, index, verify)

    def describe(self) -> dict[str, Any]:
        """Plain data: columns, classes and a digest of the files' names; paths are left out."""
        files = [
            {
                "classes": list(listing.classes),
                "names": hashlib.blake2b(
                    "\0".join(listing.names).encode("utf-8", "surrogateescape")
                ).hexdigest(),
            }
            for listing in self.listings
        ]
        return {"format": self.format, **self.schema.describe(), "files": files}
