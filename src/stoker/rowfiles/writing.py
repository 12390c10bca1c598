"""One file of rows, from its first table to its name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa

from stoker.errors import OptionError, RunError
from stoker.folders import clean, staged_file
from stoker.rowfiles.delimited import csv_header, csv_lines
from stoker.rowfiles.formats import Format
from stoker.rowfiles.grouping import Grouping
from stoker.rowfiles.objects import json_lines
from stoker.rowfiles.parquet import ParquetFile

__all__ = ["GROUP_ROWS", "RowFile", "encoded", "require_place"]

GROUP_ROWS = 1 << 16
"""Rows of a row group of Parquet, and of a record batch of Arrow, if nobody says another number."""

_LINES: dict[str, Callable[[pa.RecordBatch], bytes]] = {"csv": csv_lines, "jsonl": json_lines}


def require_place(path: Path, *, overwrite: bool) -> None:
    """Refuse to write where something is already.

    Raises
    ------
    OptionError
        There is a folder, or a file that must not be replaced.
    """
    if path.is_dir():
        raise OptionError(f"{path} is a folder: name a file in it, such as {path / 'rows.parquet'}")
    if path.is_file() and not overwrite:
        raise OptionError(
            f"{path} is there already: name another output, or say overwrite=True to replace it"
        )


def encoded(table: pa.Table, form: Format) -> Any:
    """What `RowFile.add` takes in the place of a table: of text formats the lines.

    Raises
    ------
    OptionError
        Files of the format cannot hold a column.
    """
    form.require_types(table.schema)
    lines = _LINES.get(form.name)
    return table if lines is None else b"".join(map(lines, table.to_batches()))


class RowFile:
    """A file that takes tables of one schema while it is entered, and appears, whole, when that ends well.

    Parameters
    ----------
    path
        Where it will be.
    schema
        Of every table.
    form
        How it is written.
    overwrite
        Whether it may take the place of a file.
    group_rows
        Rows of a row group or record batch; the last may have fewer.

    Raises
    ------
    OptionError
        There is something at `path`, or a column cannot be written there.
    RunError
        It cannot be written. What the caller raises meanwhile goes on as it is, and nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> from stoker.rowfiles.formats import format_of
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = Path(temporary.name, "rows.csv")
    >>> table = pa.table({"a": [1, 2]})
    >>> with RowFile(path, table.schema, format_of(path)) as file:
    ...     file.add(file.encoded(table))
    >>> path.read_text().split()
    ['a', '1', '2']
    >>> temporary.cleanup()
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        form: Format,
        *,
        overwrite: bool = False,
        group_rows: int = GROUP_ROWS,
    ) -> None:
        self.path, self.schema, self.form = path, schema, form
        require_place(path, overwrite=overwrite)
        form.require_types(schema)
        self._grouping = Grouping(group_rows)
        self._stack = ExitStack()
        self._write: Callable[[Any], Any]

    def __enter__(self) -> Self:
        clean(self.path.parent, self.path.name)
        try:
            with ExitStack() as stack:
                file = stack.enter_context(staged_file(self.path))
                self._write = stack.enter_context(_Sink(file, self.schema, self.form)).write
                if self.form.name == "csv":
                    self._write(csv_header(self.schema.names))
                self._stack = stack.pop_all()
        except OSError as error:
            raise self._refused(error) from error
        return self

    def encoded(self, table: pa.Table) -> Any:
        """What `add` takes in the place of a table; safe to call from several threads, in any order."""
        return encoded(table, self.form)

    def add(self, encoded: Any) -> None:
        """Take in the next rows, as `encoded` gave them.

        Raises
        ------
        RunError
            They cannot be written.
        """
        try:
            for piece in [encoded] if self.form.name in _LINES else self._grouping.add(encoded):
                self._write(piece)
        except OSError as error:
            raise self._refused(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._stack:
                if error is not None:
                    raise error
                for group in self._grouping.rest():
                    self._write(group)
        except OSError as found:
            if found is error:
                raise
            raise self._refused(found) from found

    def _refused(self, error: OSError) -> RunError:
        return RunError(f"{self.path} cannot be written: {error.strerror or error}")


class _Sink:
    """Bytes, or tables, into a file that is open for writing; `__exit__` writes the end of the format."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, form: Format) -> None:
        self.write: Callable[[Any], Any]
        self._close: Callable[[], Any]
        if form.name == "parquet":
            writer = ParquetFile(file, schema, form.compression)
            self.write, self._close = writer.write, writer.close
        elif form.name == "arrow":
            compression = None if form.compression == "none" else form.compression
            options = pa.ipc.IpcWriteOptions(compression=compression)
            made = pa.ipc.new_file(file, schema, options=options)
            self.write, self._close = made.write_table, made.close
        elif form.packing:
            packed = pa.CompressedOutputStream(pa.PythonFile(_Unclosed(file), "w"), form.packing)
            self.write, self._close = packed.write, packed.close
        else:
            self.write, self._close = file.write, lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # What is thrown away needs no end; yet Arrow would write it later, when nobody listens.
        with nullcontext() if error is None else suppress(Exception):
            self._close()


class _Unclosed:
    """A file that stays open when Arrow closes it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.flush, self.tell = file.write, file.flush, file.tell

    def close(self) -> None:
        """Nothing."""
