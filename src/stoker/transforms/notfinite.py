"""What to say where a transform of numbers made something that is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, DataError
from stoker.kernels.gather import gather
from stoker.transforms.base import RowValueError
from stoker.transforms.blanks import Rules, rule_of

__all__ = ["SpreadError", "check_ends", "not_finite"]


class SpreadError(DataError):
    """A column whose values go so far that nothing can be made of them.

    Parameters
    ----------
    column
        Its name.
    said
        How far, as the middle of a sentence.
    place
        Where such a value stands, and which it is, as the middle of a sentence.
    is_answer
        Whether it is what is to be learned, which cannot be left out.
    """

    def __init__(
        self,
        column: str,
        said: str = "spreads so far that float64 cannot hold it",
        place: str = "",
        *,
        is_answer: bool = False,
    ) -> None:
        self.column, self.said = column, said
        mend = (
            "correct it, or leave its row out of the file"
            if place
            else "correct its greatest and least values"
        )
        mend += "" if is_answer else f", or leave the column out: drop=[{column!r}]"
        super().__init__(f"column {column!r} {said}{place}: {mend}")


def check_ends(ends: npt.NDArray[np.float64], features: tuple[str, ...], called: str) -> None:
    """Refuse columns of which something comes out that is beyond float32.

    Parameters
    ----------
    ends
        The least and the greatest that comes out of each column, and what becomes of a blank, of shape
        (n, k); NaN where there is none.
    features
        The columns.
    called
        The transform's class.

    Raises
    ------
    SpreadError
        Naming the first of them.
    """
    with np.errstate(over="ignore"):
        beyond = np.isinf(ends.astype(np.float32))
    if beyond.any():
        name = features[int(np.flatnonzero(beyond.any(axis=0))[0])]
        raise SpreadError(name, f"holds what is beyond float32 after {called}")


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
        return RowValueError(
            f"column {name!r} holds {value}",
            f", beyond float32 after {called}: correct the value or leave the column out with "
            f"drop=({name!r},)",
            np.flatnonzero(~np.isfinite(out).all(axis=1)),
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
