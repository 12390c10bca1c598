"""Numeric columns moved and stretched: to a range, to a deviation of 1, or by their quartiles."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError, OptionError
from stoker.kernels import gather
from stoker.transforms.base import checked_places
from stoker.transforms.blanks import Rules
from stoker.transforms.notfinite import SpreadError
from stoker.transforms.numeric import Cast, Float32Array
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import IntArray, Matrix, Rows

__all__ = ["Log1p", "MinMax", "Robust", "Scale", "Standardize"]

FloatArray = npt.NDArray[np.float64]


class Scale(Cast):
    """Columns moved and stretched so that known ends become the ends of a range; `MinMax` learns the ends.

    Values beyond the ends come out beyond the range: nothing is cut off.

    Parameters
    ----------
    data_range
        Least and greatest value of all columns, those of pixels unless given.
    feature_range
        Where these go.
    na, indicator
        See `Cast`.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> rows = Rows(num_rows=2, features=("x",), matrix=Matrix.of(np.array([[0.0], [127.5]])))
    >>> Scale().fit(rows).apply(rows, np.arange(2)).tolist()
    [[0.0], [0.5]]
    """

    name = "scale"

    def __init__(
        self,
        *,
        data_range: tuple[float, float] = (0.0, 255.0),
        feature_range: tuple[float, float] = (0.0, 1.0),
        na: Rules = "error",
        indicator: bool = False,
    ) -> None:
        if data_range is None:
            raise OptionError("data_range must be (least, greatest); MinMax() learns both from the rows")
        self.data_range = _pair("data_range", data_range)
        self.feature_range = _pair("feature_range", feature_range)
        super().__init__(na=na, indicator=indicator)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        ranges = {"data_range": list(self.data_range), "feature_range": list(self.feature_range)}
        return {**ranges, **super().options()}

    def _coefficients(self, seen: ColumnStatistics) -> tuple[FloatArray, FloatArray]:
        least, most = (np.full(len(self.features_), float(end)) for end in self.data_range)
        return _stretched(least, most, *self.feature_range, self.features_)


class MinMax(Cast):
    """Columns moved and stretched so that the least value seen and the greatest are the ends of a range.

    As scikit-learn's ``MinMaxScaler``, and exact; a column of one value becomes the least of the range.
    `Scale` is for values whose ends are known, such as pixels.

    Parameters
    ----------
    feature_range
        Where the least and the greatest value go.
    clip
        Whether values outside of those that were seen are cut off at the ends.
    na, indicator
        See `Cast`.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> rows = Rows(num_rows=3, features=("x",), matrix=Matrix.of(np.array([[10], [30], [20]])))
    >>> MinMax().fit(rows).apply(rows, np.array([1, 2])).tolist()
    [[1.0], [0.5]]
    """

    name = "minmax"

    def __init__(
        self,
        *,
        feature_range: tuple[float, float] = (0.0, 1.0),
        clip: bool = False,
        na: Rules = "error",
        indicator: bool = False,
    ) -> None:
        low, high = _pair("feature_range", feature_range)
        if not isinstance(clip, bool):
            raise OptionError(f"clip must be True or False, got {clip!r:.40}")
        self.feature_range = low, high
        self.clip = clip
        super().__init__(na=na, indicator=indicator)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"feature_range": list(self.feature_range), "clip": self.clip, **super().options()}

    def apply(self, rows: Rows, take: IntArray, out: Float32Array | None = None) -> Float32Array:
        """See `Cast.apply`."""
        made = super().apply(rows, take, out)
        if self.clip:
            scaled = made.reshape(len(made), self.num_outputs)[:, : len(self.features_)]
            np.clip(scaled, *self.feature_range, out=scaled)
        return made

    def _coefficients(self, seen: ColumnStatistics) -> tuple[FloatArray, FloatArray]:
        return _stretched(
            np.nan_to_num(seen.minimum), np.nan_to_num(seen.maximum), *self.feature_range, self.features_
        )


class Robust(Cast):
    """Columns less their median, divided by the distance of two quantiles, which outliers do not move.

    As scikit-learn's ``RobustScaler``: a column in which both quantiles are one value is only centred.
    Quantiles are exact up to 65,536 rows; of more they come from a sample of these, and their ranks are off
    by more than 1.1 % of all rows once in a million times (see `stoker.transforms.sampling.RowSample`, which
    takes half a MiB a column).

    Parameters
    ----------
    quantile_range
        The two quantiles in per cent.
    na, indicator
        See `Cast`.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> column = np.array([[1], [2], [3], [4], [1000]])
    >>> rows = Rows(num_rows=5, features=("x",), matrix=Matrix.of(column))
    >>> Robust().fit(rows).apply(rows, np.array([0, 3])).tolist()
    [[-1.0], [0.5]]
    """

    name = "robust"

    def __init__(
        self,
        *,
        quantile_range: tuple[float, float] = (25.0, 75.0),
        na: Rules = "error",
        indicator: bool = False,
    ) -> None:
        low, high = _pair("quantile_range", quantile_range)
        if low < 0 or high > 100:
            raise OptionError(
                f"quantile_range must lie within 0 and 100 per cent, got {quantile_range!r:.60}"
            )
        self.quantile_range = low, high
        super().__init__(na=na, indicator=indicator)

    @property
    def _has_quantiles(self) -> bool:
        return True

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {"quantile_range": list(self.quantile_range), **super().options()}

    def _coefficients(self, seen: ColumnStatistics) -> tuple[FloatArray, FloatArray]:
        with np.errstate(over="ignore"):
            _finite(np.nan_to_num(seen.maximum - seen.minimum, posinf=np.inf), self.features_)
        low, middle, high = self._quantiles(self.quantile_range[0] / 100, 0.5, self.quantile_range[1] / 100)
        spread = np.nan_to_num(high - low)
        # As scikit-learn has it: what is that small comes of rounding.
        wide = spread >= 10 * np.finfo(np.float64).eps
        return np.nan_to_num(middle), np.where(wide, 1 / np.where(wide, spread, 1), 1.0)


class Standardize(Cast):
    """Columns with mean 0 and standard deviation 1 over the rows seen.

    Deviations are divided by the count, as in scikit-learn's ``StandardScaler``; a column of one value
    becomes 0.

    Parameters
    ----------
    na, indicator
        See `Cast`; with ``na="mean"`` a blank becomes 0.

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


