"""Rows that satisfy a condition: which these are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import ColumnError, DataError
from stoker.prefetch import available_cores, prefetch
from stoker.sources.bits import BitSpec
from stoker.sources.chunks import Chunk, ParsedChunk
from stoker.sources.conditions import Condition
from stoker.sources.groups import in_view
from stoker.sources.schema import PLAIN_KINDS, Schema, nearest
from stoker.types import ColumnKind, ColumnSpec, is_number

if TYPE_CHECKING:
    from stoker.sources.base import Source
    from stoker.sources.table import Table

__all__ = ["all_judged", "judged", "judged_chunks", "none_satisfies", "rows_where", "schema_for"]

_CHUNK_BYTES = 1 << 21


def rows_where(source: Source, text: str) -> BitSpec:
    """The rows of a source's view that satisfy a condition; the files are read once.

    Rows in which a value that is asked for cannot be parsed are chosen, too: they are bad rows, of which
    the survey tells.

    Raises
    ------
    OptionError
        It is no condition, or compares what cannot be compared.
    ColumnError
        It names a column that there is not, or that holds no number or text.
    DataError
        No row satisfies it.
    """
    condition = Condition(text)
    table = source.table
    find = getattr(table, "rows_where", None)  # spares a table in units from being read whole
    chosen = (
        find(condition)
        if find is not None
        else all_judged(table, condition, schema_for(condition, table.schema))
    )
    view = source.view.bind(len(chosen))
    inside = in_view(view, chosen)
    if not inside.any():
        raise none_satisfies(source.paths[0], view.num_rows, text)
    return BitSpec.of(inside, text)


def none_satisfies(path: str, num_rows: int, text: str) -> DataError:
    """What to say where no row is left."""
    return DataError(f"{path}: none of {num_rows:,} rows satisfies where={text!r}")


def schema_for(condition: Condition, schema: Schema, found: Mapping[str, ColumnKind] | None = None) -> Schema:
    """Those columns alone that a condition names.

    Parameters
    ----------
    condition, schema
        The condition, and the table's columns.
    found
        Kinds of columns that are not used, where the files tell; others are what they are compared with.

    Raises
    ------
    OptionError
        It compares texts with numbers.
    ColumnError
        It names a column that there is not, or that holds no number or text.
    """
    kinds = {**(found or {}), **{column.name: column.kind for column in schema.columns}}
    used = set(schema.used)
    for name in condition.names:
        # Of files opened again by what a run recorded no names are known: they tell when they are read.
        if name not in kinds and schema.file_names and name not in schema.file_names:
            raise ColumnError(f"where: column {name!r} is absent{nearest(name, schema.file_names)}")
        if kinds.get(name, "text") not in PLAIN_KINDS:
            raise ColumnError(
                f"where: column {name!r} holds {kinds[name]}, and numbers and texts are compared"
            )
    others: dict[str, ColumnKind] = {
        name: "float" if name in condition.numeric else "text" for name in condition.names
    }
    features = tuple(ColumnSpec(name=name, kind=kinds.get(name, others[name])) for name in condition.names)
    none = {
        spec.name: pa.array([], pa.float64() if is_number(spec.kind) else pa.string()) for spec in features
    }
    condition(none)  # refuses to compare what cannot be compared, whether there are rows or not
    declared = schema.declared | {name for name in others if name not in used}
    return replace(schema, features=features, labels=(), weight=None, kept=(), declared=declared)


def judged_chunks(table: Table, condition: Condition) -> Iterator[tuple[Chunk, npt.NDArray[np.bool_]]]:
    """Every chunk of a table that has the columns of a condition alone, and which of its rows satisfy it."""

    def judge(chunk: Chunk) -> tuple[Chunk, npt.NDArray[np.bool_]]:
        return chunk, judged(table.parse(chunk, np.dtype(np.float64)), condition, table.schema.numeric)

    threads = available_cores()
    with prefetch(
        judge, table.chunks(_CHUNK_BYTES), workers=threads, in_flight=threads + 1, name="where"
    ) as parts:
        yield from parts


def judged(parsed: ParsedChunk, condition: Condition, numbers: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Which rows satisfy a condition, or have a bad value in one of its columns.

    Parameters
    ----------
    parsed
        The rows with the columns of the condition, numbers as float64.
    condition
        What they are held to.
    numbers
        Names of the matrix's columns.
    """
    rows = parsed.rows
    columns: dict[str, Any] = {}
    if rows.matrix is not None:
        matrix = rows.matrix.values[: rows.num_rows * len(numbers)].reshape(rows.num_rows, len(numbers))
        for place, name in enumerate(numbers):
            values = matrix[:, place].astype(np.float64)
            columns[name] = pa.array(values, mask=np.isnan(values))
    for name in condition.names:
        if name not in columns:
            texts = rows.columns[name].cast(pa.string())
            columns[name] = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    chosen = np.array(pc.fill_null(condition(columns), False).to_numpy(zero_copy_only=False))
    chosen[parsed.issues.bad_rows() - parsed.first_row] = True
    return chosen


def all_judged(table: Table, condition: Condition, schema: Schema) -> npt.NDArray[np.bool_]:
    """Whether each row of a table satisfies a condition on columns of a schema; reads them all."""
    parts = [chosen for _, chosen in judged_chunks(table.with_schema(schema), condition)]
    return np.concatenate([np.empty(0, np.bool_), *parts])
