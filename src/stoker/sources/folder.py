"""Folders of texts by class: a file a text, a folder a class, as the Large Movie Review Dataset has them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import ChangedDataError, ColumnError
from stoker.prefetch import prefetch
from stoker.sources.chunks import Chunk, ParsedChunk, check_chunks
from stoker.sources.csv_open import Written, refuse_renames
from stoker.sources.files import FileIdentity
from stoker.sources.folder_listing import Listing, list_texts
from stoker.sources.folder_reader import FolderReader
from stoker.sources.index import RowIndex
from stoker.sources.record_parser import no_issues
from stoker.sources.request import Request
from stoker.sources.schema import Schema
from stoker.sources.texts import decode_bytes
from stoker.types import ColumnSpec, IntArray, Progress, RowReader, Rows

__all__ = ["COLUMNS", "FolderTable", "folder_template", "open_folders"]

COLUMNS = ("text", "label", "file")
"""What a file is read as: what it holds, the name of its folder, its path."""
_READERS = 4
_CHECKED_BYTES = 1 << 22


def _folder_schema(label: str | None, texts: Sequence[str] | None) -> Schema:
    """The columns of a folder of texts.

    Raises
    ------
    ColumnError
        Others are asked for than there are.
    """
    for what, names in (("label", () if label is None else (label,)), ("text", texts or ())):
        for name in names:
            if name != what:
                raise ColumnError(
                    f"{what}: a folder of texts has the columns text (what a file holds), label (its "
                    f"folder's name) and file (its path), and {name!r} is not the {what}; leave it out"
                )
    text, kind = ColumnSpec(name="text", kind="text"), ColumnSpec(name="label", kind="text")
    return Schema(features=(text,), label=kind, declared=frozenset({"text"}), file_names=COLUMNS)


def open_folders(paths: Sequence[str], request: Request) -> FolderTable:
    """Look into folders of texts; see `stoker.open`.

    Raises
    ------
    DataError
        One of them is no folder of texts, or they have different classes.
    ColumnError
        Other columns are asked for than there are.
    """
    schema = _folder_schema(request.choice.label, request.choice.columns)
    return FolderTable(schema=schema, listings=tuple(list_texts(path, with_label=True) for path in paths))


def folder_template(schema: Schema, written: Written) -> FolderTable:
    """No folder, to look into others with the columns that they have.

    Raises
    ------
    ColumnError
        The columns are others.
    OptionError
        They are to be renamed.
    """
    refuse_renames(written, "folders of texts")
    label = None if schema.label is None else schema.label.name
    known = _folder_schema(label, [column.name for column in schema.features])
    return FolderTable(schema=replace(known, declared=schema.declared), listings=())


@dataclass(frozen=True, kw_only=True, eq=False)
class FolderTable:
    """Folders of texts; implements `stoker.sources.base.Table`.

    A row is a file; rows are in the bytewise order of the files' paths. For the index a folder is one file
    that holds all texts, one behind the other, each a segment of its own.

    Attributes
    ----------
    schema
        The used columns.
    listings
        What stands in each folder.
    """

    schema: Schema
    listings: tuple[Listing, ...]
    class_names: tuple[str, ...] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The folders."""
        return tuple(listing.path for listing in self.listings)

    @property
    def packings(self) -> tuple[str, ...]:
        """Texts are read as they stand."""
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
            if name not in COLUMNS:
                raise ColumnError(
                    f"keep=: a folder of texts has the columns {', '.join(COLUMNS)}, not {name!r}"
                )
        return self.with_schema(replace(self.schema, kept=tuple(dict.fromkeys(names))))

    def like(self, paths: tuple[str, ...], *, with_label: bool) -> FolderTable:
        """Other folders of texts; without a label the texts may stand in the folders themselves."""
        schema = self.schema if with_label else self.schema.without_label()
        listings = tuple(list_texts(path, with_label=with_label) for path in paths)
        return FolderTable(schema=replace(schema, kept=()), listings=listings)

    def identity(self) -> list[FileIdentity]:
        """What the file system says of each folder's files now."""
        return [
            list_texts(listing.path, with_label=listing.has_classes).identity for listing in self.listings
        ]

    def chunks(self, target_bytes: int) -> Iterator[Chunk]:
        """All texts in order; see `Source.chunks`.

        Raises
        ------
        ChangedDataError
            A file is not as long as when the folder was opened, or is gone.
        """
        for known, now in zip(self.listings, self.identity(), strict=True):
            if known.identity != now:
                raise ChangedDataError(f"{known.path}: its files changed since it was opened; open it again")
        tasks = (
            (number, start, stop)
            for number, listing in enumerate(self.listings)
            for start, stop in listing.groups(target_bytes)
        )
        with prefetch(
            lambda task: self._chunk(*task), tasks, workers=_READERS, in_flight=_READERS, name="texts"
        ) as chunks:
            yield from chunks

    def _chunk(self, number: int, start: int, stop: int) -> Chunk:
        listing = self.listings[number]
        offset, first = int(listing.offsets[start]), int(self.first_rows[number])
        return Chunk(
            file_index=number,
            first_row=first + start,
            num_records=stop - start,
            offset=offset,
            data=listing.read(np.arange(start, stop)),
            anchor_rows=np.arange(first + start, first + stop, dtype=np.int64),
            anchor_offsets=listing.offsets[start:stop].copy(),
        )

    def parse(self, chunk: Chunk, dtype: np.dtype[Any], out: npt.NDArray[Any] | None = None) -> ParsedChunk:
        """A chunk's rows; texts of whatever bytes are sound. See `Source.parse`."""
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
            issues=no_issues(self.schema, len(COLUMNS), chunk.data, chunk.offset, chunk.file_index),
        )

    def columns_of(
        self, number: int, places: IntArray, data: npt.NDArray[np.uint8], bounds: IntArray
    ) -> dict[str, Any]:
        """The used columns of the files at `places`, whose texts are ``data[bounds[i]:bounds[i + 1]]``."""
        listing = self.listings[number]
        columns: dict[str, Any] = {}
        for name in self.schema.texts:
            if name == "text":
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
        """Where a text of a chunk begins among its folder's; see `Table`."""
        return int(chunk.anchor_offsets[ordinal])

    def place_of(self, file_index: int, offset: int) -> str:
        """The file whose text holds a byte."""
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
                f"the index is of {index.num_records} texts and {self.paths[0]} has "
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
        return {"format": "folder", **self.schema.describe(), "files": files}
