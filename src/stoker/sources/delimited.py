"""Tables in delimited files opened: CSV, TSV, and the format of Zhang et al."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stoker.errors import ColumnError
from stoker.similar import most_like
from stoker.sources.choice import Choice
from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written, read_layout
from stoker.sources.dialect import Dialect
from stoker.sources.request import Request
from stoker.sources.resolving import resolve
from stoker.sources.schema import FileLayout, Schema, columns_in
from stoker.sources.zhang import LABEL, read_class_names, refuse_dialect

__all__ = ["delimited_template", "open_delimited"]

_SHOWN = 3


def open_delimited(files: Sequence[str], request: Request) -> CsvTable:
    """Delimited files with the same columns, of which the first says how all of them are written.

    Raises
    ------
    DataError
        A file is no such file, or empty.
    ColumnError
        A column is absent, or the files have different columns.
    """
    written, choice = request.written, request.choice
    is_zhang = written.format == "zhang"
    if is_zhang:
        refuse_dialect(written.header, written.delimiter, written.quote)
        written = replace(written, header=False, delimiter=",", quote='"')
        choice = choice if choice.label is not None else replace(choice, labels=(LABEL,))
    first, sample = read_layout(files[0], written, choice.names)
    if is_zhang:
        choice = _all_texts(choice, first)
    layouts = [first]
    for path in files[1:]:
        layout, _ = read_layout(path, replace(written, header=first.has_header), (), earlier=first)
        _require_same_columns(first, layout)
        layouts.append(layout)
    return CsvTable(
        schema=resolve(choice, first, sample),
        layouts=tuple(layouts),
        written=written,
        class_names=read_class_names(files[0]) if is_zhang else None,
    )


def delimited_template(schema: Schema, written: Written) -> CsvTable:
    """No files, to open others like; where ``written.header`` is False their columns go by their places."""
    layout = FileLayout(
        path="the training file",
        dialect=Dialect(delimiter=",", quote='"'),
        has_header=written.header is not False,
        names=schema.file_names,
        data_offset=0,
        size=0,
    )
    return CsvTable(schema=schema, layouts=(layout,), written=written)


def _all_texts(choice: Choice, layout: FileLayout) -> Choice:
    """The choice with every column that is a feature by default as text."""
    if choice.columns is not None:
        return choice
    others = [name for name in layout.names if name not in (*choice.answers, *choice.drop)]
    return replace(choice, types={**dict.fromkeys(others, "text"), **choice.types})


def _require_same_columns(first: FileLayout, other: FileLayout) -> None:
    """Refuse files whose columns differ in more than their order."""
    if sorted(first.names) == sorted(other.names):
        return
    if not first.has_header:
        raise ColumnError(
            f"{first.path} has {columns_in(first)} and {other.path} has {len(other.names)}; files of one "
            "source must have the same columns"
        )
    lacking = [name for name in first.names if name not in other.names]
    added = [name for name in other.names if name not in first.names]
    parts = [f"{other.path} lacks {_shown(lacking)}"] if lacking else []
    parts += [f"{'has' if lacking else other.path + ' has'} {_shown(added)} instead" if lacking else
              f"{other.path} has {_shown(added)} besides"] if added else []  # fmt: skip
    meant = most_like(lacking[0], added) if lacking else None
    hint = "" if meant is None else f" ({meant!r} may be meant for {lacking[0]!r})"
    difference = " and ".join(parts) or "names are repeated"
    raise ColumnError(
        f"{first.path} and {other.path} have different headers: {difference}{hint}; "
        "files of one source must have the same columns"
    )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more
