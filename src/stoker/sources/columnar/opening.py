"""Files in columns opened: their columns found, and files with other columns refused."""

from __future__ import annotations

from collections.abc import Sequence

from stoker.errors import ColumnError
from stoker.sources.columnar.arrow_kinds import ArrowColumn, can_be, column_kind, resolve_columns, unsupported
from stoker.sources.columnar.columns import columns_for
from stoker.sources.columnar.partitions import told_below
from stoker.sources.columnar.table import ColumnarTable, Opener, with_rows
from stoker.sources.columnar.units import UnitFile
from stoker.sources.csv_open import Written
from stoker.sources.request import Request
from stoker.sources.schema import Schema

__all__ = ["columnar_template", "open_columnar"]

_SHOWN = 3


def open_columnar(name: str, opener: Opener, paths: Sequence[str], request: Request) -> ColumnarTable:
    """Files with the same columns, of which the first says which kinds they are.

    Parameters
    ----------
    name
        Of the format.
    opener
        Opens files; a folder may be several.
    paths, request
        What the user asked for.

    Raises
    ------
    DataError
        A file is no such file, or none holds a row.
    ColumnError
        A column is absent or cannot be used, or the files have different columns.
    """
    files = with_rows(told_below(opener(paths), request.roots))
    schema = resolve_columns(request.choice, files[0].path, files[0].columns)
    for file in files[1:]:
        _require_same_columns(schema, files[0], file)
    return ColumnarTable(format=name, schema=schema, files=files, opener=opener)


def columnar_template(name: str, opener: Opener, schema: Schema, written: Written) -> ColumnarTable:
    """No file, to open others with columns that are known."""
    return ColumnarTable(format=name, schema=schema, files=(), opener=opener, renames=written.renames)


def _require_same_columns(schema: Schema, first: UnitFile, other: UnitFile) -> None:
    """Refuse a file that lacks a column, has others besides, or other kinds of values in a used one."""
    known = {column.name: column for column in columns_for(first, schema, {})}
    found = {column.name: column for column in columns_for(other, schema, {})}
    lacking = [name for name in known if name not in found]
    added = [name for name in found if name not in known]
    if lacking or added:
        parts = [f"{other.path} lacks {_shown(lacking)}"] if lacking else []
        parts += [f"{'it' if lacking else other.path} has {_shown(added)} besides"] if added else []
        raise ColumnError(
            f"{first.path} and {other.path} have different columns: {' and '.join(parts)}; files of one "
            "source must have the same columns"
        )
    for spec in schema.columns:
        one, two = known[spec.name], found[spec.name]
        is_label = schema.is_answer(spec.name)
        if not can_be(two, spec.kind):
            raise ColumnError(f"{other.path}: {unsupported(two, spec.kind)}")
        if spec.name not in schema.declared and not _alike(one, two, strict=is_label):
            raise ColumnError(
                f"column {spec.name!r} holds {one.type} in {first.path} and {two.type} in {other.path}: say "
                f"types={{{spec.name!r}: {spec.kind!r}}} to have both read as {spec.kind}, or write the "
                "files alike"
            )


def _alike(one: ArrowColumn, two: ArrowColumn, *, strict: bool) -> bool:
    """Whether values of two columns may stand one behind the other; integers may follow fractions."""
    kinds = {column_kind(one.type), column_kind(two.type)}
    return len(kinds) == 1 or (kinds == {"int", "float"} and not strict)


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more
