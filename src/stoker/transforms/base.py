"""What all transforms share: fitting afresh, rows to storage places, and numbers as plain data."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, DataError, OptionError
from stoker.kernels.lookup import extremes
from stoker.similar import most_like
from stoker.types import ColumnKind, EachKind, InputKind, IntArray, Matrix, Rows

__all__ = [
    "FittedTransform",
    "InputTransform",
    "RowValueError",
    "Unread",
    "checked_places",
    "from_plain",
    "nearest",
    "same_features",
    "to_plain",
]


class RowValueError(DataError):
    """Values of which a transform makes nothing.

    Parameters
    ----------
    what, way_out
        What stands in the first such row, and what to do about it.
    places
        Which of the rows that were asked for, or learned from, they are, int64, ascending: one at least.
    among
        What these rows are, for who does not know more of them.

    Attributes
    ----------
    said
        What is wrong, without the row, for whoever knows where that stands.
    """

    def __init__(self, what: str, way_out: str, places: IntArray, among: str = "this batch") -> None:
        self.places, self.said = places, f"{what}{way_out}"
        self._given = what, way_out, places, among
        super().__init__(f"{what} (row {int(places[0]):,} of {among}){way_out}")

    def learned_from(self, first: int) -> RowValueError:
        """The same of rows that are learned from, of which the first has the number `first`."""
        what, way_out, places, _ = self._given
        return RowValueError(what, way_out, places + first, "those learned from")

    def __reduce__(self) -> tuple[type[RowValueError], tuple[str, str, IntArray, str]]:
        """What it was made of: processes hand it on."""
        return type(self), self._given


class Unread(NamedTuple):
    """Values of a column that are there, and count as blanks for nothing could be read of them.

    Attributes
    ----------
    column
        Its name.
    places
        Which of the rows that were asked for they are, int64, ascending: one at least.
    said
        What the first one holds.
    """

    column: str
    places: IntArray
    said: str


def told_unread(column: str, count: int, first: str) -> str:
    """What is said of values of a column of which nothing could be read.

    Examples
    --------
    >>> told_unread("when", 2, "u.csv, line 6: 'banana'")
    "column 'when': 2 values cannot be read and count as blanks, first u.csv, line 6: 'banana'"
    """
    what = "1 value cannot be read and counts as a blank"
    what = what if count == 1 else f"{count:,} values cannot be read and count as blanks"
    return f"column {column!r}: {what}, first {first}"


class FittedTransform(ABC):
    """A transform that learns from rows; see `stoker.types.Transform` for the duties.

    Subclasses give `name`, the key of their kind in stored states, and keep learned values in attributes
    whose names end in an underscore.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what was learned."""

    @abstractmethod
    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows; the result does not depend on how rows are cut into calls."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """Take in what `other`, of the same options, learned from the rows that follow."""

    def adopt(self, other: FittedTransform) -> Self:
        """Know what `other`, of the same options, has learned and no more; that is not to be used then."""
        self._check_merge(other)
        self.__dict__.update(other.__dict__)
        return self

    @abstractmethod
    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Fresh arrays for the row numbers `take` of `rows`, in that order; safe from several threads."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Options and what was learned, as plain data; `stoker.transforms.from_state` reads it."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform from what `state` gave."""

    @property
    def learns_in_parts(self) -> bool:
        """Whether parts that others learned can be merged to the bits of one that saw all rows."""
        return True

    def begin_part(self, first: int) -> Self:
        """Forget, and learn from a part of the rows: its state is merged into that of those before it.

        Where `first` is a multiple of `stoker.transforms.statistics.LEAF_ROWS` the merged transform has the
        bits of one that saw all rows.

        Parameters
        ----------
        first
            How many rows come before.
        """
        self.reset()
        return self

    def finish(self) -> Self:
        """Settle what waits for the last row; whoever calls `partial_fit` calls this when all were seen.

        Raises
        ------
        DataError
            If nothing could be made of some of the rows.
        """
        return self

    def fit(self, rows: Rows) -> Self:
        """Forget, then learn from `rows` alone."""
        self.reset()
        return self.partial_fit(rows).finish()

    def _check_merge(self, other: FittedTransform) -> None:
        if other is self:
            raise OptionError(f"cannot merge {type(self).__name__} with itself: merge that of further rows")
        if type(other) is not type(self) or other.options() != self.options():
            raise OptionError(
                f"cannot merge {type(other).__name__} with {other.options()} into {type(self).__name__} with "
                f"{self.options()}: merge transforms of one kind and with the same options"
            )


