"""Where the records in some bytes begin, and what to say where they are not as many as were counted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.errors import ChangedDataError
from stoker.kernels.frozen import frozen
from stoker.kernels.records import scan_records
from stoker.sources.schema import FileLayout
from stoker.types import IntArray

__all__ = ["miscounted", "record_starts"]


def record_starts(data: npt.NDArray[np.uint8], num_records: int, layout: FileLayout) -> IntArray:
    """Where each record begins, and where the last one ends: int64 of shape (num_records + 1,).

    Raises
    ------
    ChangedDataError
        There are not so many.
    """
    starts, dialect = np.empty(num_records + 1, np.int64), layout.dialect
    rows = np.empty(num_records, np.int64)
    found, end, _, _ = scan_records(
        frozen(data),
        0,
        len(data),
        dialect.delimiter_byte,
        dialect.quote_byte,
        True,
        1,
        0,
        0,
        rows,
        starts[:-1],
    )
    if found != num_records or end < len(data):
        raise miscounted(layout.path, num_records, found)
    starts[-1] = len(data)
    return starts


def miscounted(path: str, counted: int, found: int) -> ChangedDataError:
    """What to say of bytes that are those of the survey, which counted other records in them."""
    return ChangedDataError(
        f"{path}: its survey counted {counted:,} records where {found:,} can be read; delete the folder "
        ".stoker beside it, and survey again"
    )
