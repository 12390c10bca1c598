"""What came of a conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["ConversionReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """What `convert` wrote.

    Attributes
    ----------
    path, num_bytes
        The file, and what it takes on the disk.
    num_rows, num_left_out
        Rows written, and rows that cannot be parsed.
    columns
        Name and type of each column, as Arrow calls it.
    seconds
        What it took.
    temporary_bytes
        What the shuffle wrote to the disk and removed again; 0 where rows fit the memory.
    peak_bytes
        What stoker's buffers took at most.
    """

    path: str
    num_bytes: int
    num_rows: int
    num_left_out: int
    columns: tuple[tuple[str, str], ...]
    seconds: float
    temporary_bytes: int
    peak_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        record: dict[str, Any] = msgspec.to_builtins(self)
        return record
