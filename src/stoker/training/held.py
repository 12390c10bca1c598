"""Rows in memory to be scored: opened as `stoker.open` opens them, with a run's columns and kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import ColumnError
from stoker.sources import Source
from stoker.sources.columnar.arrow_kinds import ArrowColumn, column_kind, layout_of
from stoker.sources.columnar.stream import StreamUnits
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.columnar.values import as_numbers, normalised
from stoker.sources.nameless import IN_MEMORY, Itself
from stoker.sources.objects.opening import held_units
from stoker.sources.objects.tables import MemoryUnits, array_units
from stoker.sources.schema import Schema, find
from stoker.training.pieces import Piece
from stoker.types import ColumnSpec, is_number

__all__ = ["held_source", "is_texts", "keeping", "with_kept"]

_LOOKED_AT = 4_096


def is_texts(rows: Any) -> bool:
    """Whether these are texts one by one: a list or an array of strings, not a frame of columns."""
    if isinstance(rows, list | tuple):
        return all(isinstance(text, str | bytes) or text is None for text in rows)
    if isinstance(rows, pa.Array | pa.ChunkedArray):
        return bool(pa.types.is_string(rows.type) or pa.types.is_large_string(rows.type))
    if not isinstance(rows, np.ndarray) and (not hasattr(rows, "iloc") or hasattr(rows, "columns")):
        return False  # neither an array nor a pandas Series
    return len(rows.shape) == 1 and getattr(rows.dtype, "kind", "O") in "OUT"


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


def keeping(source: Source, names: Sequence[str]) -> Source:
    """A source of which columns come along: of rows in memory as they are, `with_kept`; of others as text.

    Raises
    ------
    ColumnError
        There is no such column.
    """
    units = _held(source)
    if units is None:
        return source.keeping(names) if names else source
    fields = [ArrowColumn(each.name, each.name, -1, each.type) for each in units.schema]
    for name in names:
        find(name, layout_of(units.path, fields), "keep=: column")
    return source


def with_kept(pieces: Iterator[Piece], source: Source, names: Sequence[str]) -> Iterator[Piece]:
    """Pieces with the columns that come along, which those of rows in memory have not yet."""
    units = _held(source)
    if units is None or not names:
        yield from pieces
        return
    first = 0
    for piece in pieces:
        rows = units.slice(first, first + piece.num_rows, list(dict.fromkeys(names)))
        yield replace(piece, kept={name: _plain(rows.column(name)) for name in names})
        first += piece.num_rows


def _held(source: Source) -> MemoryUnits | None:
    """The rows of a source in memory, if it is one whose rows can be had by their places."""
    table = source.table
    units = table.files[0] if isinstance(table, ColumnarTable) and table.format == IN_MEMORY else None
    return units if isinstance(units, MemoryUnits) else None


def _plain(values: Any) -> Any:
    """Values in the types that files of predictions have."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        return values.cast(pa.string())
    return values


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
