"""Rows in memory with the columns and kinds of a run: opened as `stoker.open` opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import ColumnError
from stoker.sources.base import Source
from stoker.sources.columnar.arrow_kinds import ArrowColumn, column_kind
from stoker.sources.columnar.stream import StreamUnits
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.columnar.values import as_numbers, normalised
from stoker.sources.nameless import IN_MEMORY, Itself
from stoker.sources.objects.opening import held_units
from stoker.sources.objects.tables import MemoryUnits, array_units
from stoker.sources.schema import Schema
from stoker.types import ColumnSpec, is_number

__all__ = ["held_source"]

_LOOKED_AT = 4_096


def held_source(rows: Any, schema: Schema, *, keep: Sequence[str] = ()) -> Source:
    """Rows that another library holds, as a source with the columns and kinds of a run.

    Parameters
    ----------
    rows
        As `stoker.open` takes them, also none of them; an array of shape (n, k) has the k features in their
        order, whatever they are called, unless its own columns ``#0``, ``#1``, … have their names.
    schema
        The columns that are needed.
    keep
        Names of columns that come along.

    Raises
    ------
    ColumnError
        A column is absent, or holds something else than it did in training.
    DataError, OptionError
        Nothing of that kind can be opened.
    """
    if isinstance(rows, np.ndarray):
        units: MemoryUnits | StreamUnits = _array(rows, schema)
    else:
        units = held_units(_narrowed(rows, (*schema.used, *keep)))
    table = ColumnarTable(format=IN_MEMORY, schema=schema, files=(units,), opener=Itself(units))
    table.require_columns()
    if isinstance(units, MemoryUnits) and units.num_rows:
        _require_alike(units, schema)
    return Source(table=table)


def _narrowed(rows: Any, names: Sequence[str]) -> Any:
    """A frame or a mapping with the columns that are needed alone: what the others hold does not matter."""
    wanted = list(dict.fromkeys([*names, *(name.rpartition("[")[0] for name in names)]))
    if isinstance(rows, Mapping) and not hasattr(rows, "with_format"):
        held = {str(name): values for name, values in rows.items()}
        return {name: held[name] for name in wanted if name in held}
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        levels = [name if str(name) in wanted else None for name in rows.index.names]
        return rows.loc[:, [str(name) in wanted for name in rows.columns]].rename_axis(index=levels)
    return rows


def _array(rows: Any, schema: Schema) -> MemoryUnits:
    """An array whose columns are the features in their order, or have their names.

    Raises
    ------
    ColumnError
        They are neither.
    """
    features = [column.name for column in schema.features]
    width = int(np.prod(rows.shape[1:])) if rows.ndim > 1 else 0
    if width == len(features) and not schema.answers:
        return array_units(rows, features)
    if not {*schema.used} <= {f"#{place}" for place in range(width)}:
        raise ColumnError(f"expected an array of shape (n, {len(features)}), got {rows.shape}")
    return array_units(rows)


def _require_alike(units: MemoryUnits, schema: Schema) -> None:
    """Refuse numbers where training saw texts, which would be other texts, and texts that are no numbers.

    Raises
    ------
    ColumnError
        A column holds such values.
    """
    held = {column.name: column for column in units.columns}
    for column in schema.columns:
        found = held.get(column.name)
        if found is None or pa.types.is_null(found.type):
            continue
        kind = column_kind(found.type)
        if column.kind == "text" and is_number(kind or "text") and column.name not in schema.declared:
            raise ColumnError(
                f"column {column.name!r} of {units.path} holds {found.type}, and training saw texts there: "
                "cast it to the texts that stood there, for example with astype(str)"
            )
        if is_number(column.kind) and kind == "text":
            _require_a_number(units, column, found)


def _require_a_number(units: MemoryUnits, column: ColumnSpec, found: ArrowColumn) -> None:
    part = units.slice(0, min(_LOOKED_AT, units.num_rows), [found.source])
    values = normalised(part.column(0))
    told = as_numbers(values if found.element < 0 else pc.list_element(values, found.element), integers=False)
    if told.wrong is not None and told.wrong.any():
        first = int(np.argmax(told.wrong))
        if not (np.isfinite(told.values) & ~told.wrong).any():
            raise ColumnError(
                f"column {column.name!r} of {units.path} holds no numbers, as training saw them: row {first} "
                f"holds {values[first].as_py()!r}"
            )
