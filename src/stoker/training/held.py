"""Rows in memory to be scored: which of them are texts, and which columns come along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.sources import Source
from stoker.sources.columnar.arrow_kinds import ArrowColumn, layout_of
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.nameless import IN_MEMORY
from stoker.sources.objects.tables import MemoryUnits
from stoker.sources.schema import find
from stoker.training.pieces import Piece

__all__ = ["is_texts", "keeping", "with_kept"]


def is_texts(rows: Any) -> bool:
    """Whether these are texts one by one: a list or an array of strings, not a frame of columns."""
    if isinstance(rows, list | tuple):
        return all(isinstance(text, str | bytes) or text is None for text in rows)
    if isinstance(rows, pa.Array | pa.ChunkedArray):
        return bool(pa.types.is_string(rows.type) or pa.types.is_large_string(rows.type))
    if not isinstance(rows, np.ndarray) and (not hasattr(rows, "iloc") or hasattr(rows, "columns")):
        return False  # neither an array nor a pandas Series
    return len(rows.shape) == 1 and getattr(rows.dtype, "kind", "O") in "OUT"


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
