"""What to say where a transform of numbers made something that is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, DataError
from stoker.kernels.gather import gather
from stoker.transforms.blanks import Rules, rule_of

__all__ = ["not_finite"]


def not_finite(
    where: tuple[Any, ...],
    out: npt.NDArray[np.float32],
    *,
    features: tuple[str, ...],
    na: Rules,
    num_rows: int,
    called: str,
) -> DataError | ColumnError:
    """The error that says which value it is.

    Parameters
    ----------
    where
        Storage and places of the rows, as kernels take them.
    out
        What was made of them.
    features, na
        The columns, and what becomes of their blanks.
    num_rows
        Rows that were learned from.
    called
        The transform's class.
    """
    row, column = (int(at[0]) for at in np.nonzero(~np.isfinite(out)))
    single = np.empty((1, len(features)), where[0].dtype)
    gather(*where[:4], where[4][row : row + 1], single)
    name, value = features[column], single[0, column]
    if not np.isnan(value):
        return DataError(
            f"column {name!r} holds {value} (row {row} of this batch), beyond float32 after "
            f"{called}: correct the value or leave the column out with drop=({name!r},)"
        )
    others = int((~np.isfinite(out)).any(axis=0).sum()) - 1
    more = f" (and {others} more columns)" if others else ""
    rule = rule_of(na, name)
    if rule not in ("error", "zero"):
        return ColumnError(
            f"column {name!r}{more} has no value in any of {num_rows} rows, so no "
            f"{rule} for its blanks: leave it out with drop=({name!r},) or give na='zero'"
        )
    return DataError(
        f"column {name!r}{more} has no value (row {row} of this batch) and na='error': give "
        f"na='mean', na='zero' or na={{{name!r}: 'mean'}}"
    )
