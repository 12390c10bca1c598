"""Tables of JSON objects, one a line; objects within objects are columns with dotted names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written
from stoker.sources.jsonl_open import JsonLayout, read_json_layout
from stoker.sources.jsonl_parse import JsonParser, json_parser
from stoker.sources.request import Request
from stoker.sources.resolving import resolve
from stoker.sources.schema import PLAIN_KINDS, Schema, find
from stoker.types import LISTS

__all__ = ["JsonTable", "json_template", "open_json"]

_KINDS = (*PLAIN_KINDS, *LISTS)


def open_json(files: Sequence[str], request: Request) -> JsonTable:
    """Open files of JSON objects with the same columns; the first one's sample names them.

    Raises
    ------
    DataError
        A file is empty, or holds no JSON objects.
    ColumnError
        A column is absent, or holds lists that are not of numbers.
    """
    first, sample = read_json_layout(files[0])
    schema = resolve(request.choice, first, sample, _KINDS)
    layouts = (first, *(read_json_layout(path)[0] for path in files[1:]))
    for layout in layouts:
        _require(schema, layout)
    return JsonTable(schema=schema, layouts=layouts, written=request.written)


def json_template(schema: Schema, written: Written) -> JsonTable:
    """No files, to open others with the same columns."""
    return JsonTable(schema=schema, layouts=(), written=written)


def _require(schema: Schema, layout: JsonLayout) -> None:
    for name in schema.used:
        find(name, layout, schema.what_is(name))


@dataclass(frozen=True, kw_only=True, eq=False)
class JsonTable(CsvTable):
    """Files of JSON objects, a line each; implements `stoker.sources.base.Table`. Blank lines are no rows.

    A key that an object lacks, or whose value is null, is a blank.
    """

    format: ClassVar[str] = "jsonl"
    layouts: tuple[JsonLayout, ...]

    @cached_property
    def _parsers(self) -> tuple[JsonParser, ...]:  # type: ignore[override]
        return tuple(json_parser(self.schema, layout) for layout in self.layouts)

    def like(self, paths: tuple[str, ...], *, with_label: bool) -> JsonTable:
        """Other files with the same columns, matched by name.

        Raises
        ------
        ColumnError
            A file lacks a feature, or the label where it is wanted.
        """
        schema = self.schema if with_label else self.schema.without_label()
        schema = replace(schema, kept=())
        renames = dict(self.written.renames)
        layouts = []
        for path in paths:
            layout, _ = read_json_layout(path)
            layout = replace(layout, names=tuple(renames.get(name, name) for name in layout.names))
            _require(schema, layout)
            layouts.append(layout)
        return replace(self, schema=schema, layouts=tuple(layouts))

    def describe(self) -> dict[str, Any]:
        """Plain data: columns, and where each file keeps them; paths are left out."""
        files = [
            {
                "data_offset": layout.data_offset,
                "keys": [list(layout.paths[find(name, layout, "column")]) for name in self.schema.used],
            }
            for layout in self.layouts
        ]
        return {"format": self.format, **self.schema.describe(), "files": files}
