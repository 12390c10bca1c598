"""How a run's files were written and typed, as plain data, so that other files are read the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from stoker.errors import RunError
from stoker.sources import Source
from stoker.sources.alike import rows_like
from stoker.sources.arrays.opening import label_names_of
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written
from stoker.sources.formats import FORMATS, table_like
from stoker.sources.nameless import NAMELESS
from stoker.sources.objects.alike import held_source
from stoker.sources.schema import Schema
from stoker.stored import DAMAGE, require
from stoker.types import ColumnSpec, FeedSpec

__all__ = ["describe_files", "held_like", "open_like", "source_like"]


class _Reading(msgspec.Struct):
    """What `describe_files` tells; delimiter, quote and names are of delimited files."""

    format: Annotated[str, msgspec.Meta(max_length=20)] | None
    header: bool
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None
    quote: Annotated[str, msgspec.Meta(max_length=1)] | None
    declared: list[str]
    names: list[str]
    label_names: tuple[str, str] | None = None
    images: list[str] = []


def describe_files(source: Source) -> dict[str, Any]:
    """What `open_like` needs beside the columns, as plain data."""
    table = source.table
    schema = table.schema
    known = {
        "header": True,
        "delimiter": None,
        "quote": None,
        "declared": sorted(schema.declared),
        "names": [],
    }
    if schema.images:
        known["images"] = sorted(schema.images)
    if isinstance(table, ColumnarTable):
        return {"format": table.format, **known, "label_names": label_names_of(table)}
    if not isinstance(table, CsvTable):
        return {"format": table.format, **known}
    layout, written = table.layouts[0], table.written
    # Names alone tell which file column is which where there is no header.
    names = [] if layout.has_header else list(schema.file_names)
    said = {"delimiter": written.delimiter, "quote": written.quote}
    return {"format": written.format, **known, **said, "header": layout.has_header, "names": names}


def open_like(
    description: Mapping[str, Any],
    columns: Sequence[ColumnSpec],
    spec: FeedSpec,
    paths: Any,
    *,
    with_label: bool,
    renames: Mapping[str, str] | None = None,
) -> Source:
    """Other files with a run's columns and kinds, of the same format or another.

    Parameters
    ----------
    description, columns, spec
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
    ColumnError
        If a file lacks a column.
    """
    schema, how = _read(description, columns, spec)
    name, written = _written(how, renames)
    return Source(table=table_like(paths, schema, written, name, with_label=with_label))


def source_like(
    description: Mapping[str, Any],
    columns: Sequence[ColumnSpec],
    spec: FeedSpec,
    source: Source,
    *,
    with_label: bool,
    renames: Mapping[str, str] | None = None,
) -> Source:
    """All rows of a source that was opened already, with a run's columns and kinds; see `open_like`."""
    schema, how = _read(description, columns, spec)
    name, written = _written(how, renames)
    base = FORMATS[name].template(schema, written)
    return Source(table=rows_like(base, source.table, with_label=with_label))


def held_like(
    description: Mapping[str, Any],
    columns: Sequence[ColumnSpec],
    spec: FeedSpec,
    rows: Any,
    *,
    with_label: bool,
    keep: Sequence[str] = (),
) -> Source:
    """Rows that another library holds, with a run's columns and kinds; see `held_source`.

    Raises
    ------
    RunError
        If the description is damaged.
    ColumnError
        If they lack a column, or hold something else in it.
    """
    schema, _ = _read(description, columns, spec)
    return held_source(rows, schema if with_label else schema.without_label(), keep=keep)


def _written(how: _Reading, renames: Mapping[str, str] | None) -> tuple[str, Written]:
    """The format's name, and how files of it are written."""
    written = Written(
        format=None if how.format in ("folder", "lines", *NAMELESS) else how.format,
        header=None if how.header or how.format == "lines" else False,
        delimiter=how.delimiter,
        quote=how.quote,
        renames=tuple((renames or {}).items()),
        label_names=how.label_names,
    )
    return how.format if how.format is not None and how.format in FORMATS else "csv", written


def _read(
    description: Mapping[str, Any], columns: Sequence[ColumnSpec], spec: FeedSpec
) -> tuple[Schema, _Reading]:
    """The run's columns, and how its files were written.

    Raises
    ------
    RunError
        If the description is damaged.
    """
    try:
        how = msgspec.convert(dict(description), _Reading)
        known = (None, *NAMELESS, *FORMATS)
        require(how.format in known, f"there is no format {how.format!r}")
        require(len({column.name for column in columns}) == len(columns), "a column twice")
        there, weight = {column.name: column for column in columns}, spec.sample_weight
        schema = Schema(
            features=tuple(column for column in columns if column.name not in (*spec.labels, weight)),
            labels=tuple(there[name] for name in spec.labels if name in there),
            weight=there.get(weight or ""),
            declared=frozenset(how.declared),
            images=frozenset(how.images),
            file_names=tuple(how.names) or tuple(column.name for column in columns),
        )
        require(len(schema.labels) == len(spec.labels), "it names no label")
        require((schema.weight is None) == (weight is None), "it names no weight")
    except DAMAGE as error:
        raise RunError(f"run.json does not say how its files were written ({error!r})") from error
    return schema, how
