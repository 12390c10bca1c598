"""A table, and a disk that does what it is told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

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


class Disk:
    """What happens before a read of a file, by its path, first byte and number of bytes; None: nothing."""

    before: Callable[[str, int, int], None] | None = None

    def lose(self, offset: int) -> None:
        """The block with the byte at `offset` cannot be read any more."""

        def fail(path: str, start: int, size: int) -> None:
            if path.endswith(".csv") and start <= offset < start + size:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        self.before = fail
