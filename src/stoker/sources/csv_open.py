"""The beginning of a delimited file: how it is written, and a sample of its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stoker.errors import ColumnError, DataError, OptionError
from stoker.sources.dialect import BOM, Dialect, detect, find_records, of_width, widths_of
from stoker.sources.files import identify
from stoker.sources.inference import Sample, has_header, plain_columns
from stoker.sources.packing import packing_of, read_head
from stoker.sources.paths import format_of
from stoker.sources.plain_text import require_text
from stoker.sources.schema import FileLayout

__all__ = ["Written", "layout_as_known", "read_layout", "refuse_renames", "whole_head"]

SAMPLE_BYTES = 1 << 20
_LATER_SAMPLE_BYTES = 1 << 16
_LARGEST_SAMPLE = 64 << 20
_SAMPLED_FIELDS = 100_000
_FEWEST_RECORDS = 100
_RESEMBLING_RECORDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What the user said of the way files are written; None means that it is found out.

    `renames` are pairs of the name that a column has in a file, and the one that it shall go by.
    `label_names` are what stands in the path of a file of features, and what in that of its labels instead.
    """

    format: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    quote: str | None = None
    renames: tuple[tuple[str, str], ...] = ()
    label_names: tuple[str, str] | None = None


def refuse_renames(written: Written, what: str) -> None:
    """Refuse other names for columns that cannot have any.

    Raises
    ------
    OptionError
        There are some.
    """
    if written.renames:
        raise OptionError(f"rename has no effect on {what}, which have no columns; leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    text: str
    offset: int
    size: int
    packing: str
    is_whole: bool
    dialect: Dialect


def read_layout(
    path: str, written: Written, expected: Sequence[str], *, earlier: FileLayout | None = None
) -> tuple[FileLayout, Sample]:
    """Find out how a file is written.

    Parameters
    ----------
    path
        An existing file.
    written
        What the user said.
    expected
        Column names that the user gave: they tell a header.
    earlier
        A file read before, which this one is likely to resemble: its dialect is tried first, and the sample
        is smaller because no kinds are inferred from it.

    Returns
    -------
    The layout, and a sample of the records below the header that have as many fields as the file has columns,
    decoded as Latin-1.

    Raises
    ------
    DataError
        The file is empty, holds a header only, is compressed or no UTF-8 text.
    ColumnError
        The header has another number of names than the records have fields.
    """
    head = _read_head(path, written, expected, earlier)
    top, behind = find_records(head.text, head.dialect, limit=_FEWEST_RECORDS, complete=head.is_whole)
    named = has_header(top, expected) if written.header is None else written.header
    start = find_records(head.text, head.dialect, limit=1)[1] if named else 0
    width = Counter(widths_of(top)).most_common(1)[0][0]
    limit = max(_FEWEST_RECORDS, _SAMPLED_FIELDS // width) if earlier is None else _FEWEST_RECORDS
    parts = [top[1:] if named else top]
    if len(parts[0]) < limit:
        more, far = find_records(
            head.text[behind:], head.dialect, limit=limit - len(parts[0]), complete=head.is_whole
        )
        parts.append(more)
        behind += far
    records = [part for part in parts if part]
    names = _renamed(path, _names(path, top[0], named, width), dict(written.renames))
    if named and not records:
        raise DataError(
            f"{path}: there is a header ({', '.join(names[:4])}{', …' if len(names) > 4 else ''}) and no row "
            "below it; give a file with rows, or say header=False if the line is a row"
        )
    layout = FileLayout(
        path=path,
        dialect=head.dialect,
        has_header=named,
        names=names,
        data_offset=head.offset + start,
        size=head.size,
        packing=head.packing,
    )
    fitting = [of_width(part, len(names)) for part in records]
    if not any(fitting):
        raise ColumnError(
            f"{path}: the header names {len(names)} columns and the rows below it have "
            f"{len(records[0][0])} fields; the delimiter was taken to be {head.dialect.delimiter!r}: "
            "give another, or mend the header"
        )
    quoted = head.dialect.quote != "" and head.dialect.quote in head.text
    plain = np.zeros(len(names), np.bool_)
    if earlier is None and not quoted:
        plain = plain_columns(head.text[start:behind], head.dialect.delimiter, len(names))
    return layout, Sample(parts=fitting, plain=plain)


def layout_as_known(
    path: str, dialect: Dialect, *, has_header: bool, data_offset: int, width: int
) -> FileLayout:
    """How a file is written, which was found out before; of the file only the names of columns are read.

    Parameters
    ----------
    path
        An existing file.
    dialect, has_header, data_offset, width
        As `read_layout` found them; `width` is the number of columns.

    Raises
    ------
    DataError
        The header is not UTF-8, or the file ends before its rows would begin.
    ColumnError
        It has another number of names.
    """
    fields: Sequence[str] = [""] * width
    if has_header:
        head = whole_head(path, data_offset).removeprefix(BOM).decode("latin-1")
        records = find_records(head, dialect, limit=1)[0]
        fields = records[0] if records else []
        if len(fields) != width:
            raise ColumnError(f"{path}: the header names {len(fields)} columns instead of {width}")
    else:
        whole_head(path, data_offset)
    return FileLayout(
        path=path,
        dialect=dialect,
        has_header=has_header,
        names=_names(path, list(fields), has_header, width),
        data_offset=data_offset,
        size=identify(path).size,
        packing=packing_of(path),
    )


def whole_head(path: str, num_bytes: int) -> bytes:
    """What stands before the rows of a file, which was found out before to be so long.

    Raises
    ------
    DataError
        The file is shorter.
    """
    head = read_head(path, num_bytes)[0] if num_bytes else b""
    if len(head) < num_bytes:
        raise DataError(
            f"{path}: it ends at byte {len(head):,}, and its rows began behind the first {num_bytes:,} bytes"
        )
    return head


def _read_head(path: str, written: Written, expected: Sequence[str], earlier: FileLayout | None) -> _Head:
    """The first bytes, as many as hold a record and what is asked for."""
    format_name = format_of(path, written.format)
    size = SAMPLE_BYTES if earlier is None else _LATER_SAMPLE_BYTES
    packing, file_size = packing_of(path), identify(path).size
    while True:
        head, is_whole = read_head(path, size)
        if not head.strip(BOM + b"\r\n"):
            raise DataError(f"{path} is empty ({file_size} bytes); give a file with a header and rows")
        require_text(path, head)
        offset = len(BOM) if head.startswith(BOM) else 0
        body = head[offset:]
        if earlier is not None and _resembles(body, earlier):
            dialect = earlier.dialect
        else:
            dialect = detect(
                body,
                format_name=format_name,
                delimiter=written.delimiter,
                quote=written.quote,
                expected=expected,
            )
        found = _Head(
            text=body.decode("latin-1"),
            offset=offset,
            size=file_size,
            packing=packing,
            is_whole=is_whole,
            dialect=dialect,
        )
        wanted = 1 if is_whole else 2
        if len(find_records(found.text, dialect, limit=wanted, complete=is_whole)[0]) == wanted:
            return found
        if is_whole or size >= _LARGEST_SAMPLE:
            raise DataError(
                f"{path}: no record ends in the first {len(head)} bytes; "
                + "a quote is opened and never closed; say quote='' if there are no quotes"
            )
        size *= 8


def _resembles(body: bytes, earlier: FileLayout) -> bool:
    """Whether the first records look as in the earlier file: the same names or, without, as many fields."""
    text = body[:_LATER_SAMPLE_BYTES].decode("latin-1")
    records, _ = find_records(text, earlier.dialect, limit=_RESEMBLING_RECORDS, complete=False)
    if not records or any(len(record) != len(earlier.names) for record in records):
        return False
    names = [name.encode("utf-8").decode("latin-1") for name in earlier.names]
    return not earlier.has_header or sorted(records[0]) == sorted(names)


def _renamed(path: str, names: tuple[str, ...], renames: dict[str, str]) -> tuple[str, ...]:
    found = tuple(renames.get(name, name) for name in names)
    for old, new in renames.items():
        if old in names and found.count(new) > 1:
            raise ColumnError(
                f"{path}: {old!r} cannot be renamed to {new!r}, which another column is called; leave it out"
            )
    return found


def _names(path: str, fields: list[str], named: bool, width: int) -> tuple[str, ...]:
    numbered = tuple(f"#{place}" for place in range(len(fields) if named else width))
    if not named:
        return numbered
    try:
        given = [field.encode("latin-1").decode("utf-8") for field in fields]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: the header is not UTF-8; convert the file first: "
            f"iconv -f WINDOWS-1252 -t UTF-8 {path} > utf8.csv"
        ) from error
    return tuple(name or number for name, number in zip(given, numbered, strict=True))
