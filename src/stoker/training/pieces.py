"""Rows to score, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.errors import BadRowError, OptionError
from stoker.transforms.base import FittedTransform, InputTransform
from stoker.types import IntArray

__all__ = ["Piece", "UnreadPlace", "bad_row", "fills_blanks", "is_strict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadPlace:
    """Values of a column that count as blanks, though they are none.

    Attributes
    ----------
    column, count
        Which column, and how many there are.
    tell_first
        Says where the first one stands, and what it is.
    """

    column: str
    count: int
    tell_first: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive rows, ready to score.

    Attributes
    ----------
    num_rows
        Rows, bad ones included.
    good
        int64 (g,): which of them can be scored, ascending.
    x, y
        Inputs and targets of the good rows, of sparse ones a SciPy CSR matrix; y is None where there is no
        label, and of several outputs a mapping by label.
    weights
        What the good rows weigh, float32 (g,); None where nothing says it.
    kept
        Columns that come along, Arrow arrays of shape (num_rows,).
    tell_first_bad
        Says where the first row that cannot be scored stands, and why; None where all can.
    unread
        Values that count as blanks, though they are none.
    """

    num_rows: int
    good: IntArray
    x: Any
    y: Any = None
    weights: npt.NDArray[np.float32] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    tell_first_bad: Callable[[], str] | None = None
    unread: tuple[UnreadPlace, ...] = ()


def is_strict(on_bad_row: str) -> bool:
    """Whether a row that cannot be scored is an error.

    Raises
    ------
    OptionError
        `on_bad_row` is no such word.
    """
    if on_bad_row not in ("error", "skip", "quarantine"):
        raise OptionError(f"on_bad_row must be error, skip or quarantine, got {on_bad_row!r}")
    return on_bad_row == "error"


def bad_row(told: str) -> BadRowError:
    """The error of a row, of which it is told where it stands and why it cannot be scored."""
    return BadRowError(f"{told}; on_bad_row='skip' leaves such rows without an answer")


def fills_blanks(inputs: FittedTransform, column: str) -> bool:
    """Whether a transform of the features has a value for a blank in a column."""
    return isinstance(inputs, InputTransform) and inputs.fills_blank(column)
