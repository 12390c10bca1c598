"""Arrow files: IPC files and Feather, whose units are record batches, and streams, read in order alone."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa

from stoker.errors import DataError
from stoker.sources.columnar.arrow_kinds import ArrowColumn, arrow_columns
from stoker.sources.columnar.ipc_footer import batch_places
from stoker.sources.columnar.stream import StreamUnits
from stoker.sources.columnar.units import (
    LargestBatch,
    UnitFile,
    input_file,
    units_file,
    unreadable,
    version_of,
)
from stoker.sources.files import ByteReader, FileIdentity, identify, open_reader
from stoker.sources.remote import is_remote
from stoker.sources.remote.schedule import Span, holding_bytes, schedule_of
from stoker.types import IntArray
from stoker.waits import Wait

__all__ = ["ARROW_SUFFIXES", "ArrowUnits", "open_arrow_file"]

ARROW_SUFFIXES = (".arrow", ".feather", ".ipc", ".arrows")
"""What Arrow files are called; the last one is a stream's."""

_MAGIC = b"ARROW1"
_FEATHER_1 = b"FEA1"
_STREAM = b"\xff\xff\xff\xff"


@dataclass(frozen=True, eq=False)
class ArrowUnits:
    """One Arrow IPC file; a `stoker.sources.columnar.units.UnitFile`.

    Attributes
    ----------
    path
        The file.
    size
        Its bytes.
    schema
        Its fields.
    unit_rows
        int64: rows of each record batch.
    spans
        The bytes of each.
    version
        Of a file elsewhere: that of which the footer is.
    """

    path: str
    size: int
    schema: pa.Schema
    unit_rows: IntArray
    spans: Sequence[Span] = ()
    version: int | None = None
    largest: LargestBatch = field(default_factory=LargestBatch, init=False, repr=False)

    @cached_property
    def columns(self) -> tuple[ArrowColumn, ...]:
        """What its rows have."""
        return tuple(arrow_columns(self.schema))

    def identity(self) -> FileIdentity:
        """What the file system says of the file now."""
        return identify(self.path)

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any]:
        """The rows from a record batch on; see `UnitFile`."""
        options = _only(self.schema, names)
        # Of a batch of which less than half is wanted, Arrow reads the wanted columns alone.
        ahead = self.spans[first_unit:] if 2 * len(names) >= len(self.schema) else ()
        with (
            units_file(self.path, self.version, lambda: ([span] for span in ahead)) as file,
            pa.ipc.open_file(file, options=options) as found,
        ):
            for number in range(first_unit, found.num_record_batches):
                whole = _checked(found.get_batch(number))
                self.largest.note(whole)
                for start in range(0, whole.num_rows, rows):
                    yield whole.slice(start, rows)

    def used_bytes(self, names: Sequence[str]) -> int:
        """The file's, by the number of columns."""
        return self.size * len(names) // max(1, len(self.schema))

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """What the largest batch takes; compressed ones are taken for twice that until they are read."""
        share = int(self.unit_rows.max()) / max(1, int(self.unit_rows.sum()))
        ahead = holding_bytes(1) if is_remote(self.path) else 0
        return ahead + max(int(2 * share * self.used_bytes(names)), self.largest.num_bytes)

    def describe(self) -> dict[str, Any]:
        """Nothing: a footer tells how a file is written."""
        return {}


def _only(schema: pa.Schema, names: Sequence[str]) -> pa.ipc.IpcReadOptions:
    wanted = [place for place, name in enumerate(schema.names) if name in names]
    return pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False)


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts and lists lie within their buffers, which reading does not make sure of."""
    for array in batch.columns:
        # Texts need not be UTF-8, of which a whole validation would make sure as well.
        is_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
        large = pa.types.is_large_string(array.type)
        kind = pa.large_binary() if large else pa.binary()
        (array.view(kind) if is_text else array).validate(full=True)
    return batch


def open_arrow_file(path: str) -> UnitFile:
    """Look at a file's beginning, and at the end of one that has a footer.

    Raises
    ------
    DataError
        It is no Arrow file, cut off, or cannot be read.
    """
    try:
        with open_reader(path) as reader:
            _expect(reader, [(0, len(_MAGIC)), (max(0, reader.size - len(_MAGIC)), reader.size)])
            head = np.zeros(min(8, reader.size), np.uint8)
            reader.read_into(head, 0)
            begin, size = head.tobytes(), reader.size
            if begin.startswith(_MAGIC):
                return _with_footer(path, reader)
        if begin.startswith(_STREAM):
            return _stream(path)
    except DataError:
        raise
    except (OSError, pa.ArrowException, ValueError) as error:
        raise unreadable(path, error, behind=" in what says where its batches are") from error
    if not size:
        raise DataError(f"{path} is empty; name a file with rows")
    if begin.startswith(_FEATHER_1):
        raise DataError(
            f"{path} is Feather of the first version, which nobody writes any more; write it anew"
        )
    raise DataError(
        f"{path} is called Arrow by its suffix and holds something else (it begins with {begin[:6]!r}); give "
        "it the right suffix, or restore the file"
    )


def _with_footer(path: str, reader: ByteReader) -> ArrowUnits:
    size = reader.size
    tail = np.zeros(len(_MAGIC), np.uint8)
    reader.read_into(tail, max(0, size - len(_MAGIC)))
    if size < 2 * len(_MAGIC) or tail.tobytes() != _MAGIC:
        raise DataError(
            f"{path} is cut off at byte {size:,}: the footer, which says where its batches are, is missing; "
            "restore the file, or write it again"
        )
    with Wait("reads {}", path), input_file(path) as file, pa.ipc.open_file(file) as found:
        schema, version = found.schema, version_of(file)
    places = batch_places(reader, partial(_expect, reader))
    rows = np.array([rows for rows, _, _ in places], np.int64)
    return ArrowUnits(path, size, schema, rows, [(start, stop) for _, start, stop in places], version)


def _expect(reader: ByteReader, spans: Sequence[Span]) -> None:
    """Have bytes of a file elsewhere come ahead."""
    if is_remote(reader.path):
        from stoker.sources.remote.reader import RemoteReader

        assert isinstance(reader, RemoteReader)
        reader.expect(schedule_of([span] for span in spans))


def _stream(path: str) -> StreamUnits:
    with Wait("reads {}", path), input_file(path) as file, pa.ipc.open_stream(file) as found:
        schema = found.schema
    return StreamUnits(path, schema, partial(_read_stream, path, schema), known=partial(identify, path))


def _read_stream(path: str, schema: pa.Schema, names: Sequence[str]) -> Generator[pa.RecordBatch]:
    options = _only(schema, names)
    with input_file(path, in_order=True) as file, pa.ipc.open_stream(file, options=options) as found:
        for batch in found:
            yield _checked(batch)
