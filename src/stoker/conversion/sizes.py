"""How a conversion divides its memory."""

from __future__ import annotations

from dataclasses import dataclass

from stoker.conversion.columns import Layout
from stoker.errors import MemoryBudgetError
from stoker.survey.drawing import chunk_bytes

__all__ = ["LEAST_MEMORY", "Runs", "Sizes", "runs_for"]

LEAST_MEMORY = 16_000_000
_GROUP_BYTES = 16 << 20
_PIECE_BYTES = 4 << 20
_MOST_GROUP_ROWS = 1 << 17
_LEAST_GROUP_ROWS = 64
_MOST_RUN_BYTES = 1 << 30
"""The offsets of a column of strings have 32 bits."""
_POSITION_BYTES = 4
_BLOCK_BYTES = 64 << 10
_COLUMNS_A_BLOCK = 64
"""A block of a few rows of many columns would be mostly its own description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of what a conversion holds.

    Attributes
    ----------
    chunk
        Of a file, to be read at a time.
    keep
        What rows may take that are kept in memory.
    run
        Rows that a shuffle takes in before it divides them, and of a bucket that they come to.
    group, piece
        Of a row group, and of what is made at a time of rows in memory.
    block
        What a run must have for each bucket, on average.
    """

    chunk: int
    keep: int
    run: int
    group: int
    piece: int
    block: int = _BLOCK_BYTES

    @classmethod
    def of(cls, memory: int, workers: int, *, has_floats: bool) -> Sizes:
        """Divide the memory.

        In flight are chunks with what is parsed of them and tables, three eighths together; then a run as it
        came, whole and divided, or two buckets as they were stored and in order.

        Raises
        ------
        MemoryBudgetError
            It is too little.
        """
        if memory < LEAST_MEMORY:
            raise MemoryBudgetError(
                f"converting takes at least memory='{LEAST_MEMORY // 10**6}MB', got {memory:,} bytes"
            )
        return cls(
            chunk=chunk_bytes(memory // 2, workers + 1, has_floats=has_floats),
            keep=memory // 3,
            run=min(memory // 8, _MOST_RUN_BYTES),
            group=min(_GROUP_BYTES, memory // 32),
            piece=min(_PIECE_BYTES, memory // 32 // (workers + 2)),
        )

    def group_rows(self, layout: Layout) -> int:
        """Rows of a row group: a power of two."""
        rows = self.group // layout.row_bytes
        return 1 << (min(_MOST_GROUP_ROWS, max(_LEAST_GROUP_ROWS, rows)).bit_length() - 1)

    def piece_rows(self, layout: Layout) -> int:
        """Rows to make at a time."""
        return max(_LEAST_GROUP_ROWS, self.piece // layout.row_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """How rows are scattered by their place in the output: bucket b has those from ``b * rows`` on.

    Attributes
    ----------
    rows
        Of a bucket.
    count
        Buckets.
    num_bytes
        What they take on the disk, about.
    limit
        Bytes of rows that are taken in before they are divided.
    inner
        How a bucket is scattered once more, None where it fits the memory.
    """

    rows: int
    count: int
    num_bytes: int
    limit: int
    inner: Runs | None = None


def runs_for(num_rows: int, layout: Layout, sizes: Sizes) -> Runs:
    """Divide rows into buckets that fit the memory, by way of larger ones where these would be too many.

    A run then has enough for each bucket that the disk writes and reads more than a few rows at a time.
    """
    row_bytes = layout.row_bytes + _POSITION_BYTES
    least = sizes.block * max(1, len(layout.columns) // _COLUMNS_A_BLOCK)
    most = max(2, sizes.run // max(1, least))
    return _runs(num_rows, max(1, sizes.run // row_bytes), most, row_bytes, sizes.run)


def _runs(num_rows: int, fitting: int, most: int, row_bytes: int, limit: int) -> Runs:
    rows = fitting
    while num_rows > rows * most:
        rows *= most
    inner = None if rows == fitting else _runs(rows, fitting, most, row_bytes, limit)
    return Runs(
        rows=rows,
        count=-(-num_rows // rows),
        num_bytes=num_rows * row_bytes + (0 if inner is None else inner.num_bytes),
        limit=limit,
        inner=inner,
    )
