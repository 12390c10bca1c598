"""Columns of dates, written as texts, to the numbers that a model can do something with."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Self, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, OptionError
from stoker.kernels.dates import write_parts
from stoker.stored import require
from stoker.transforms.base import FittedTransform, InputTransform, Unread, checked_places
from stoker.transforms.datetexts import DateReader
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import KIND_WORDS, ColumnKind, InputKind, IntArray, Matrix, Rows

__all__ = ["DatePart", "Dates"]

DatePart: TypeAlias = Literal[
    "year", "month", "day", "weekday", "hour", "minute", "second", "dayofyear", "quarter", "elapsed"
]

_PARTS = get_args(DatePart)
_DEFAULT: tuple[DatePart, ...] = ("elapsed", "dayofyear", "weekday", "hour")
_GROWING = ("year", "elapsed")
"""Parts that never come back: they are standardised, and learned."""
_PERIODS = {
    "month": 12,
    "day": 31,
    "weekday": 7,
    "hour": 24,
    "minute": 60,
    "second": 60,
    "dayofyear": 366,
    "quarter": 4,
}
_FROM_ONE = ("month", "day", "dayofyear", "quarter")


class _Plan(NamedTuple):
    """What `write_parts` takes for one column."""

    parts: IntArray
    periods: npt.NDArray[np.float64]
    subtract: npt.NDArray[np.float64]
    multiply: npt.NDArray[np.float64]


class Dates(InputTransform):
    """Dates and times to parts of them, those that come round again on a circle.

    Texts are ISO 8601, ``2024-01-05`` or ``2024-01-05T10:00:00.5+01:00`` (a blank in the place of the T will
    do), or what `format` says; a time with a zone is turned into UTC. Parts are those of pandas's
    ``Series.dt``.

    Parameters
    ----------
    *parts
        Of ``"year"``, ``"month"``, ``"day"``, ``"weekday"`` (Monday is 0), ``"hour"``,
        ``"minute"``, ``"second"``, ``"dayofyear"``, ``"quarter"`` and ``"elapsed"``, the days since 1970 with
        their fraction. Year and elapsed, which never come back, have mean 0 and deviation 1 over the rows
        seen. None given: elapsed, dayofyear, weekday and hour.
    cyclic
        Whether each of the other parts becomes two numbers, the sine and the cosine of where it is on its
        circle, so that Sunday is next to Monday. Else they are the numbers that pandas gives.
    format
        Another spelling, with the fields ``%Y %y %m %b %d %H %I %p %M %S %f`` of ``strptime``, ``%b`` in
        English.
    na
        What becomes of a blank: ``"error"``, or ``"zero"``, zeros for all its parts, a point on no circle.
    invalid
        What becomes of a text that is no date, such as ``2024-02-30``: ``"error"``, or ``"blank"``.

    Attributes
    ----------
    columns_
        Names of the columns: all that the rows had.

    Examples
    --------
    >>> import pyarrow as pa
    >>> texts = pa.array(["2024-01-01", "2024-01-08T12:00"])
    >>> rows = Rows(num_rows=2, features=(), matrix=None, columns={"when": texts})
    >>> Dates("weekday", "hour", cyclic=False).fit(rows).apply(rows, np.arange(2)).tolist()
    [[0.0, 0.0], [0.0, 12.0]]
    >>> Dates("hour", "year").fit(rows).apply(rows, np.array([1])).round(3).tolist()
    [[0.0, -1.0, 0.0]]
    """

    name = "dates"

    def __init__(
        self,
        *parts: DatePart,
        cyclic: bool = True,
        format: str | None = None,
        na: Literal["error", "zero"] = "error",
        invalid: Literal["error", "blank"] = "error",
    ) -> None:
        for part in parts:
            if part not in _PARTS:
                raise OptionError(f"Dates has no part {part!r:.40}; it has {', '.join(_PARTS)}")
        if len(set(parts)) < len(parts):
            raise OptionError(f"Dates was given a part twice: {', '.join(parts)}")
        if not isinstance(cyclic, bool):
            raise OptionError(f"cyclic must be True or False, got {cyclic!r:.40}")
        self.parts = parts or _DEFAULT
        self.cyclic, self.format, self.na, self.invalid = cyclic, format, na, invalid
        self._reader = DateReader(format=format, na=na, invalid=invalid)
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.columns_: tuple[str, ...] = ()
        self._seen = ColumnStatistics(distinct=False)
        self._plans: tuple[_Plan, ...] | None = None
        self._before = 0

    def begin_part(self, first: int) -> Self:
        """See `FittedTransform.begin_part`."""
        self.reset()
        self._seen, self._before = ColumnStatistics(distinct=False, apart=True), first
        return self

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows, all of whose dates are read.

        Raises
        ------
        ColumnError
            If a column holds numbers.
        DataError
            If a text is no date, or there is none, and that is an error.
        OptionError
            If the rows have other columns than before.
        """
        self._meet((*rows.features, *rows.columns))
        self._plans = None
        places = None if rows.index is None else checked_places(rows, None)
        grown = np.full((rows.num_rows, len(self._grown())), np.nan)
        first = self._before + self._seen.num_rows
        for at, name in enumerate(self.columns_):
            instants, problems = self._reader.read(rows, name, places, first=first)
            growing = np.array([_PARTS.index(part) for part in self._growing()], np.int64)
            if growing.size:
                zeros, ones = np.zeros(growing.size), np.ones(growing.size)
                found = np.empty((rows.num_rows, growing.size))
                write_parts(instants, problems, growing, zeros, zeros, ones, found)
                found[problems > 0] = np.nan
                grown[:, at * growing.size : (at + 1) * growing.size] = found
        matrix = Matrix.of(grown)
        self._seen.update(Rows(num_rows=rows.num_rows, features=self._grown(), matrix=matrix))
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow; see `ColumnStatistics.merge`."""
        self._check_merge(other)
        assert isinstance(other, Dates)
        if other.is_fitted:
            self._meet(other.columns_)
            self._plans = None
            self._seen.merge(other._seen)
        return self

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse what is no text.

        Raises
        ------
        ColumnError
            If the column holds something else.
        """
        if kind != "text":
            raise ColumnError(
                f"column {column!r} holds {KIND_WORDS[kind]}, and Dates reads texts: open the data with "
                f"types={{{column!r}: 'text'}}, or give the column a transform of numbers"
            )

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return bool(self.columns_)

    @property
    def refuses(self) -> bool:
        """Whether a text that is no date, or none, is an error."""
        return "error" in (self.na, self.invalid)

    @property
    def leaves_unread(self) -> bool:
        """Whether a text that is no date counts as a blank."""
        return self.invalid == "blank"

    def unread(self, rows: Rows, take: IntArray) -> tuple[Unread, ...]:
        """Texts that are no dates, by column."""
        if not self.leaves_unread:
            return ()
        places = checked_places(rows, take)
        found = (self._reader.unread(rows, name, places) for name in self.columns_)
        return tuple(each for each in found if each is not None)

    @property
    def output(self) -> InputKind:
        """Dense arrays."""
        return "dense"

    @property
    def num_outputs(self) -> int:
        """Numbers of all parts of all columns."""
        return len(self.columns_) * self._width

    def apply(self, rows: Rows, take: IntArray) -> npt.NDArray[Any]:
        """Fresh float32 of shape (len(take), num_outputs): column by column, part by part.

        Raises
        ------
        ColumnError
            If the rows lack a column, or it holds numbers.
        DataError
            If a text is no date, or there is none, and that is an error.
        OptionError
            If the transform is not fitted.
        """
        if not self.is_fitted:
            raise OptionError("Dates is not fitted: call fit, or feed.prepare()")
        places, width = checked_places(rows, take), self._width
        out = np.empty((places.size, len(self.columns_) * width), np.float32)
        if self._plans is None:  # two threads that come first would make the same
            self._plans = tuple(self._plan(at) for at in range(len(self.columns_)))
        for at, (name, plan) in enumerate(zip(self.columns_, self._plans, strict=True)):
            instants, problems = self._reader.read(rows, name, places, first=None)
            found = np.empty((places.size, width))
            write_parts(instants, problems, *plan, found)
            out[:, at * width : (at + 1) * width] = found
        return out

    def options(self) -> dict[str, Any]:
        """Parts, and keyword arguments of an unfitted equal, as plain data."""
        return {
            "parts": list(self.parts),
            "cyclic": self.cyclic,
            "format": self.format,
            "na": self.na,
            "invalid": self.invalid,
        }

    def state(self) -> dict[str, Any]:
        """Options, columns and statistics as plain data."""
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "statistics": self._seen.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        options = dict(state["options"])
        made = cls(*options.pop("parts"), **options)
        columns = tuple(state["columns"])
        require(all(isinstance(name, str) for name in columns), "columns without names")
        require(len(set(columns)) == len(columns), "a column twice")
        made.columns_ = columns
        made._seen = ColumnStatistics.from_state(state["statistics"])
        require(made._seen.features == (made._grown() if columns else None), "statistics of other parts")
        require(not made._seen.distinct, "statistics of another kind")
        return made

    @property
    def _width(self) -> int:
        return sum(2 if self.cyclic and part in _PERIODS else 1 for part in self.parts)

    def _growing(self) -> tuple[DatePart, ...]:
        return tuple(part for part in self.parts if part in _GROWING)

    def _grown(self) -> tuple[str, ...]:
        """Names of what is learned: each part that never comes back, of each column."""
        return tuple(f"{name} {part}" for name in self.columns_ for part in self._growing())

    def _meet(self, columns: tuple[str, ...]) -> None:
        if not self.columns_:
            if not columns:
                raise OptionError("Dates was given rows without a column")
            self.columns_ = columns
        elif columns != self.columns_:
            raise OptionError(
                f"Dates learned from the columns {', '.join(map(repr, self.columns_))} and was given "
                f"{', '.join(map(repr, columns))}: give it the same ones"
            )

    def _plan(self, column: int) -> _Plan:
        """What becomes of the dates of a column."""
        periods = [_PERIODS.get(part, 0) if self.cyclic else 0 for part in self.parts]
        subtract = np.array([float(self.cyclic and part in _FROM_ONE) for part in self.parts])
        multiply = np.ones(len(self.parts))
        growing, seen = self._growing(), self._seen
        mean, deviation = seen.mean, np.where(seen.constant, 0.0, seen.std)
        for place, part in enumerate(self.parts):
            if part in growing:
                at = column * len(growing) + growing.index(part)
                subtract[place] = np.nan_to_num(mean[at])
                multiply[place] = 1 / deviation[at] if deviation[at] > 0 else 1.0
        parts = np.array([_PARTS.index(part) for part in self.parts], np.int64)
        return _Plan(parts, np.array(periods, np.float64), subtract, multiply)
