"""Which units of a table hold rows that satisfy a condition; units of which that is known are not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError
from stoker.sources.columnar.arrow_kinds import ArrowColumn, can_be, column_kind, unsupported
from stoker.sources.columnar.columns import FileColumns
from stoker.sources.columnar.parquet import ParquetUnits
from stoker.sources.columnar.partitions import PartitionedUnits
from stoker.sources.columnar.ranges import range_of_group, range_of_value
from stoker.sources.columnar.units import UnitFile
from stoker.sources.conditions import Condition
from stoker.sources.outcomes import ANYTHING, Outcome, Range
from stoker.sources.schema import PLAIN_KINDS, Schema
from stoker.sources.where import judged_chunks, schema_for
from stoker.types import ColumnKind, ColumnSpec, IntArray

if TYPE_CHECKING:
    from stoker.sources.columnar.table import ColumnarTable

__all__ = ["Sieve", "condition_schema", "only", "rows_of"]

_NONE, _ALL, _SOME = 0, 1, 2
"""How many rows of a unit satisfy a condition, as far as is known without reading it."""


@dataclass(frozen=True, eq=False)
class Sieve:
    """A table whose units' sizes are known, and what is known of each of them beforehand.

    Attributes
    ----------
    table
        The table with the columns of the condition alone.
    condition
        What rows are held to.
    verdicts
        For each file one number a unit: none, all or some of its rows.
    """

    table: ColumnarTable
    condition: Condition
    verdicts: tuple[npt.NDArray[np.int8], ...]

    @classmethod
    def of(cls, table: ColumnarTable, condition: Condition) -> Sieve:
        """Look at what the files say of their units; no row is read.

        Raises
        ------
        ColumnError, OptionError
            The condition does not fit the columns.
        """
        schema = condition_schema(table, condition)
        reading = table.with_schema(schema)
        columns = [FileColumns.of(file, schema, dict(table.renames)) for file in table.files]
        for each in columns:
            for spec, column in zip(schema.features, each.columns, strict=True):
                if not can_be(column, spec.kind):
                    raise ColumnError(f"where: {each.file.path}: {unsupported(column, spec.kind)}")
        return cls(reading, condition, tuple(_verdicts(each, schema, condition) for each in columns))

    def masks(self) -> Iterator[tuple[int, int, int, npt.NDArray[np.bool_]]]:
        """Which rows satisfy the condition: file, unit, first row within it, and bool for rows from there on.

        Units of which none does are left out; others are told once or in parts.
        """
        for number, verdicts in enumerate(self.verdicts):
            rows = rows_of(self.table.files[number])
            for unit in np.flatnonzero(verdicts == _ALL).tolist():
                yield number, unit, 0, np.ones(int(rows[unit]), np.bool_)
        open_units = [np.flatnonzero(verdicts == _SOME) for verdicts in self.verdicts]
        files = [(number, units) for number, units in enumerate(open_units) if len(units)]
        if not files:
            return
        whole = self.table.files
        rest = replace(self.table, files=tuple(only(whole[number], units) for number, units in files))
        at = np.array([[number, unit] for number, units in files for unit in units.tolist()], np.int64)
        sizes = np.concatenate([rows_of(whole[number])[units] for number, units in files])
        starts = np.cumsum(sizes) - sizes
        for chunk, mask in judged_chunks(rest, self.condition):
            stop = chunk.first_row + len(mask)
            begin = int(np.searchsorted(starts, chunk.first_row, side="right")) - 1
            for place in range(begin, int(np.searchsorted(starts, stop))):
                low, high = max(chunk.first_row, int(starts[place])), stop
                high = min(high, int(starts[place] + sizes[place]))
                part = mask[low - chunk.first_row : high - chunk.first_row]
                yield int(at[place, 0]), int(at[place, 1]), low - int(starts[place]), part

    def counts(self) -> list[IntArray]:
        """Rows of each unit that satisfy the condition, a file each; reads what is not known."""
        found = [np.zeros(len(verdicts), np.int64) for verdicts in self.verdicts]
        for number, unit, _, mask in self.masks():
            found[number][unit] += np.count_nonzero(mask)
        return found

    def chosen(self) -> npt.NDArray[np.bool_]:
        """Whether each row of the table satisfies the condition; reads what is not known."""
        sizes = [rows_of(file) for file in self.table.files]
        first = np.cumsum([0, *(int(rows.sum()) for rows in sizes)])
        starts = [begin + np.cumsum(rows) - rows for begin, rows in zip(first, sizes, strict=False)]
        found = np.zeros(int(first[-1]), np.bool_)
        for number, unit, row, mask in self.masks():
            begin = int(starts[number][unit]) + row
            found[begin : begin + len(mask)] = mask
        return found


def condition_schema(table: ColumnarTable, condition: Condition) -> Schema:
    """The columns that a condition names; those that are not used are what their types say.

    Raises
    ------
    ColumnError, OptionError
        The condition does not fit the columns.
    """
    kinds: dict[str, ColumnKind] = {}
    for column in table.files[0].columns:
        if column.name in condition.names:
            kind = column_kind(column.type)
            kinds[column.name] = kind if kind in PLAIN_KINDS else "text"
    return schema_for(condition, table.schema, kinds)


def only(file: UnitFile, units: IntArray) -> UnitFile:
    """A file with some of its units alone; all of them where it cannot be told apart, but for none at all."""
    if isinstance(file, PartitionedUnits):
        return replace(file, file=only(file.file, units))
    return file.only(units) if isinstance(file, ParquetUnits) else file


def rows_of(file: UnitFile) -> IntArray:
    """Rows of each unit of a file that is no stream."""
    assert file.unit_rows is not None
    return file.unit_rows


def _verdicts(columns: FileColumns, schema: Schema, condition: Condition) -> npt.NDArray[np.int8]:
    specs = list(zip(schema.features, columns.columns, strict=True))
    known = [(spec, column) for spec, column in specs if _compares_as_it_is(spec, column, schema)]
    count, found = len(rows_of(columns.file)), []
    for unit in range(count):
        ranges = _ranges(columns.file, unit, {column.source: column for _, column in known})
        found.append(
            _verdict(condition, {spec.name: ranges.get(column.source, ANYTHING) for spec, column in known})
        )
    return np.array(found, np.int8)


def _verdict(condition: Condition, ranges: Mapping[str, Range]) -> int:
    outcome = condition.outcome(ranges)
    if outcome == Outcome.TRUE:
        return _ALL
    # A row with a bad value is chosen, whatever the condition is.
    may_be_bad = any(ranges.get(name, ANYTHING).may_be_bad for name in condition.names)
    return _SOME if outcome & Outcome.TRUE or may_be_bad else _NONE


def _compares_as_it_is(spec: ColumnSpec, column: ArrowColumn, schema: Schema) -> bool:
    """Whether a column's values are compared as the file has them, in the order of its statistics."""
    found = column_kind(column.type)
    if column.element >= 0 or found not in ("int", "float", "text"):
        return False
    if spec.kind == "int" and found == "float" and spec.name in schema.declared:
        return False  # fractions are bad values then
    return (found == "text") == (spec.kind == "text")


def _ranges(file: UnitFile, unit: int, columns: Mapping[str, ArrowColumn]) -> dict[str, Range]:
    if isinstance(file, PartitionedUnits):
        told = {name: range_of_value(value.as_py()) for name, value in file.values if name in columns}
        own = {name: column for name, column in columns.items() if name not in told}
        return {**_ranges(file.file, unit, own), **told}
    if not isinstance(file, ParquetUnits):
        return {}
    return {
        name: range_of_group(part, columns[name].type)
        for name, part in file.parts_of(unit, list(columns)).items()
    }
