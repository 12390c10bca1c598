"""Files of which only the rows that satisfy a condition count: the others have no number and are not kept."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stoker.sources.columnar.arrow_kinds import ArrowColumn
from stoker.sources.columnar.batch_chunk import chunk_of
from stoker.sources.columnar.batch_parse import parse_batch
from stoker.sources.columnar.columns import FileColumns
from stoker.sources.columnar.sieve import condition_schema, only
from stoker.sources.columnar.units import UnitFile
from stoker.sources.conditions import Condition
from stoker.sources.files import FileIdentity
from stoker.sources.schema import Schema
from stoker.sources.where import judged
from stoker.types import IntArray

if TYPE_CHECKING:
    from stoker.sources.columnar.table import ColumnarTable

__all__ = ["FilteredUnits", "Where", "filtered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A condition that rows of a table were chosen by as it was opened, and what it spares.

    Attributes
    ----------
    condition
        As it was said.
    num_units, num_skipped
        Units of all files, and those of them that are never read.
    num_files, num_files_skipped
        The same of files.
    """

    condition: str
    num_units: int
    num_skipped: int
    num_files: int
    num_files_skipped: int

    @property
    def told(self) -> str:
        """What is not read, for people."""
        if not self.num_units:
            return "the whole stream is read"
        if not self.num_skipped:
            return "everything is read: nothing tells beforehand that a row group has no such row"
        files = f", {self.num_files_skipped:,} of {self.num_files:,} files" if self.num_files_skipped else ""
        return f"{self.num_skipped:,} of {self.num_units:,} row groups are not read{files}"


@dataclass(frozen=True, eq=False)
class FilteredUnits:
    """The rows of a file that satisfy a condition; a `UnitFile`.

    Attributes
    ----------
    file
        The file, of whose units some may be left out.
    unit_rows
        int64: rows of each unit that satisfy the condition; None for a stream.
    condition
        What rows are held to as they are decoded.
    schema
        The columns that it names.
    columns_held
        The file's columns for them.
    """

    file: UnitFile
    unit_rows: IntArray | None
    condition: Condition
    schema: Schema
    columns_held: FileColumns

    @property
    def path(self) -> str:
        """The file."""
        return self.file.path

    @property
    def columns(self) -> Sequence[ArrowColumn]:
        """The file's."""
        return self.file.columns

    @property
    def size(self) -> int:
        """The file's."""
        return self.file.size

    def identity(self) -> FileIdentity:
        """The file's."""
        return self.file.identity()

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any]:
        """The rows from a unit on, in batches of up to `rows`; see `UnitFile`."""
        for batch in self.file.batches(first_unit, self._read(names), rows):
            held = self.columns_held.used(batch)
            chunk = chunk_of(held, file_index=0, first_row=0, row=0, anchors=None)
            mask = judged(
                parse_batch(chunk, self.schema, np.dtype(np.float64)), self.condition, self.schema.numeric
            )
            if mask.all():
                yield batch
            elif mask.any():
                yield batch.filter(pa.array(mask))

    def used_bytes(self, names: Sequence[str]) -> int:
        """Bytes of the file that these columns and the condition's take."""
        return self.file.used_bytes(self._read(names))

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """Memory that decoding them takes."""
        return self.file.decoding_bytes(self._read(names))

    def shape_of(self, names: Sequence[str]) -> tuple[int, ...] | None:
        """The file's, where it is of arrays."""
        found: tuple[int, ...] | None = getattr(self.file, "shape_of", lambda names: None)(names)
        return found

    def describe(self) -> dict[str, Any]:
        """The file's; the condition is told of the table."""
        return self.file.describe()

    def _read(self, names: Sequence[str]) -> list[str]:
        return list(dict.fromkeys([*names, *self.columns_held.sources]))


def filtered(table: ColumnarTable, condition: Condition, counts: Sequence[IntArray | None]) -> dict[str, Any]:
    """What of a table changes where a condition chooses its rows: ``files``, and ``chosen`` that tells it.

    Parameters
    ----------
    table, condition
        The table, and the condition.
    counts
        For each file the rows of each unit that satisfy it; None for a stream, of which nobody knows.
    """
    schema = condition_schema(table, condition)
    files: list[FilteredUnits] = []
    num_units = num_read = 0
    for file, rows in zip(table.files, counts, strict=True):
        held = FileColumns.of(file, schema, dict(table.renames))
        if rows is None:
            files.append(FilteredUnits(file, None, condition, schema, held))
            continue
        num_units += len(rows)
        if rows.any():
            units = np.flatnonzero(rows)
            read = only(file, units)
            if read is not file:
                rows = rows[units]
            num_read += len(rows)
            files.append(FilteredUnits(read, rows, condition, schema, held))
    chosen = Where(
        condition=condition.text,
        num_units=num_units,
        num_skipped=num_units - num_read,
        num_files=len(table.files),
        num_files_skipped=len(table.files) - len(files),
    )
    return {"files": tuple(files), "chosen": chosen}
