"""Tables in columns: files with one schema, whose rows are decoded a unit at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError, ColumnError, DataError
from stoker.sources.chunks import Chunk, ParsedChunk
from stoker.sources.columnar.arrow_kinds import can_be, layout_of, unsupported
from stoker.sources.columnar.batch_chunk import BatchChunk, changed, require_values
from stoker.sources.columnar.batch_parse import parse_batch
from stoker.sources.columnar.columns import FileColumns, columns_for
from stoker.sources.columnar.filtered import Where, filtered
from stoker.sources.columnar.held_pieces import HELD_BYTES
from stoker.sources.columnar.scan import scan_units
from stoker.sources.columnar.sieve import Sieve, condition_schema, rows_of
from stoker.sources.columnar.unit_reader import DECODED_AT_ONCE, UnitReader
from stoker.sources.columnar.units import UnitFile, largest_batch
from stoker.sources.conditions import Condition
from stoker.sources.files import FileIdentity
from stoker.sources.index import RowIndex
from stoker.sources.nameless import NAMELESS
from stoker.sources.remote.together import together
from stoker.sources.schema import Schema, find, refuse_answer
from stoker.sources.table import Access
from stoker.sources.where import all_judged, none_satisfies
from stoker.types import ColumnKind, IntArray, Progress, RowReader

__all__ = ["ColumnarTable", "Opener", "with_rows"]

Opener: TypeAlias = Callable[[Sequence[str]], Sequence[UnitFile]]
_CHECKED_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True, eq=False)
class ColumnarTable:
    """Files in columns with one schema; implements `stoker.sources.table.Table`.

    Attributes
    ----------
    format
        Name of the format.
    schema
        The used columns.
    files
        The files that hold rows.
    opener
        Opens others, for `like`; a folder may be several.
    renames
        Pairs of a column's name in files opened later and its name in the schema.
    chosen
        By which condition rows of the files were chosen; None for all of them.
    """

    format: str
    schema: Schema
    files: tuple[UnitFile, ...]
    opener: Opener
    renames: tuple[tuple[str, str], ...] = ()
    chosen: Where | None = None
    class_names: tuple[str, ...] | None = None
    has_lines: bool = field(default=False, init=False)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files."""
        return tuple(map(str, self.places))

    @property
    def places(self) -> tuple[str, ...]:
        """The same; a relative path knows from which folder it is (`stoker.given`)."""
        return tuple(file.path for file in self.files)

    @property
    def packings(self) -> tuple[str, ...]:
        """Units are read by position, however they are compressed."""
        return ("",) * len(self.files)

    @property
    def random_access(self) -> Access:
        """How rows are read by position: in units, unless one of the files is a stream."""
        return "units" if all(file.unit_rows is not None for file in self.files) else "stream"

    @property
    def is_lasting(self) -> bool:
        """Whether what was surveyed may be recognised later: not where something is no file."""
        return all(file.size for file in self.files)

    @property
    def num_rows(self) -> int | None:
        """Rows of all files; None where only the last one tells."""
        if self.random_access == "stream":
            return None
        return sum(int(rows_of(file).sum()) for file in self.files)

    @property
    def row_shape(self) -> tuple[int, ...] | None:
        """Shape of a row of the array that the features are, if it has more than one dimension."""
        shape_of = getattr(self.files[0], "shape_of", None) if self.files else None
        shape: tuple[int, ...] | None = None if shape_of is None else shape_of(self.schema.numeric)
        return None if len(self.schema.numeric) < len(self.schema.features) else shape

    @property
    def unit_rows(self) -> int:
        """Rows of the largest unit."""
        sizes = [0 if file.unit_rows is None else int(file.unit_rows.max()) for file in self.files]
        return max([1, *sizes])

    @property
    def reading_bytes(self) -> int:
        """What a reader holds: decoded pieces, and a unit that is being decoded in each of a few files."""
        largest = max((largest_batch(file) for file in self.files), default=0)
        return HELD_BYTES + DECODED_AT_ONCE * max(self._decoding_bytes, largest)

    @cached_property
    def _decoding_bytes(self) -> int:
        return max(each.decoding_bytes for each in self.file_columns) if self.files else 0

    @cached_property
    def file_columns(self) -> tuple[FileColumns, ...]:
        """Each file with its used columns."""
        names = dict(self.renames)
        return tuple(FileColumns.of(file, self.schema, names) for file in self.files)

    def with_schema(self, schema: Schema) -> ColumnarTable:
        """The same files with other columns."""
        return replace(self, schema=schema)

    def keeping(self, names: Sequence[str]) -> ColumnarTable:
        """The same with columns that come along as text.

        Raises
        ------
        ColumnError
            A file has no such column, or its values are no texts.
        OptionError
            A name is the numeric label's, which comes as numbers already.
        """
        for name in names:
            self._require(name, "keep=: column", "text")
            refuse_answer(self.schema, name)
        return self.with_schema(replace(self.schema, kept=tuple(dict.fromkeys(names))))

    def like(self, paths: tuple[str, ...], *, with_label: bool) -> ColumnarTable:
        """Other files with the same columns, matched by name.

        Raises
        ------
        DataError
            A file cannot be read, or none of them holds a row.
        ColumnError
            A file lacks a feature, or the label where it is wanted.
        """
        schema = self.schema if with_label else self.schema.without_label()
        found = replace(
            self, schema=replace(schema, kept=()), files=with_rows(self.opener(paths)), chosen=None
        )
        found.require_columns()
        return found

    def require_columns(self) -> None:
        """Refuse files without one of the used columns, or with one that cannot be of its kind.

        Raises
        ------
        ColumnError
            There is such a file.
        """
        for column in self.schema.columns:
            self._require(column.name, self.schema.what_is(column.name), column.kind)

    def where(self, condition: Condition) -> ColumnarTable:
        """The rows that satisfy a condition, which alone are numbered; see `stoker.open`.

        Raises
        ------
        OptionError, ColumnError
            The condition does not fit the columns.
        DataError
            No row satisfies it.
        """
        if self.random_access == "stream":
            return replace(self, **filtered(self, condition, [None] * len(self.files)))
        sieve = Sieve.of(self, condition)
        found = replace(self, **filtered(self, condition, sieve.counts()))
        if not found.files:
            raise none_satisfies(self.paths[0], self.num_rows or 0, condition.text)
        return found

    def rows_where(self, condition: Condition) -> npt.NDArray[np.bool_]:
        """Whether each row satisfies a condition; see `Source.where`."""
        if self.random_access == "stream":
            return all_judged(self, condition, condition_schema(self, condition))
        return Sieve.of(self, condition).chosen()

    def _require(self, name: str, what: str, kind: ColumnKind) -> None:
        """Refuse files without a column, or with one of which no such values can be made."""
        names: Mapping[str, str] = {inner: outer for outer, inner in self.renames}
        for file in self.files:
            columns = columns_for(file, self.schema, names)
            place = find(names.get(name, name), layout_of(file.path, columns), what)
            if not can_be(columns[place], kind):
                raise ColumnError(f"{file.path}: {unsupported(columns[place], kind)}")

    def chunks(self, target_bytes: int) -> Iterator[Chunk]:
        """All files in order; see `Source.chunks`.

        Raises
        ------
        DataError
            A file cannot be read, or holds damaged values.
        """
        row = 0
        for number, columns in enumerate(self.file_columns):
            first = row
            for chunk in scan_units(columns, number, first, target_bytes):
                held = max(self._decoding_bytes, largest_batch(columns.file))
                yield replace(chunk, unpacking_bytes=held)
                row = chunk.first_row + chunk.num_records
            if row == first:
                why = "" if self.chosen is None else f" that satisfy where={self.chosen.condition!r}"
                raise DataError(f"{self.paths[number]} holds no rows{why}; leave it out, or name others")

    def parse(self, chunk: Chunk, dtype: np.dtype[Any], out: npt.NDArray[Any] | None = None) -> ParsedChunk:
        """Parse a chunk; see `Source.parse`."""
        assert isinstance(chunk, BatchChunk)
        return parse_batch(chunk, self.schema, np.dtype(dtype), out)

    def identity(self) -> list[FileIdentity]:
        """What the file system says of each file now."""
        if self.format in NAMELESS:
            return [file.identity() for file in self.files]  # nobody is asked
        return together(lambda file: file.identity(), self.files, lambda file: file.path)

    def place_of(self, file_index: int, offset: int) -> str:
        """A file and its row, counted from 0; of those that a condition left, if one did."""
        among = "" if self.chosen is None else f" of those where {self.chosen.condition}"
        return f"{self.paths[file_index]}, row {offset:,}{among}"

    def record_offset(self, chunk: Chunk, ordinal: int) -> int:
        """The number of a row within its file."""
        return chunk.offset + ordinal

    def check(self, index: RowIndex, progress: Progress | None = None) -> None:
        """Compare the files' values with their checksums; see `Table`.

        Raises
        ------
        ChangedDataError
            They hold something else.
        """
        total, place = index.num_records, 0
        try:
            for chunk in self.chunks(_CHECKED_BYTES):
                found = chunk.checksums()
                require_values(index, chunk, found, place, self.paths[chunk.file_index])
                place += len(found)
                if progress is not None:
                    progress(chunk.first_row + chunk.num_records, total)
        except ChangedDataError:
            raise
        except DataError as error:
            raise ChangedDataError(f"{error} (it could be read when it was surveyed)") from error
        if place < len(index.checksums):
            raise changed(self.paths[-1], "rows are missing at its end")

    def reader(
        self, index: RowIndex, excluded: IntArray, dtype: np.dtype[Any], *, verify: bool = True
    ) -> RowReader:
        """Random access, a unit at a time; see `Source.reader`."""
        if index.num_files != len(self.files):
            raise ChangedDataError(
                f"the index is of {index.num_files} files and the source has {len(self.files)}; survey it"
            )
        return UnitReader(self.file_columns, self.schema, index, excluded, np.dtype(dtype), verify=verify)

    def describe(self) -> dict[str, Any]:
        """Plain data: columns, and what is to know of each file, paths left out."""
        files = [file.describe() for file in self.files]
        chosen = {} if self.chosen is None else {"where": self.chosen.condition}
        return {"format": self.format, **self.schema.describe(), **chosen, "files": files}


def with_rows(files: Sequence[UnitFile]) -> tuple[UnitFile, ...]:
    """The files that hold rows, or may.

    Raises
    ------
    DataError
        None does.
    """
    kept = tuple(file for file in files if file.unit_rows is None or int(file.unit_rows.sum()))
    if not kept:
        raise DataError(f"{files[0].path} holds no rows; name files with rows")
    return kept