class InputTransform(FittedTransform):
    r"""A transform of the features: what a feed makes a model's inputs with.

    `apply` gives an array of shape (n, \*row_shape) and of `dtype`, which are (num_outputs,) and float32 but
    for images, where `output` is ``"dense"``; a SciPy CSR matrix of shape (n, num_outputs), float32, its
    indices ascending in each row, where it is ``"sparse"``; and int32 of that shape, 0 for padding, where it
    is ``"tokens"``.
    """

    makes_codes: ClassVar[bool] = False
    """Whether its tokens are numbers of categories, and not of words one after the other."""

    @abstractmethod
    def apply(self, rows: Rows, take: IntArray) -> Any:
        """Fresh inputs for the row numbers `take` of `rows`, in that order; safe from several threads."""

    @property
    @abstractmethod
    def output(self) -> InputKind:
        """What `apply` gives."""

    @property
    def input_kind(self) -> EachKind:
        """What a model must know of `output`: ``codes`` where tokens are numbers of categories."""
        assert self.output != "named"  # which alone has several
        return "codes" if self.makes_codes and self.output == "tokens" else self.output

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """Columns of what `apply` gives."""

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of a row of what `apply` gives."""
        return (self.num_outputs,)

    @property
    def dtype(self) -> str:
        """Of what `apply` gives, of sparse rows that of their values."""
        return "int32" if self.output == "tokens" else "float32"

    @property
    def working_bytes(self) -> int:
        """Memory that `apply` takes in each thread beside what it gives, where it is worth counting."""
        return 0

    @property
    def num_tokens(self) -> int | None:
        """Of tokens one more than the greatest; None for anything else."""
        return None

    @property
    def num_bytes(self) -> int:
        """Memory that the fitted transform holds, where it is worth counting."""
        return 0

    @property
    def leaves_unread(self) -> bool:
        """Whether `apply` takes values for blanks that are none, which `unread` tells."""
        return False

    def unread(self, rows: Rows, take: IntArray) -> tuple[Unread, ...]:
        """The values of the row numbers `take` that `apply` takes for blanks, though they are none."""
        return ()

    @property
    def refuses(self) -> bool:
        """Whether there are values, sound in themselves, of which `apply` makes nothing: `RowValueError`."""
        return False

    def fills_blank(self, column: str) -> bool:
        """Whether it has something for a blank in a column of numbers."""
        rule = getattr(self, "na", "error")
        return bool((rule.get(column, "error") if isinstance(rule, Mapping) else rule) != "error")

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse a column that does not hold what this is for, with a `ColumnError` that says the way out.

        Parameters
        ----------
        column
            Its name.
        kind
            What it holds: `stoker.types.ColumnKind`.
        """

    def most_entries(self, num_bytes: int) -> int:
        """Entries that a row has at most where its texts have so many bytes."""
        return self.num_outputs


def checked_places(rows: Rows, take: IntArray | None) -> IntArray:
    """Storage places of the row numbers `take` of `rows` (None: all of them), int64 of shape (n,).

    Raises
    ------
    IndexError
        If a row number is outside ``[0, rows.num_rows)`` or its place is outside the matrix: the kernels
        read wherever they are told to.
    """
    if take is None:
        places = np.arange(rows.num_rows, dtype=np.int64) if rows.index is None else rows.index
    else:
        take = np.ascontiguousarray(take, np.int64)
        least, most = extremes(take) if take.size else (0, -1)
        if least < 0 or most >= rows.num_rows:
            raise IndexError(f"row numbers must lie in [0, {rows.num_rows}), got {least} to {most}")
        places = rows.places(take)
    places = np.ascontiguousarray(places, np.int64)
    if places.size and rows.matrix is not None:
        _check_inside(rows.matrix, *extremes(places))
    return places


def _check_inside(matrix: Matrix, least: int, most: int) -> None:
    piece, inner = divmod(most, matrix.rows_per_piece)
    inside = least >= 0 and piece < matrix.starts.size
    if inside:
        stop = int(matrix.starts[piece]) + (inner + 1) * matrix.num_columns
        inside = stop <= matrix.values.size
    if not inside:
        raise IndexError(f"places {least} to {most} lie outside of a matrix of {matrix.values.size} values")


def same_features(expected: tuple[str, ...], received: tuple[str, ...], doing: str) -> None:
    """Raise `ColumnError` unless both name the same columns in the same order."""
    if expected is received or expected == received:
        return
    missing = [name for name in expected if name not in received]
    extra = [name for name in received if name not in expected]
    if missing or extra:
        what = "; ".join(
            f"{label} {', '.join(map(repr, names[:5]))}{' and others' if len(names) > 5 else ''}"
            for label, names in (("absent:", missing), ("not expected:", extra))
            if names
        )
    else:
        at = next(i for i, (a, b) in enumerate(zip(expected, received, strict=True)) if a != b)
        what = f"column {at + 1} is {received[at]!r} and not {expected[at]!r}"
    raise ColumnError(
        f"{doing} expects the {len(expected)} numeric columns that it was fitted on and was given "
        f"{len(received)}: {what}. Open the data with columns= as in training"
    )


def nearest(name: str, names: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` with the nearest of `names`, or nothing."""
    meant = most_like(name, names)
    return "" if meant is None else f" (did you mean {meant!r}?)"


def to_plain(numbers: npt.NDArray[Any]) -> list[Any]:
    """Numbers as JSON can hold them without a change of bits: those not finite become text.

    Examples
    --------
    >>> to_plain(np.array([0.1, np.inf]))
    [0.1, 'inf']
    """
    plain: list[Any] = numbers.tolist()
    if numbers.dtype.kind != "f" or np.isfinite(numbers).all():
        return plain
    return [number if math.isfinite(number) else repr(number) for number in plain]


def from_plain(plain: Sequence[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The array that `to_plain` wrote.

    Examples
    --------
    >>> from_plain([0.1, "inf"], np.float64)
    array([0.1, inf])
    """
    kind = np.dtype(dtype)
    numbers = [float(number) for number in plain] if kind.kind == "f" else list(plain)
    return np.array(numbers, dtype=kind)
