"""How a run's files were written and typed, as plain data, so that other files are read the same way."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from stoker.errors import OptionError, RunError
from stoker.sources import Source
from stoker.sources.base import Table
from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written
from stoker.sources.dialect import Dialect
from stoker.sources.folder import FolderTable
from stoker.sources.lines import LinesTable
from stoker.sources.paths import expand_paths
from stoker.sources.schema import FileLayout, Schema
from stoker.stored import DAMAGE, require
from stoker.types import ColumnSpec

__all__ = ["describe_files", "open_like", "reopen"]


class _Reading(msgspec.Struct):
    """What `describe_files` tells."""

    format: Annotated[str, msgspec.Meta(max_length=20)] | None
    header: bool
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None
    quote: Annotated[str, msgspec.Meta(max_length=1)] | None
    declared: list[str]
    names: list[str]


def describe_files(source: Source) -> dict[str, Any]:
    """What `reopen` needs beside the columns, as plain data.

    Raises
    ------
    RunError
        If this format cannot be described.
    """
    table = source.table
    if isinstance(table, FolderTable):
        return {"format": "folder", "header": True, "delimiter": None, "quote": None,
                "declared": sorted(table.schema.declared), "names": []}  # fmt: skip
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


def open_like(
    description: Mapping[str, Any],
    columns: Sequence[ColumnSpec],
    label: str,
    paths: Any,
    *,
    with_label: bool,
    renames: Mapping[str, str] | None = None,
) -> Source:
    """Other files with a run's columns and kinds; of a run on folders also tables with the same columns.

    Parameters
    ----------
    description, columns, label
        What the run's files were.
    paths
        The files.
    with_label
        Whether they must have the label.
    renames
        Names that columns have there, and the run's names for them.

    Raises
    ------
    RunError
        If the description is damaged.
    """
    known = reopen(description, columns, label)
    if renames:
        known = Source(table=_renaming(known.table, renames))
    if description.get("format") not in ("folder", "lines"):
        return known.like(paths, with_label=with_label)
    files = expand_paths(paths, folders=description["format"] == "folder")
    schema = known.table.schema
    if description["format"] == "folder" and all(map(os.path.isdir, files)):
        _refuse(renames)
        table: Table = FolderTable(schema=schema, listings=())
        return Source(table=table.like(files, with_label=with_label))
    if description["format"] == "lines" and not all(map(_is_table, files)):
        _refuse(renames)
        lines = LinesTable(schema=schema, layouts=(), written=Written(format="lines"))
        return Source(table=lines.like(files, with_label=with_label))
    return known.like(paths, with_label=with_label)


def _renaming(table: Table, renames: Mapping[str, str]) -> Table:
    assert isinstance(table, CsvTable)
    return replace(table, written=replace(table.written, renames=tuple(renames.items())))


def _refuse(renames: Mapping[str, str] | None) -> None:
    if renames:
        raise OptionError("rename has no effect on files of texts, which have no columns; leave it out")


def _is_table(path: str) -> bool:
    return any(part in (".csv", ".tsv") for part in Path(path).suffixes)


def reopen(description: Mapping[str, Any], columns: Sequence[ColumnSpec], label: str) -> Source:
    """A source that knows a run's columns and kinds but has no file: for ``like(paths, with_label=…)``.

    Raises
    ------
    RunError
        If the description is damaged.
    """
    try:
        how = msgspec.convert(dict(description), _Reading)
        names = tuple(how.names) or tuple(column.name for column in columns)
        require(len({column.name for column in columns}) == len(columns), "a column twice")
        schema = Schema(
            features=tuple(column for column in columns if column.name != label),
            label=next((column for column in columns if column.name == label), None),
            declared=frozenset(how.declared),
            file_names=names,
        )
        require(schema.label is not None, "it names no label")
        layout = FileLayout(
            path="the training file",
            dialect=Dialect(delimiter=",", quote='"'),
            has_header=how.header or how.format == "lines",
            names=names,
            data_offset=0,
            size=0,
        )
        written = Written(
            format=None if how.format in ("folder", "lines") else how.format,
            delimiter=how.delimiter,
            quote=how.quote,
        )
    except DAMAGE as error:
        raise RunError(f"run.json does not say how its files were written ({error!r})") from error
    return Source(table=CsvTable(schema=schema, layouts=(layout,), written=written))
