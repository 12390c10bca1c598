"""Tables in delimited files: CSV and TSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, ColumnError
from stoker.sources.chunks import Chunk, ParsedChunk, check_chunks
from stoker.sources.csv_open import Written, read_layout
from stoker.sources.csv_parse import FileParser, parser_of
from stoker.sources.csv_reader import CsvReader
from stoker.sources.csv_scan import scan_file
from stoker.sources.files import FileIdentity, identify, line_of
from stoker.sources.index import RowIndex
from stoker.sources.remote.names import READING_BYTES, is_remote
from stoker.sources.schema import FileLayout, Schema, columns_in, find, refuse_answer
from stoker.types import IntArray, Progress, RowReader

__all__ = ["CsvTable"]

_CHECKED_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True, eq=False)
class CsvTable:
    """Delimited files with one schema; implements `stoker.sources.base.Table`.

    Attributes
    ----------
    schema
        The used columns.
    layouts
        How each file is written.
    written
        What the user said of the way files are written; used for files opened later.
    class_names
        Names of the classes 1, 2, … where a file beside the data gives them.
    """

    format: ClassVar[str] = "csv"
    schema: Schema
    layouts: tuple[FileLayout, ...]
    written: Written
    class_names: tuple[str, ...] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The files."""
        return tuple(map(str, self.places))

    @property
    def places(self) -> tuple[str, ...]:
        """The same; a relative path knows from which folder it is (`stoker.given`)."""
        return tuple(layout.path for layout in self.layouts)

    @cached_property
    def _parsers(self) -> tuple[FileParser, ...]:
        return tuple(parser_of(self.schema, layout) for layout in self.layouts)

    def with_schema(self, schema: Schema) -> CsvTable:
        """The same files with other columns."""
        return replace(self, schema=schema)

    def keeping(self, names: Sequence[str]) -> CsvTable:
        """The same with columns that come along as text.

        Raises
        ------
        ColumnError
            A file has no such column.
        OptionError
            A name is the numeric label's, which comes as numbers already.
        """
        for name in names:
            for layout in self.layouts:
                find(name, layout, "keep=: column")
            refuse_answer(self.schema, name)
        return self.with_schema(replace(self.schema, kept=tuple(dict.fromkeys(names))))

    def like(self, paths: tuple[str, ...], *, with_label: bool) -> CsvTable:
        """Other files with the same columns, matched by name.

        Raises
        ------
        ColumnError
            A file lacks a feature, or the label where it is wanted.
        """
        schema = self.schema if with_label else self.schema.without_label()
        schema = replace(schema, kept=())
        first = self.layouts[0]
        layouts = []
        for path in paths:
            layout, _ = read_layout(
                path, replace(self.written, header=first.has_header), schema.used, earlier=first
            )
            layout = layout if first.has_header else self._with_names(layout, with_label)
            for name in schema.used:
                find(name, layout, schema.what_is(name))
            layouts.append(layout)
        return replace(self, schema=schema, layouts=tuple(layouts))

    def _with_names(self, layout: FileLayout, with_label: bool) -> FileLayout:
        """Columns without names, by place; a file to predict on may lack the label's."""
        names = self.schema.file_names
        if len(layout.names) == len(names):
            return layout
        rest = tuple(name for name in names if not self.schema.is_answer(name))
        if not with_label and len(layout.names) == len(rest):
            return replace(layout, names=rest)
        raise ColumnError(
            f"{layout.path} has {columns_in(layout)} and {self.layouts[0].path} {len(names)}; without a "
            "header columns are matched by their places, so their number must be the same"
        )

    def chunks(self, target_bytes: int) -> Iterator[Chunk]:
        """All files in order; see `Source.chunks`."""
        row = 0
        for file_index, layout in enumerate(self.layouts):
            size = identify(layout.path).size
            if size != layout.size:
                raise ChangedDataError(
                    f"{layout.path} changed since it was opened, from {layout.size} to {size} bytes; "
                    "open it again"
                )
            for chunk in scan_file(layout, file_index, row, target_bytes):
                yield chunk
                row = chunk.first_row + chunk.num_records

    def parse(self, chunk: Chunk, dtype: np.dtype[Any], out: npt.NDArray[Any] | None = None) -> ParsedChunk:
        """Parse a chunk; see `Source.parse`."""
        parser = self._parsers[chunk.file_index]
        block = parser.parse(chunk.data, chunk.num_records, np.dtype(dtype), out=out)
        ids = np.arange(chunk.first_row, chunk.first_row + chunk.num_records, dtype=np.int64)
        return ParsedChunk(
            file_index=chunk.file_index,
            first_row=chunk.first_row,
            num_records=chunk.num_records,
            rows=block.rows(self.schema),
            dtype=block.matrix.dtype,
            issues=parser.row_issues(block, chunk.data, chunk.offset, chunk.file_index, ids),
        )

    @property
    def packings(self) -> tuple[str, ...]:
        """How each file is compressed, or ``""``."""
        return tuple(layout.packing for layout in self.layouts)

    @property
    def reading_bytes(self) -> int:
        """What a reader holds beside what it returns: of files elsewhere what was asked for ahead."""
        return READING_BYTES if any(map(is_remote, self.paths)) else 0

    def identity(self) -> list[FileIdentity]:
        """What the file system says of each file now."""
        return [identify(path) for path in self.places]

    def place_of(self, file_index: int, offset: int) -> str:
        """A file and its line that holds a byte; reads the file up to there."""
        path = self.places[file_index]
        return f"{path}, line {line_of(path, offset):,}"

    def check(self, index: RowIndex, progress: Progress | None = None) -> None:
        """Compare the files with their checksums; see `Table`.

        Raises
        ------
        ChangedDataError
            They hold something else.
        """
        if any(self.packings):
            check_chunks(self.chunks(_CHECKED_BYTES), index, self.paths, progress)
        else:
            index.check(self.places, progress)

    def record_offset(self, chunk: Chunk, ordinal: int) -> int:
        """Where a record of a chunk begins in its file; see `Table`."""
        starts = self._parsers[chunk.file_index].record_starts(chunk.data, chunk.num_records)
        return chunk.offset + int(starts[ordinal])

    def reader(
        self, index: RowIndex, excluded: IntArray, dtype: np.dtype[Any], *, verify: bool = True
    ) -> RowReader:
        """Random access; see `Source.reader`."""
        if index.num_files != len(self.layouts):
            raise ChangedDataError(
                f"the index is of {index.num_files} files and the source has {len(self.layouts)}; survey it"
            )
        return CsvReader(self._parsers, index, excluded, dtype, verify)

    def describe(self) -> dict[str, Any]:
        """Plain data: columns, and how each file is written, paths left out."""
        files = [
            {
                "delimiter": layout.dialect.delimiter,
                "quote": layout.dialect.quote,
                "header": layout.has_header,
                "data_offset": layout.data_offset,
                "width": len(layout.names),
                "places": [layout.places[name][0] for name in self.schema.used],
            }
            for layout in self.layouts
        ]
        return {"format": self.format, **self.schema.describe(), "files": files}
