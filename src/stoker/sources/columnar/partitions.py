"""Folders of files in columns, whose own folders may tell values: ``year=2024/month=05/part-0.parquet``."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from stoker.errors import DataError
from stoker.given import beside, located
from stoker.sources.access import not_read
from stoker.sources.columnar.arrow_kinds import ArrowColumn
from stoker.sources.columnar.units import UnitFile
from stoker.sources.files import FileIdentity, is_folder
from stoker.sources.inference import kind_of
from stoker.sources.packing import PACKINGS
from stoker.sources.paths import require_once
from stoker.sources.remote.names import is_remote, is_remote_folder, scheme_of
from stoker.sources.remote.together import together
from stoker.types import IntArray

__all__ = ["PartitionedUnits", "files_in", "first_file", "opened", "told_below", "with_partitions"]

_NOTHING = "__HIVE_DEFAULT_PARTITION__"
_TYPES = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}


def first_file(path: str) -> str:
    """The first file of a folder, however deep; "" where there is none, or the path is no folder's.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    if is_remote_folder(path):
        from stoker.sources.remote.listing import remote_first_file

        return remote_first_file(path, _is_wanted)
    return next(_files(path), "") if os.path.isdir(located(path)) else ""


def opened(
    paths: Sequence[str], suffixes: Sequence[str], open_one: Callable[[str], UnitFile]
) -> Sequence[UnitFile]:
    """The files that are named, and those of folders, each opened, with what their folders tell.

    Raises
    ------
    OptionError
        A file comes twice.
    DataError
        A folder cannot be read, or holds what is no such file.
    """
    found = _folders_of(paths, suffixes)
    return with_partitions(together(open_one, list(found), str), found)


def files_in(path: str, suffixes: Sequence[str]) -> list[str]:
    """The files of a folder and of its folders, sorted bytewise; those that begin with _ or . are left out.

    Raises
    ------
    DataError
        The folder cannot be read, has no file, or one of another kind; or the file is compressed.
    """
    if path.lower().endswith(tuple(PACKINGS)):
        raise DataError(
            f"{path} is compressed as a whole, and columns are read by position; unpack it: such files are "
            "compressed within"
        )
    if not is_folder(path):
        return [path]
    found = sorted(_files(path), key=os.fsencode)
    if not found:
        raise DataError(f"{path} has no files; name a folder with files")
    for file in found:
        if not file.lower().endswith(tuple(suffixes)):
            raise DataError(
                f"{file} stands among {suffixes[0]} files and is none by its suffix; move it away, or name "
                f"the files, for example {os.path.join(path, '**', '*' + suffixes[0])!r} with the quotes"
            )
    return found


def _is_wanted(name: str) -> bool:
    return name[0] not in "._"


def _files(path: str) -> Iterator[str]:
    if is_remote_folder(path):
        from stoker.sources.remote.listing import remote_files

        yield from (path + name for name in remote_files(path) if all(map(_is_wanted, name.split("/"))))
        return
    try:
        with os.scandir(located(path)) as entries:
            known = sorted((entry for entry in entries if _is_wanted(entry.name)), key=lambda e: e.name)
    except OSError as error:
        raise not_read(path, error) from error
    for entry in known:
        file = beside(path, os.path.join(path, entry.name))
        if entry.is_dir():
            yield from _files(file)
        else:
            yield file


def _folders_of(paths: Sequence[str], suffixes: Sequence[str]) -> dict[str, str]:
    """The files that are named, and those of folders; for each the folder, or "" where it was named itself.

    Raises
    ------
    OptionError
        One comes twice: it is named, and in a folder that is, or in two.
    """
    found: dict[str, str] = {}
    seen: dict[str, str] = {}
    for path in paths:
        for file in files_in(path, suffixes):
            require_once(file, seen)
            found[file] = path if file != path else ""
    return found


