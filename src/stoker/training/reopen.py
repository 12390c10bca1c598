"""How a run's files were written and typed, as plain data, so that other files are read the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stoker.errors import RunError
from stoker.sources import Source
from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written
from stoker.sources.dialect import Dialect
from stoker.sources.schema import FileLayout, Schema
from stoker.types import ColumnSpec

__all__ = ["describe_files", "reopen"]


def describe_files(source: Source) -> dict[str, Any]:
    """What `reopen` needs beside the columns, as plain data.

    Raises
    ------
    RunError
        If this format cannot be described.
    """
    table = source.table
    if not isinstance(table, CsvTable):
        raise RunError(f"a run on {type(table).__name__} cannot be recorded: CSV and TSV files can")
    layout, written = table.layouts[0], table.written
    return {
        "format": written.format,
        "header": layout.has_header,
        "delimiter": written.delimiter,
        "quote": written.quote,
        "declared": sorted(table.schema.declared),
        # Names alone tell which file column is which where there is no header.
        "names": [] if layout.has_header else list(table.schema.file_names),
    }


def reopen(description: Mapping[str, Any], columns: Sequence[ColumnSpec], label: str) -> Source:
    """A source that knows a run's columns and kinds but has no file: for ``like(paths, with_label=…)``.

    Raises
    ------
    RunError
        If the description is damaged.
    """
    try:
        names = tuple(description["names"]) or tuple(column.name for column in columns)
        schema = Schema(
            features=tuple(column for column in columns if column.name != label),
            label=next(column for column in columns if column.name == label),
            declared=frozenset(description["declared"]),
            file_names=names,
        )
        layout = FileLayout(
            path="the training file",
            dialect=Dialect(delimiter=",", quote='"'),
            has_header=bool(description["header"]),
            names=names,
            data_offset=0,
            size=0,
        )
        written = Written(
            format=description["format"], delimiter=description["delimiter"], quote=description["quote"]
        )
    except (KeyError, StopIteration, TypeError) as error:
        raise RunError(f"run.json does not say how its files were written ({error!r})") from error
    return Source(table=CsvTable(schema=schema, layouts=(layout,), written=written))
