"""Columns of files as Hugging Face has them: structs of bytes and a path; the bytes may be left out."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from stoker.errors import DataError
from stoker.sources.columnar.arrow_kinds import FILE_BYTES
from stoker.waits import Wait

__all__ = ["holds_files", "mean_file_bytes", "with_files"]

_PATH = "path"
_SAMPLED = 16


def with_files(table: pa.Table) -> pa.Table:
    """The table with the bytes of files that it names by their paths alone.

    Parameters
    ----------
    table
        Rows that are read at a time: what their files hold is in memory then.

    Raises
    ------
    DataError
        A file cannot be read, or is not on a disk here.
    """
    for place, entry in enumerate(table.schema):
        if not holds_files(entry.type):
            continue
        column = table.column(place).combine_chunks()
        held = pa.array(map(_bytes_of, column), pa.large_binary())
        fields = [held, column.field(_PATH)]
        whole = pa.StructArray.from_arrays(fields, [FILE_BYTES, _PATH])
        table = table.set_column(place, entry.name, whole)
    return table


def mean_file_bytes(table: pa.Table) -> float:
    """Bytes that the files take which a row names by their paths alone, about: of some rows the mean."""
    sizes = [0.0]
    for column in table.slice(0, _SAMPLED).itercolumns():
        if holds_files(column.type):
            sizes.append(sum(map(_size, column)) / max(1, min(_SAMPLED, len(column))))
    return sum(sizes)


def holds_files(kind: pa.DataType) -> bool:
    """Whether values of a type are files."""
    return pa.types.is_struct(kind) and {field.name for field in kind} == {FILE_BYTES, _PATH}


def _size(value: Any) -> int:
    path = value[_PATH].as_py() if value.is_valid and not value[FILE_BYTES].is_valid else None
    return os.path.getsize(path) if path is not None and os.path.isfile(path) else 0


def _bytes_of(value: Any) -> bytes | None:
    if not value.is_valid:
        return None
    held = value[FILE_BYTES]
    return held.as_py() if held.is_valid else _read(value[_PATH].as_py())


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    if "://" in path or "::" in path:
        raise DataError(
            f"the data set names the file {path} without its bytes, and it is on no disk here: load "
            "it without streaming=True, or extract its archive"
        )
    try:
        with Wait("reads {}", path), open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise DataError(
            f"{path}, which the data set names, cannot be read ({error.strerror}); put it "
            "back, or leave its row out"
        ) from error