def _told(path: str, root: str) -> dict[str, str | None]:
    """What the folders right above a file, and below another, tell: name and value."""
    found: dict[str, str | None] = {}
    below = path[len(root) :]
    if is_remote(path) and scheme_of(path).startswith("http"):  # quoted as addresses are, too
        below = unquote(below)
    for folder in reversed(below.split(os.sep)[:-1]):
        name, is_told, value = folder.partition("=")
        if not is_told or not name:
            break
        found[unquote(name)] = None if value == _NOTHING else unquote(value)
    return dict(reversed(found.items()))


def told_below(files: Sequence[UnitFile], roots: Mapping[str, str]) -> list[UnitFile]:
    """The files, without what folders tell that stand in the fixed part of a pattern.

    Parameters
    ----------
    files
        Opened.
    roots
        For those that a pattern matches, the folder before its first wildcard.
    """
    found: list[UnitFile] = []
    for file in files:
        if isinstance(file, PartitionedUnits) and file.path in roots:
            below = _told(file.path, roots[file.path])
            values = tuple((name, value) for name, value in file.values if name in below)
            file = replace(file, values=values) if values else file.file
        found.append(file)
    return found


def with_partitions(files: Sequence[UnitFile], roots: Mapping[str, str]) -> list[UnitFile]:
    """The files with the columns that their folders tell, which stand behind their own.

    What all files agree on is an integer where all values are such, else a number, else a text. A column that
    a file has itself is not taken from its folder.

    Parameters
    ----------
    files
        Opened.
    roots
        For each the folder that was named, below which folders tell something; "" where the file itself was,
        and its path as it was written tells.
    """
    told = [
        {
            name: value
            for name, value in _told(file.path, roots.get(file.path, "")).items()
            if not _has(file, name)
        }
        for file in files
    ]
    types: dict[str, Any] = {}
    for name in dict.fromkeys(name for values in told for name in values):
        values = [found[name] for found in told if found.get(name) is not None]
        types[name] = _TYPES[kind_of([value for value in values if value is not None], strict=True)]
    return [
        PartitionedUnits(file, tuple((name, _scalar(value, types[name])) for name, value in found.items()))
        if found
        else file
        for file, found in zip(files, told, strict=True)
    ]


def _has(file: UnitFile, name: str) -> bool:
    return any(column.name == name for column in file.columns)


def _scalar(value: str | None, kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(None, kind) if value is None else pa.scalar(value, pa.string()).cast(kind)


@dataclass(frozen=True, eq=False)
class PartitionedUnits:
    """A file whose rows have more columns, each with one value; a `UnitFile`.

    Attributes
    ----------
    file
        The file itself.
    values
        Names and values of the columns besides.
    """

    file: UnitFile
    values: tuple[tuple[str, pa.Scalar], ...]

    @property
    def path(self) -> str:
        """The file."""
        return self.file.path

    @cached_property
    def columns(self) -> tuple[ArrowColumn, ...]:
        """The file's columns, and those besides."""
        more = (ArrowColumn(name, name, -1, value.type) for name, value in self.values)
        return (*self.file.columns, *more)

    @property
    def unit_rows(self) -> IntArray | None:
        """The file's."""
        return self.file.unit_rows

    @property
    def size(self) -> int:
        """The file's."""
        return self.file.size

    def identity(self) -> FileIdentity:
        """The file's."""
        return self.file.identity()

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any]:
        """The file's rows with the wanted columns besides; see `UnitFile`."""
        more = [(name, value) for name, value in self.values if name in names]
        own = [name for name in names if all(name != other for other, _ in more)]
        for batch in self.file.batches(first_unit, own or [self.file.columns[0].source], rows):
            arrays = [*batch.columns, *(pa.repeat(value, batch.num_rows) for _, value in more)]
            yield pa.RecordBatch.from_arrays(arrays, names=[*batch.schema.names, *(name for name, _ in more)])

    def used_bytes(self, names: Sequence[str]) -> int:
        """Of the file's own."""
        return self.file.used_bytes(names)

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """Of the file's own."""
        return self.file.decoding_bytes(names)

    def describe(self) -> dict[str, Any]:
        """The file's, and the values."""
        told = {name: None if value.as_py() is None else str(value.as_py()) for name, value in self.values}
        return {**self.file.describe(), "folders": told}
