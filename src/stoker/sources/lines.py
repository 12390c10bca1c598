"""Files of texts by class: a line a text, a file a class, as sentence polarity data are given out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stoker.errors import ColumnError, DataError
from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written, refuse_renames
from stoker.sources.dialect import BOM, Dialect
from stoker.sources.files import identify
from stoker.sources.issues import RowIssues
from stoker.sources.packing import PACKINGS, packing_of, read_head
from stoker.sources.parsed_block import Block
from stoker.sources.plain_text import require_text
from stoker.sources.record_parser import no_issues
from stoker.sources.record_starts import record_starts
from stoker.sources.request import Request
from stoker.sources.schema import FileLayout, Schema
from stoker.sources.texts import decode_bytes
from stoker.types import ColumnSpec, IntArray

__all__ = ["CLASS_SUFFIXES", "LinesTable", "is_named_by_class", "lines_template", "open_lines"]

CLASS_SUFFIXES = (".pos", ".neg")
"""By these a file of texts, one a line, is known without ``format="lines"``."""
_COLUMNS = ("text", "label")
_LF, _CR = 10, 13
_HEAD_BYTES = 1 << 16
_DIALECT = Dialect(delimiter=",", quote="")


def is_named_by_class(path: str) -> bool:
    """Whether a file's suffix, that of its compression aside, names a class."""
    return os.path.splitext(_plain_name(path))[1].lower() in CLASS_SUFFIXES


def _plain_name(path: str) -> str:
    stem, suffix = os.path.splitext(os.path.basename(path))
    return stem if suffix.lower() in PACKINGS else stem + suffix


def _class_of(path: str) -> str:
    stem, suffix = os.path.splitext(_plain_name(path))
    return stem if suffix.lower() in ("", ".txt") else suffix[1:]


def open_lines(paths: Sequence[str], request: Request) -> LinesTable:
    """Open a file of texts for each class; see `stoker.open`.

    Raises
    ------
    DataError
        A file is empty or no text, or two are of one class.
    ColumnError
        Other columns are asked for than there are.
    """
    return LinesTable(
        schema=_schema(request.choice.answers, request.text or ()),
        layouts=tuple(_layout(path) for path in paths),
        written=Written(format="lines"),
    )


def lines_template(schema: Schema, written: Written) -> LinesTable:
    """No files, to open others with the columns that they have.

    Raises
    ------
    ColumnError
        The columns are others.
    OptionError
        They are to be renamed.
    """
    refuse_renames(written, "files of texts")
    known = _schema([column.name for column in schema.answers], [column.name for column in schema.features])
    return LinesTable(
        schema=replace(known, declared=schema.declared), layouts=(), written=Written(format="lines")
    )


def _schema(labels: Sequence[str], texts: Sequence[str]) -> Schema:
    for what, names in (("label", labels), ("text", texts)):
        for name in names:
            if name != what:
                raise ColumnError(
                    f"{what}: a file of texts has the columns text (a line) and label (the class that names "
                    f"the file), and {name!r} is not the {what}; leave it out"
                )
    text, kind = ColumnSpec(name="text", kind="text"), ColumnSpec(name="label", kind="text")
    return Schema(features=(text,), labels=(kind,), declared=frozenset({"text"}), file_names=_COLUMNS)


def _layout(path: str) -> FileLayout:
    head, _ = read_head(path, _HEAD_BYTES)
    size = identify(path).size
    if not head.strip(BOM + b"\r\n"):
        raise DataError(f"{path} is empty ({size} bytes); give a file with texts, one a line")
    require_text(path, head)
    return FileLayout(
        path=path,
        dialect=_DIALECT,
        has_header=False,
        names=_COLUMNS,
        data_offset=len(BOM) if head.startswith(BOM) else 0,
        size=size,
        packing=packing_of(path),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class LinesTable(CsvTable):
    """Files of texts, a line each; implements `stoker.sources.base.Table`. Blank lines are no texts."""

    format: ClassVar[str] = "lines"

    @cached_property
    def _parsers(self) -> tuple[LineParser, ...]:  # type: ignore[override]
        return tuple(
            LineParser(schema=self.schema, layout=layout, class_name=_class_of(layout.path))
            for layout in self.layouts
        )

    def keeping(self, names: Sequence[str]) -> LinesTable:
        """The same with columns that come along.

        Raises
        ------
        ColumnError
            There is no such column.
        """
        for name in names:
            if name not in _COLUMNS:
                raise ColumnError(f"keep=: files of texts have the columns text and label, not {name!r}")
        return replace(self, schema=replace(self.schema, kept=tuple(dict.fromkeys(names))))

    def like(self, paths: tuple[str, ...], *, with_label: bool) -> LinesTable:
        """Other files of texts, named by their classes where there are labels."""
        schema = self.schema if with_label else self.schema.without_label()
        layouts = tuple(_layout(path) for path in paths)
        return replace(self, schema=replace(schema, kept=()), layouts=layouts)

    def describe(self) -> dict[str, Any]:
        """Plain data: columns and classes, paths left out."""
        files = [
            {"class": _class_of(layout.path), "data_offset": layout.data_offset} for layout in self.layouts
        ]
        return {"format": self.format, **self.schema.describe(), "files": files}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LineParser:
    """A `RecordParser` of lines.

    Attributes
    ----------
    schema, layout
        What is wanted, and of which file.
    class_name
        Every row's label.
    """

    schema: Schema
    layout: FileLayout
    class_name: str

    def parse(
        self,
        data: npt.NDArray[np.uint8],
        num_records: int,
        dtype: np.dtype[Any],
        wanted: IntArray | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> Block:
        """The texts of all lines of `data`, or of the `wanted` ones; see `FileParser.parse`."""
        is_end = (data == _LF) | (data == _CR)
        starts = self.record_starts(data, num_records)[:-1]
        ends = np.append(np.flatnonzero(is_end), len(data))
        lengths = ends[np.searchsorted(ends, starts)] - starts
        texts = decode_bytes(data[~is_end], np.append(0, np.cumsum(lengths)))
        texts = texts if wanted is None else texts.take(pa.array(wanted))
        columns = {}
        for name in self.schema.texts:
            columns[name] = texts if name == "text" else pa.array([self.class_name] * len(texts), pa.string())
        if "text" in columns and "text" not in self.schema.learned_texts:
            columns["text"] = columns["text"].cast(pa.string())
        return Block(
            matrix=np.empty((len(texts), 0), dtype),
            numbers={},
            texts=columns,
            issues=np.empty((0, 5), np.int64),
        )

    def record_starts(self, data: npt.NDArray[np.uint8], num_records: int) -> IntArray:
        """Where each line begins, and where the last one ends: int64 of shape (num_records + 1,)."""
        return record_starts(data, num_records, self.layout)

    def row_issues(
        self, block: Block, data: npt.NDArray[np.uint8], base: int, file_index: int, ids: IntArray
    ) -> RowIssues:
        """None: a line cannot be wrong."""
        return no_issues(self.schema, len(_COLUMNS), data, base, file_index)
