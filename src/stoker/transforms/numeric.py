"""Numeric columns to float32 arrays of shape (n, k): as they are, imputed, scaled or standardised.

A blank (NaN) is handled by `na`: ``"error"``, ``"mean"`` or ``"zero"``, for all columns or by name; a
replacement takes the place of the blank before scaling. Statistics are of the values that are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, DataError, OptionError
from stoker.kernels import gather
from stoker.transforms.base import FittedTransform, InputTransform, checked_places, nearest, same_features
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import ColumnKind, InputKind, IntArray, Rows

__all__ = ["Cast", "Impute", "NaRule", "Scale", "Standardize"]

NaRule: TypeAlias = Literal["error", "mean", "zero"]
Float32Array: TypeAlias = npt.NDArray[np.float32]
FloatArray: TypeAlias = npt.NDArray[np.float64]

_FLOAT32_ERROR = 1e-5
"""How far rounding what is subtracted to float32 may move a result before float64 is used instead."""


class Cast(InputTransform):
    """The columns as they are, as float32.

    Parameters
    ----------
    na
        What becomes of a blank: ``"error"`` (the default), ``"mean"``, ``"zero"``, or a mapping from column
        names to these; columns that it does not name are ``"error"``.

    Attributes
    ----------
    features_
        Names of the k columns.
    statistics_
        `ColumnStatistics` of the rows seen.
    """

    name = "cast"

    def __init__(self, *, na: NaRule | Mapping[str, NaRule] = "error") -> None:
        rules = na.values() if isinstance(na, Mapping) else [na]
        for rule in rules:
            if rule not in get_args(NaRule):
                raise OptionError(f"na must be 'error', 'mean' or 'zero', got {rule!r}")
        self.na = na
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.statistics_ = ColumnStatistics(distinct=False)
        self.features_: tuple[str, ...] = ()

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows."""
        self.statistics_.update(rows)
        return self._learn()

    def fit_statistics(self, statistics: ColumnStatistics) -> Self:
        """Learn from statistics that were taken elsewhere, such as the survey's."""
        self.statistics_ = statistics.copy()
        return self._learn()

    def merge(self, other: FittedTransform) -> Self:
        """Take in what `other` learned from the rows that follow; see `ColumnStatistics.merge`."""
        self._check_merge(other)
        assert isinstance(other, Cast)
        self.statistics_.merge(other.statistics_)
        return self._learn()

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse texts.

        Raises
        ------
        ColumnError
            If the column holds text.
        """
        if kind == "text":
            raise ColumnError(
                f"column {column!r} holds text, and {type(self).__name__} is for numbers: give it a "
                f"transform of texts, or open the data with types={{{column!r}: 'float'}} if these are "
                "numbers"
            )

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return self.statistics_.features is not None

    @property
    def output(self) -> InputKind:
        """Dense arrays."""
        return "dense"

    @property
    def num_outputs(self) -> int:
        """Columns that `apply` gives, k."""
        return len(self.features_)

    def apply(self, rows: Rows, take: IntArray, out: Float32Array | None = None) -> Float32Array:
        """Float32 of shape (len(take), k): a fresh array, or `out`, which is written.

        Arithmetic is in float64; for integers of 8 and 16 bits in float32 where that costs at most 1e-5.

        Raises
        ------
        ColumnError
            If the transform is not fitted, or was fitted on other columns.
        DataError
            If a blank has no rule, or a value is beyond float32.
        """
        if not self.is_fitted:
            raise OptionError(f"{type(self).__name__} is not fitted: call fit, or feed.prepare()")
        same_features(self.features_, rows.features, type(self).__name__)
        places = checked_places(rows, take)
        if out is None:
            out = np.empty((places.size, len(self.features_)), np.float32)
        if rows.matrix is None:
            return out
        values = np.asarray(rows.matrix.values)
        where = (values, rows.matrix.starts, rows.matrix.rows_per_piece, rows.matrix.num_columns, places)
        if values.dtype.kind == "f":
            if gather.gather_filled(*where, self._fill, self._subtract, self._multiply, out):
                self._explain(where, out)
        elif self._plain:
            gather.gather_cast(*where, out)
        elif self._narrow is not None and values.dtype.itemsize <= 2:
            gather.gather_affine(*where, *self._narrow, out)
        else:
            gather.gather_affine(*where, self._subtract, self._multiply, out)
        return out

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"na": dict(self.na) if isinstance(self.na, Mapping) else self.na}

    def state(self) -> dict[str, Any]:
        """Options and statistics as plain data."""
        return {"name": self.name, "options": self.options(), "statistics": self.statistics_.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        made = cls(**state["options"])
        made.statistics_ = ColumnStatistics.from_state(state["statistics"])
        return made._learn()

    def _rule(self, feature: str) -> NaRule:
        return self.na.get(feature, "error") if isinstance(self.na, Mapping) else self.na

    def _coefficients(self, seen: ColumnStatistics) -> tuple[FloatArray, FloatArray]:
        """What to subtract, and by what to multiply then; float64 of shape (k,)."""
        width = len(self.features_)
        return np.zeros(width), np.ones(width)

    def _learn(self) -> Self:
        seen = self.statistics_
        self.features_ = seen.features or ()
        if isinstance(self.na, Mapping):
            for column in self.na:
                if seen.features is not None and column not in self.features_:
                    raise ColumnError(
                        f"na names the column {column!r}, which is not among the numeric columns"
                        f"{nearest(column, self.features_)}"
                    )
        replacements = {"error": np.full(len(self.features_), np.nan), "zero": np.zeros(len(self.features_))}
        replacements["mean"] = seen.mean
        if isinstance(self.na, Mapping):
            chosen = [replacements[self._rule(name)][place] for place, name in enumerate(self.features_)]
            self._fill = np.array(chosen)
        else:
            self._fill = replacements[self.na]
        self._subtract, self._multiply = self._coefficients(seen)
        self._plain = not self._subtract.any() and bool((self._multiply == 1).all())
        with np.errstate(all="ignore"):
            subtract, multiply = self._subtract.astype(np.float32), self._multiply.astype(np.float32)
            near = np.abs(subtract - self._subtract) * self._multiply <= _FLOAT32_ERROR
        self._narrow = (subtract, multiply) if near.all() else None
        return self

    def _explain(self, where: tuple[Any, ...], out: Float32Array) -> None:
        """Raise the error that says which value is not finite."""
        row, column = (int(at[0]) for at in np.nonzero(~np.isfinite(out)))
        single = np.empty((1, len(self.features_)), where[0].dtype)
        one = (*where[:4], where[4][row : row + 1], single)
        gather.gather(*one)
        name, value = self.features_[column], single[0, column]
        if not np.isnan(value):
            raise DataError(
                f"column {name!r} holds {value} (row {row} of this batch), beyond float32 after "
                f"{type(self).__name__}: correct the value or leave the column out with drop=({name!r},)"
            )
        others = int((~np.isfinite(out)).any(axis=0).sum()) - 1
        more = f" (and {others} more columns)" if others else ""
        if self._rule(name) == "mean":
            raise ColumnError(
                f"column {name!r}{more} has no value in any of {self.statistics_.num_rows} rows, so no "
                f"mean for its blanks: leave it out with drop=({name!r},) or give na='zero'"
            )
        raise DataError(
            f"column {name!r}{more} has no value (row {row} of this batch) and na='error': give "
            f"na='mean', na='zero' or na={{{name!r}: 'mean'}}"
        )


class Impute(Cast):
    """The columns as they are, with a value in the place of each blank.

    As `Cast`, but `na` is ``"mean"`` unless given. Like scikit-learn's ``SimpleImputer``.
    """

    name = "impute"

    def __init__(self, *, na: NaRule | Mapping[str, NaRule] = "mean") -> None:
        super().__init__(na=na)


class Scale(Cast):
    """Columns moved and stretched into a range, [0, 1] unless given.

    Values outside of the range that was learned come out outside of [minimum, maximum]: nothing is cut off.
    A column of one value becomes `minimum`.

    Parameters
    ----------
    minimum, maximum
        Where the least and the greatest value go.
    data_range
        Least and greatest value of all columns, when known: ``(0, 255)`` for pixels. Default: those seen,
        column by column.
    na
        See `Cast`.
    """

    name = "scale"

    def __init__(
        self,
        *,
        minimum: float = 0.0,
        maximum: float = 1.0,
        data_range: tuple[float, float] | None = None,
        na: NaRule | Mapping[str, NaRule] = "error",
    ) -> None:
        if not minimum < maximum:
            raise OptionError(f"minimum must be below maximum, got {minimum} and {maximum}")
        if data_range is not None and not data_range[0] < data_range[1]:
            raise OptionError(f"data_range must be (least, greatest), got {tuple(data_range)}")
        self.minimum, self.maximum = minimum, maximum
        self.data_range = data_range
        super().__init__(na=na)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        data_range = None if self.data_range is None else list(self.data_range)
        return {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "data_range": data_range,
            **super().options(),
        }

    def _coefficients(self, seen: ColumnStatistics) -> tuple[FloatArray, FloatArray]:
        if self.data_range is None:
            least, most = np.nan_to_num(seen.minimum), np.nan_to_num(seen.maximum)
        else:
            least, most = (np.full(len(self.features_), float(end)) for end in self.data_range)
        with np.errstate(over="ignore"):
            spread = _finite(most - least, self.features_)
        multiply = np.where(spread > 0, (self.maximum - self.minimum) / np.where(spread > 0, spread, 1), 1.0)
        return least - self.minimum / multiply, multiply


class Standardize(Cast):
    """Columns with mean 0 and standard deviation 1 over the rows seen.

    Deviations are divided by the count, as in scikit-learn's ``StandardScaler``; a column of one value
    becomes 0.

    Parameters
    ----------
    na
        See `Cast`; ``"mean"`` makes a blank 0.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> rows = Rows(num_rows=3, features=("x",), matrix=Matrix.of(np.array([[1], [2], [3]], np.uint8)))
    >>> Standardize().fit(rows).apply(rows, np.array([2, 1])).round(2)
    array([[1.22],
           [0.  ]], dtype=float32)
    """

    name = "standardize"

    def _coefficients(self, seen: ColumnStatistics) -> tuple[FloatArray, FloatArray]:
        varied = (seen.count > 0) & ~seen.constant
        spread = _finite(np.where(varied, seen.std, 0.0), self.features_)
        return np.nan_to_num(seen.mean), np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 1.0)


def _finite(spread: FloatArray, features: tuple[str, ...]) -> FloatArray:
    """`spread` itself, or an error that names a column whose spread float64 cannot hold."""
    if not np.isfinite(spread).all():
        name = features[int(np.flatnonzero(~np.isfinite(spread))[0])]
        raise DataError(
            f"column {name!r} spreads so far that float64 cannot hold it: correct its greatest and "
            f"least values or leave it out (drop=[{name!r}])"
        )
    return spread
