"""Other rows with a source's columns and kinds, whichever format each of them has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stoker.sources.arrays.opening import label_names_of
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.conditions import Condition
from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written
from stoker.sources.formats import FORMATS, format_like, table_like, template_of
from stoker.sources.nameless import NAMELESS
from stoker.sources.packing import PACKINGS
from stoker.sources.paths import expand_paths
from stoker.sources.table import Table

__all__ = ["file_alone", "files_like", "rows_like"]


def files_like(
    base: Table, paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, with_label: bool
) -> Table:
    """Files with the columns of a table, in its format or in the one that their names tell.

    Parameters
    ----------
    base
        The table; nothing of its rows is used.
    paths
        The files.
    with_label
        Whether they must have the label.

    Raises
    ------
    DataError
        A file cannot be read.
    ColumnError
        A file lacks a column.
    """
    places, written = expand_paths(paths, folders=True), Written(renames=_renames(base))
    known = base.format
    if known in NAMELESS and places == base.places:
        return base.like(places, with_label=with_label)
    if known in NAMELESS:
        return table_like(places, base.schema, written, "csv", with_label=with_label)
    is_alike = {_suffix(path) for path in places} <= {_suffix(path) for path in base.paths}
    found = known if is_alike else format_like(places, known)
    if FORMATS[found].open is FORMATS[known].open:
        return base.like(
            places if FORMATS[known].takes_folders else expand_paths(paths), with_label=with_label
        )
    return table_like(places, base.schema, written, known, with_label=with_label)


def rows_like(base: Table, rows: Table, *, with_label: bool) -> Table:
    """Rows that were opened already, with the columns of another table, as `files_like` reads files.

    Parameters
    ----------
    base
        The table whose columns count.
    rows
        Those of which the rows are: files, a query, or rows in memory.
    with_label
        Whether they must have the label.

    Raises
    ------
    DataError
        A file cannot be read.
    ColumnError
        A column is absent.
    """
    name, known = rows.format, base.format
    if name in NAMELESS:
        found = rows.with_schema(base.schema).like(rows.places, with_label=with_label)
    elif known not in NAMELESS and FORMATS[name].open is FORMATS[known].open:
        found = _as_told(base, rows).like(rows.places, with_label=with_label)
    else:
        schema = base.schema if with_label else base.schema.without_label()
        schema = replace(schema, file_names=rows.schema.file_names)
        written = _written(rows, _renames(base))
        found = template_of(name, schema, written, rows.paths[0]).like(rows.places, with_label=with_label)
    return _chosen_like(found, rows)


def file_alone(table: Table, number: int) -> Table:
    """One of a table's files, as it was opened among them."""
    if len(table.paths) == 1:
        return table
    found = table.like((table.places[number],), with_label=bool(table.schema.labels))
    return _chosen_like(found.with_schema(table.schema), table)


def _chosen_like(found: Table, rows: Table) -> Table:
    """Rows that were opened anew, narrowed to those that a condition left as `rows` were opened."""
    chosen = rows.chosen if isinstance(rows, ColumnarTable) else None
    if chosen is None or not isinstance(found, ColumnarTable):
        return found
    return found.where(Condition(chosen.condition))


def _renames(base: Table) -> tuple[tuple[str, str], ...]:
    """Pairs of a name in files that are opened like a table, and the table's."""
    if isinstance(base, ColumnarTable):
        return base.renames
    return base.written.renames if isinstance(base, CsvTable) else ()


def _as_told(base: Table, rows: Table) -> Table:
    """A table, to open files like it that were opened already: as these are written, which is known."""
    if base.format != "csv" or not isinstance(base, CsvTable) or not isinstance(rows, CsvTable):
        return base
    found = {layout.dialect for layout in rows.layouts}
    if len(found) > 1:
        return base  # each file in its own way
    (dialect,) = found
    said = rows.written.format or base.written.format
    written = replace(base.written, format=said, delimiter=dialect.delimiter, quote=dialect.quote)
    return replace(base, written=written)


def _written(rows: Table, renames: tuple[tuple[str, str], ...]) -> Written:
    """How files are written, as far as it was said or is known."""
    if isinstance(rows, ColumnarTable):
        return Written(label_names=label_names_of(rows), renames=renames)
    if isinstance(rows, CsvTable):
        return replace(rows.written, header=rows.layouts[0].has_header, renames=renames)
    return Written(renames=renames)


def _suffix(path: str) -> str:
    """What a file is called at its end, less that of its compression."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes if suffix.lower() not in PACKINGS]
    return suffixes[-1] if suffixes else ""
