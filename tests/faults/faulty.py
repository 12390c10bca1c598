"""A table, and a disk that does what it is told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import stoker

NUM_ROWS, NUM_COLUMNS = 10_000, 40


def write_table(path: Path) -> Path:
    """A table of 1.9 MB, whose rows take 3.3 MB, with a label of two classes that can be learned."""
    values = [f"{number * 7919 % 1_000}.5" for number in range(NUM_ROWS + NUM_COLUMNS)]
    header = ",".join(f"x{place}" for place in range(NUM_COLUMNS))
    rows = (
        f"{','.join(values[row : row + NUM_COLUMNS])},{int(float(values[row]) > 500)}\n"
        for row in range(NUM_ROWS)
    )
    path.write_text(f"{header},y\n{''.join(rows)}")
    return path


BLOCK = 4_096
"""Bytes of a file that are readable or unreadable together."""


class Disk:
    """What stands before a read of a file: given its path, first byte and size, the bytes that may be read.

    None lets everything through. It may raise OSError.
    """

    before: Callable[[str, int, int], int] | None = None

    def lose(self, offset: int) -> None:
        """The block with the byte at `offset` of any table cannot be read; what stands before it can."""
        first = offset // BLOCK * BLOCK

        def until_there(path: str, start: int, size: int) -> int:
            if not path.endswith(".csv") or start >= first + BLOCK or start + size <= first:
                return size
            if start >= first:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return first - start

        self.before = until_there

    def mend(self) -> None:
        """Everything can be read again."""
        self.before = None


def feed_of(path: Path, **options: Any) -> stoker.Feed:
    """A feed that reads the rows of a table in every epoch, since they do not fit its memory."""
    given = {"batch_size": 250, "shuffle": True, "seed": 1, "cache": "never", "memory": "8MB", "workers": 1}
    return stoker.Feed(stoker.open(path, label="y"), **given | options)
