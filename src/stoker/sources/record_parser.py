"""What a reader of records by position asks of whoever parses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from stoker.sources.issues import RowIssues
from stoker.sources.schema import FileLayout, Schema
from stoker.types import IntArray

if TYPE_CHECKING:
    from stoker.sources.parsed_block import Block

__all__ = ["RecordParser", "no_issues"]


class RecordParser(Protocol):
    """What knows how the records of one file are parsed; see `FileParser`."""

    @property
    def schema(self) -> Schema:
        """What is wanted."""

    @property
    def layout(self) -> FileLayout:
        """Where the file keeps it."""

    def parse(
        self,
        data: npt.NDArray[np.uint8],
        num_records: int,
        dtype: np.dtype[Any],
        wanted: IntArray | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> Block:
        """All records of `data`, or the `wanted` ones of them."""

    def record_starts(self, data: npt.NDArray[np.uint8], num_records: int) -> IntArray:
        """Where each record begins, and where the last one ends."""

    def row_issues(
        self, block: Block, data: npt.NDArray[np.uint8], base: int, file_index: int, ids: IntArray
    ) -> RowIssues:
        """A block's issues with row ids and file offsets."""


def no_issues(
    schema: Schema, width: int, data: npt.NDArray[np.uint8], base: int, file_index: int
) -> RowIssues:
    """What is wrong in records that cannot be wrong."""
    none = np.empty(0, np.int64)
    return RowIssues(
        rows=none,
        columns=none,
        kinds=np.empty(0, np.uint8),
        offsets=none,
        lengths=none,
        found=none,
        file_index=file_index,
        names=schema.used,
        expected=width,
        data=data,
        base=base,
    )