class Log1p(Standardize):
    """The logarithm of 1 + x, and that with mean 0 and standard deviation 1 over the rows seen.

    For numbers of many orders of magnitude, such as prices and counts, as features or as a target.

    Parameters
    ----------
    na, indicator
        See `Cast`; the mean and the median are those of the logarithms.

    Examples
    --------
    >>> from stoker.types import Matrix
    >>> rows = Rows(num_rows=2, features=("x",), matrix=Matrix.of(np.array([[0.0], [999.0]])))
    >>> made = Log1p().fit(rows)
    >>> made.apply(rows, np.arange(2)).tolist(), made.inverse(np.array([[1.0]])).round(6).tolist()
    ([[-1.0], [1.0]], [[999.0]])
    """

    name = "log1p"

    @property
    def needs_rows(self) -> bool:
        """It learns from rows: statistics of what is no logarithm yet do not do."""
        return True

    def partial_fit(self, rows: Rows) -> Self:
        """Learn from the next rows."""
        return super().partial_fit(_logarithms(rows, None))

    def apply(self, rows: Rows, take: IntArray, out: Float32Array | None = None) -> Float32Array:
        """See `Cast.apply`.

        Raises
        ------
        DataError
            If a value is -1 or less.
        """
        logarithms = _logarithms(rows, take)
        return super().apply(logarithms, np.arange(logarithms.num_rows, dtype=np.int64), out)

    def inverse(self, values: npt.NDArray[Any]) -> FloatArray:
        """See `Cast.inverse`; what float64 cannot hold is infinite."""
        with np.errstate(over="ignore"):
            return np.asarray(np.expm1(super().inverse(values)), np.float64)


def _logarithms(rows: Rows, take: IntArray | None) -> Rows:
    """The rows asked for, of each number the logarithm of one more."""
    places = checked_places(rows, take)
    values = np.empty((len(places), len(rows.features)))
    if rows.matrix is not None:
        matrix = rows.matrix
        held = np.empty(values.shape, matrix.values.dtype)
        gather.gather(*gather.storage_of(matrix), places, held)
        values = held.astype(np.float64)
    if (values <= -1).any():
        row, column = (int(at[0]) for at in np.nonzero(values <= -1))
        raise DataError(
            f"column {rows.features[column]!r} holds {values[row, column]:g}, and Log1p takes numbers above "
            "-1: correct the value, or take another transform"
        )
    return Rows(num_rows=len(places), features=rows.features, matrix=Matrix.of(np.log1p(values)))


def _finite(spread: FloatArray, features: tuple[str, ...]) -> FloatArray:
    """`spread` itself, or an error that names a column whose spread float64 cannot hold."""
    if not np.isfinite(spread).all():
        name = features[int(np.flatnonzero(~np.isfinite(spread))[0])]
        raise SpreadError(name)
    return spread


def _stretched(
    least: FloatArray, most: FloatArray, low: float, high: float, features: tuple[str, ...]
) -> tuple[FloatArray, FloatArray]:
    """What to subtract and to multiply by, so that `least` comes out as `low` and `most` as `high`."""
    with np.errstate(over="ignore"):
        spread = _finite(most - least, features)
    multiply = (high - low) / np.where(spread > 0, spread, 1)
    return least - low / multiply, multiply


def _pair(option: str, given: Any) -> tuple[float, float]:
    """Two finite numbers, the first below the second."""
    ends = tuple(given) if isinstance(given, tuple | list) else ()
    numbers = [end for end in ends if isinstance(end, int | float) and math.isfinite(end)]
    if len(ends) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise OptionError(f"{option} must be two numbers, the first below the second, got {given!r:.60}")
    return float(numbers[0]), float(numbers[1])
