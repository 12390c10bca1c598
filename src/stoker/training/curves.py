"""The area under the ROC curve in bounded memory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["AreaUnderCurve"]

_BINS = 1 << 18
_LOW, _HIGH = -104.0, 18.0  # log odds of the least float32 above 0, and of more than the greatest below 1


class AreaUnderCurve:
    """Counts scores in 2**18 bins that are evenly spaced in log odds over all of float32.

    Scores in one bin count as tied, so the result errs by at most half the share of (positive, negative)
    pairs that fall into one bin. Evenly spaced probabilities would lump together what a confident model keeps
    apart.

    Examples
    --------
    >>> curve = AreaUnderCurve()
    >>> curve.update(np.array([0.1, 0.4, 0.35, 0.8], np.float32), np.array([False, False, True, True]))
    >>> curve.result()
    0.75
    """

    def __init__(self) -> None:
        self._positive = np.zeros(_BINS, np.int64)
        self._negative = np.zeros(_BINS, np.int64)

    def update(self, scores: npt.NDArray[np.float32], positive: npt.NDArray[np.bool_]) -> None:
        """Add rows.

        Parameters
        ----------
        scores
            Probabilities of the positive class, shape (n,).
        positive
            Whether each row is positive, shape (n,).
        """
        probability = scores.astype(np.float64)
        with np.errstate(divide="ignore"):
            odds = np.log(probability) - np.log1p(-probability)
        share = (np.clip(odds, _LOW, _HIGH) - _LOW) / (_HIGH - _LOW)
        bins = np.minimum((share * _BINS).astype(np.int64), _BINS - 1)
        self._positive += np.bincount(bins[positive], minlength=_BINS)
        self._negative += np.bincount(bins[~positive], minlength=_BINS)

    def result(self) -> float:
        """The area, from 0 to 1; NaN where only one class occurred."""
        positives, negatives = int(self._positive.sum()), int(self._negative.sum())
        if not positives or not negatives:
            return math.nan
        below = np.cumsum(self._negative) - self._negative
        # Python integers: the product of two counts may leave 64 bits.
        used = np.flatnonzero(self._positive)
        wins = sum(int(self._positive[i]) * (2 * int(below[i]) + int(self._negative[i])) for i in used)
        return wins / (2 * positives * negatives)
