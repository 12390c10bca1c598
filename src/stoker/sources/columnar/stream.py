"""Rows that come one after the other and cannot be addressed: a query's, another library's, a stream's.

Whatever hands out Arrow record batches, from the first to the last and anew each time it is asked, is a
table. A survey's pass over it goes to memory or to the cache, and rows are read by position from there; what
reads the stream itself by position begins it anew where it must go back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from stoker.errors import OptionError
from stoker.sources.choice import Choice
from stoker.sources.columnar.arrow_kinds import ArrowColumn, arrow_columns, resolve_columns
from stoker.sources.columnar.table import ColumnarTable, Opener
from stoker.sources.columnar.units import LargestBatch
from stoker.sources.files import FileIdentity

__all__ = ["Read", "StreamUnits", "stream_table"]

Read = Callable[[Sequence[str]], Iterable[pa.RecordBatch]]
"""Gives all rows anew, with these columns at least; what it gives is closed where it can be."""
_BATCH_BYTES = 4 << 20


@dataclass(frozen=True, eq=False)
class StreamUnits:
    """A stream of rows; a `stoker.sources.columnar.units.UnitFile` that is one unit.

    Attributes
    ----------
    path
        What it is called, such as ``postgresql://host/base``: without passwords. It is a path where the
        stream is a file, and else has ``://`` in it.
    schema
        The columns' names and types.
    read
        Gives the rows; it may raise a `stoker.errors.DataError` that says what to do.
    known
        What the file system says of it; made up where it is no file.
    batch_bytes
        What a batch takes, about.
    is_ordered
        Whether rows come in the same order each time; those of a query may not, unless it says so.
    divided
        Told before a pass by which rows are divided, behind which another pass uses them.
    """

    path: str
    schema: pa.Schema
    read: Read
    known: Callable[[], FileIdentity] | None = None
    batch_bytes: int = _BATCH_BYTES
    is_ordered: bool = True
    divided: Callable[[], None] = field(default=lambda: None, repr=False)
    opened_ns: int = field(default_factory=time.time_ns)
    unit_rows: None = field(default=None, init=False)
    largest: LargestBatch = field(default_factory=LargestBatch, init=False, repr=False)

    @cached_property
    def columns(self) -> tuple[ArrowColumn, ...]:
        """What its rows have."""
        return tuple(arrow_columns(self.schema))

    @cached_property
    def size(self) -> int:
        """Its bytes when it was opened; 0 where it is no file."""
        return self.identity().size

    def identity(self) -> FileIdentity:
        """What the file system says of it now; of what is no file when it was opened, and no more."""
        if self.known is not None:
            return self.known()
        return FileIdentity(path=self.path, size=0, mtime_ns=self.opened_ns, ctime_ns=self.opened_ns, inode=0)

    def batches(self, first_unit: int, names: Sequence[str], rows: int) -> Generator[Any]:
        """All rows; see `UnitFile`. Those of a batch of more than `rows` come in several."""
        found = self.read(names)
        try:
            for batch in found:
                self.largest.note(batch)
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows)
        finally:
            close = getattr(found, "close", None)
            if close is not None:
                close()

    def used_bytes(self, names: Sequence[str]) -> int:
        """Nobody knows: a stream has no length."""
        return 0

    def decoding_bytes(self, names: Sequence[str]) -> int:
        """A batch that is read, and one that is handed out; larger ones are known once they came."""
        return max(2 * self.batch_bytes, self.largest.num_bytes)

    def describe(self) -> dict[str, Any]:
        """Nothing but what the table tells of its columns."""
        return {}


def stream_table(
    format_name: str, stream: StreamUnits, choice: Choice, *, opener: Opener | None = None
) -> ColumnarTable:
    r"""A table of a stream's rows.

    Parameters
    ----------
    format_name
        Among `stoker.sources.formats.FORMATS`, or a word of its own for what cannot be opened by name.
    stream
        The rows.
    choice
        Label, features and kinds.
    opener
        Opens other streams by name, for `ColumnarTable.like`.

    Raises
    ------
    ColumnError
        A column is absent, or of a type that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from stoker.sources import Source
    >>> batch = pa.record_batch({"x": [1.5, 2.5], "kind": ["a", "b"]})
    >>> stream = StreamUnits("example://two rows", batch.schema, lambda names: [batch.select(names)])
    >>> source = Source(table=stream_table("example", stream, Choice(labels=("kind",))))
    >>> source.random_access, source.peek(1).columns["kind"][0].as_py()
    ('stream', 'a')
    """
    schema = resolve_columns(choice, stream.path, stream.columns)

    def nothing(paths: Sequence[str]) -> Sequence[StreamUnits]:
        raise OptionError(f"{paths[0]}: rows like those of {stream.path} cannot be opened by a name")

    return ColumnarTable(
        format=format_name,
        schema=schema,
        files=(stream,),
        opener=nothing if opener is None else opener,
    )
