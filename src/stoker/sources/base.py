"""What users hold of their data: columns, views, and the ways to read them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError, OptionError
from stoker.sources.alike import files_like
from stoker.sources.chunks import Chunk, ParsedChunk
from stoker.sources.files import FileIdentity, line_of
from stoker.sources.index import RowIndex
from stoker.sources.locating import offset_of
from stoker.sources.narrowing import Narrowing
from stoker.sources.shown import shown
from stoker.sources.table import Table
from stoker.sources.text_batches import TextBatch, text_batches
from stoker.sources.told import Told
from stoker.sources.views import Spec, View
from stoker.types import ColumnKind, IntArray, RowReader, Rows

__all__ = ["Source", "Table"]

_PEEK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Source(Told, Narrowing):
    r"""Rows on disk, and which of them; immutable. Made by `stoker.open`.

    Attributes
    ----------
    table
        The files with their columns.
    view
        Which rows, as a recipe.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> temporary = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(temporary.name) / "points.csv"
    >>> _ = file.write_text("x,y,kind\n1,2.5,a\n3,4,b\n")
    >>> source = stoker.open(file, label="kind")
    >>> source.features, source.label
    (('x', 'y'), 'kind')
    >>> train, valid = source.split(0.5, seed=1)
    >>> temporary.cleanup()
    """

    table: Table
    view: View = field(default_factory=View)

    def __repr__(self) -> str:
        return shown(self.table, self.view)

    @property
    def whole(self) -> Source:
        """The source with every row."""
        return replace(self, view=View())

    def kind_of(self, column: str) -> ColumnKind:
        """Kind of a used column; `KeyError` where it is not used."""
        return {spec.name: spec.kind for spec in self.columns}[column]

    def narrowed(self, step: Spec) -> Source:
        """The rows of this view that one more step leaves."""
        return replace(self, view=self.view.then(step))

    def without_label(self) -> Source:
        """The same rows without their labels and what they weigh."""
        return replace(self, table=self.table.with_schema(self.table.schema.without_label()))

    def knowing_images(self, names: Collection[str]) -> Source:
        """The same rows, of which those are bad in which one of these features of bytes is no image."""
        schema = self.table.schema
        known = schema.images | {
            column.name for column in schema.features if column.kind == "bytes" and column.name in names
        }
        if known == schema.images:
            return self
        return replace(self, table=self.table.with_schema(replace(schema, images=known)))

    def keeping(self, names: Sequence[str]) -> Source:
        """The same rows with more columns, which come as text in ``Rows.columns`` whatever they hold.

        Raises
        ------
        ColumnError
            A file has no such column.
        """
        if isinstance(names, str):
            raise OptionError(f"keeping takes a list of names, got the string {names!r}")
        return replace(self, table=self.table.keeping(names))

    def like(
        self, paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, with_label: bool
    ) -> Source:
        """Other files with this source's columns and kinds, all rows of them; of its format or another.

        Delimiter and quote are found for each file anew, columns are matched by name, others are ignored.

        Parameters
        ----------
        paths
            As in `stoker.open`.
        with_label
            Whether the files must have the label column.

        Raises
        ------
        ColumnError
            A file lacks a column.
        """
        return Source(table=files_like(self.table, paths, with_label=with_label))

    def chunks(self, target_bytes: int) -> Iterator[Chunk]:
        """Every record of the whole source once, in pieces of about `target_bytes`; the view is ignored.

        Raises
        ------
        DataError
            A quote is never closed, or a record is too long.
        ChangedDataError
            A file is not as long as when it was opened.
        """
        return self.table.chunks(target_bytes)

    def parse(
        self, chunk: Chunk, dtype: npt.DTypeLike = np.uint8, out: npt.NDArray[Any] | None = None
    ) -> ParsedChunk:
        """Rows and issues of a chunk; safe to call from several threads.

        Parameters
        ----------
        chunk
            One of `chunks`.
        dtype
            The matrix's narrowest type: uint8, int16, int32, int64 or float64.
        out
            C-contiguous, shape (records, numeric features): takes the matrix where that is of its dtype.
        """
        return self.table.parse(chunk, np.dtype(dtype), out)

    def reader(
        self,
        index: RowIndex,
        excluded: IntArray | None = None,
        dtype: npt.DTypeLike = np.float64,
        *,
        verify: bool = True,
    ) -> RowReader:
        """Random access to the rows of the whole source.

        Parameters
        ----------
        index
            Made of `chunks`.
        excluded
            int64 of shape (e,): ids of bad rows, ascending; they may be read, and what is wrong in them is 0
            or empty.
        dtype
            The matrix's type, wide enough for every row.
        verify
            Whether to compare checksums at each read.
        """
        nothing = np.empty(0, np.int64)
        return self.table.reader(
            index, nothing if excluded is None else excluded, np.dtype(dtype), verify=verify
        )

    def text_batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        chunk_bytes: int = 1 << 21,
        on_bad_row: Literal["error", "skip"] = "error",
    ) -> Iterator[TextBatch]:
        r"""Texts and labels of this view's rows in order, in batches of bounded size.

        The files are read once, and before that once for the number of rows where the view was split. A feed
        does not need this; it is for learning from texts outside of one.

        Parameters
        ----------
        columns
            Text features; None for all of them.
        chunk_bytes
            How much of a file is read at a time, about.
        on_bad_row
            Whether a row that cannot be parsed, or has no label, is an error or is left out.

        Raises
        ------
        ColumnError
            A column is no text feature, or there is none.
        BadRowError
            A row is bad.

        Examples
        --------
        >>> import stoker, tempfile, pathlib
        >>> temporary = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(temporary.name, "tiny.csv")
        >>> _ = path.write_text("kind,text\nham,see you\nspam,007\n")
        >>> source = stoker.open(path, label="kind", text="text")
        >>> [(batch.texts.to_pylist(), batch.labels.to_pylist()) for batch in source.text_batches()]
        [(['see you', '007'], ['ham', 'spam'])]
        >>> temporary.cleanup()
        """
        return text_batches(self, columns, chunk_bytes=chunk_bytes, on_bad_row=on_bad_row)

    def line_of(self, file_index: int, offset: int) -> int:
        """Line, counted from 1, of a byte of a file that has lines; reads the file up to there."""
        return line_of(self.places[file_index], offset)

    def place_of(self, file_index: int, offset: int) -> str:
        """Where a byte of a file stands, for people: file and line; reads the file up to there."""
        return self.table.place_of(file_index, offset)

    def file_of(self, file_index: int, row: int) -> str:
        """The file that a row stands in: of a folder whose files are rows, one of its files."""
        own = getattr(self.table, "file_of", None)
        return self.paths[file_index] if own is None else str(own(row))

    def place_of_row(self, file_index: int, offset: int, row: int) -> str:
        """Where a row stands that begins at a byte of a file, for people: the file, and the line if any."""
        own = getattr(self.table, "file_of", None)
        return self.place_of(file_index, offset) if own is None else str(own(row))

    def told(self, row: int, index: RowIndex) -> str:
        """The file that holds a row of an index, its line if it has lines, and the row's id, for people.

        Reads the file up to there.
        """
        file_index = index.file_of(row)
        where = self.file_of(file_index, row)
        if self.has_lines and not hasattr(self.table, "file_of"):
            with suppress(DataError):  # it cannot be read any more
                where = self.place_of(file_index, offset_of(self.table, index, row))
        return f"{where} (row {row:,})"

    def identity(self) -> list[FileIdentity]:
        """What the file system says of each file now."""
        return self.table.identity()

    def peek(self, count: int = 5) -> Rows:
        """The first rows of the whole source, `count` at most."""
        chunk = next(iter(self.chunks(_PEEK_BYTES)))
        rows = self.parse(chunk).rows
        number = min(count, rows.num_rows)
        return replace(rows, num_rows=number, index=np.arange(number, dtype=np.int64))

    def describe(self) -> dict[str, Any]:
        """Plain data: format, columns, how each file is written, and the view; paths are left out."""
        return {**self.table.describe(), "view": self.view.describe()}
