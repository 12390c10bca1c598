"""What every format owes: files with a schema, which a `Source` adds views to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.sources.chunks import Chunk, ParsedChunk
from stoker.sources.files import FileIdentity
from stoker.sources.index import RowIndex
from stoker.sources.schema import Schema
from stoker.types import IntArray, Progress, RowReader

__all__ = ["Access", "Table"]

Access: TypeAlias = Literal["rows", "units", "stream"]
"""How rows are read by position; see `Source.random_access`."""


class Table(Protocol):
    """One format's files with a schema: what a `Source` adds views to.

    Duties: immutable; `parse` and the readers are safe to use from several threads; `chunks` and the readers
    agree on the row ids; values are the same in both.

    A table may also tell ``random_access``, ``unit_rows``, ``reading_bytes``, ``has_lines`` and
    ``is_lasting``, as a `Source` does; one that tells nothing is of files whose rows are read each by itself,
    in lines. One that knows beforehand how many rows there are tells ``num_rows``.
    """

    @property
    def format(self) -> str:
        """Name of the format: one of `stoker.sources.formats.FORMATS`, or of rows without a name."""
        ...

    @property
    def schema(self) -> Schema:
        """The used columns."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """The files in order."""
        ...

    @property
    def places(self) -> tuple[str, ...]:
        """The same; a relative path knows from which folder it is (`stoker.given`)."""
        ...

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes 1, 2, … where the format gives them."""
        ...

    def with_schema(self, schema: Schema) -> Table:
        """The same files with other columns."""
        ...

    def keeping(self, names: Sequence[str]) -> Table:
        """The same with columns that come along as text."""
        ...

    def like(self, paths: tuple[str, ...], *, with_label: bool) -> Table:
        """Other files with the same columns."""
        ...

    def chunks(self, target_bytes: int) -> Iterator[Chunk]:
        """Every record once, in order."""
        ...

    def parse(self, chunk: Chunk, dtype: np.dtype[Any], out: npt.NDArray[Any] | None = None) -> ParsedChunk:
        """A chunk's rows and issues."""
        ...

    @property
    def packings(self) -> tuple[str, ...]:
        """How each file is compressed; ``""`` where rows can be read by position."""
        ...

    def identity(self) -> list[FileIdentity]:
        """What the file system says of each file now."""
        ...

    def place_of(self, file_index: int, offset: int) -> str:
        """Where a byte of a file stands, for people: file and line."""
        ...

    def check(self, index: RowIndex, progress: Progress | None = None) -> None:
        """Read everything anew and compare it with what an index says it held."""
        ...

    def record_offset(self, chunk: Chunk, ordinal: int) -> int:
        """Byte of its file at which record number `ordinal` of a chunk begins."""
        ...

    def reader(
        self, index: RowIndex, excluded: IntArray, dtype: np.dtype[Any], *, verify: bool = True
    ) -> RowReader:
        """Random access by row id."""
        ...

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        ...
