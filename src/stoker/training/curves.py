"""The area under the ROC curve in bounded memory."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["AreaUnderCurve"]

_MOST_SCORES = 1 << 19
_HELD = 1 << 18
_SIGN = np.uint32(1 << 31)

Keys = npt.NDArray[np.uint32]


class AreaUnderCurve:
    """The exact area while no class has more than 524,288 different scores; beyond, within `error`.

    Scores are counted by their float32 bits, put so that their order is that of the numbers. Where there are
    too many different ones, as many of the last bits as need be are left out, so that scores that are next to
    one another count as tied. The result does not depend on the order of the rows, but for the rounding of
    what they weigh. Some 20 MB are held at most, and twice that for a moment; with weights half as much
    again.

    Parameters
    ----------
    most_scores
        Different scores to tell apart in a class.
    weighted
        Whether rows count as much as they weigh, and not each once.

    Examples
    --------
    >>> curve = AreaUnderCurve()
    >>> curve.update(np.array([0.1, 0.4, 0.35, 0.8], np.float32), np.array([False, False, True, True]))
    >>> curve.result()
    0.75
    """

    def __init__(self, *, most_scores: int = _MOST_SCORES, weighted: bool = False) -> None:
        self._sides = (_Counts(weighted), _Counts(weighted))
        self._most = most_scores
        self._shift = 0
        self._broken = False

    def update(
        self,
        scores: npt.NDArray[np.float32],
        positive: npt.NDArray[np.bool_],
        weights: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Add rows.

        Parameters
        ----------
        scores
            Probabilities of the positive class, or any numbers that grow with it, shape (n,).
        positive
            Whether each row is positive, shape (n,).
        weights
            What each row weighs, shape (n,), where they are weighted.
        """
        self._broken |= bool(np.isnan(scores).any())
        keys = _ordered(scores) >> np.uint32(self._shift)
        for side, chosen in zip(self._sides, (~positive, positive), strict=True):
            side.add(keys[chosen], None if weights is None else weights[chosen])
        if max(side.num_held for side in self._sides) >= _HELD:
            self._settle()

    def result(self) -> float:
        """The area, from 0 to 1; NaN where only one class occurred, or a score was NaN."""
        wins, ties, pairs = self._compared()
        return (2 * wins + ties) / (2 * pairs) if pairs and not self._broken else math.nan

    @property
    def error(self) -> float:
        """How far `result` may be off at most; 0 where it is exact."""
        if not self._settle():
            return 0.0
        _, ties, pairs = self._compared()
        return ties / (2 * pairs) if pairs else 0.0

    def _compared(self) -> tuple[float, float, float]:
        """Pairs of a positive and a negative row: those in which the positive scores higher, ties, all."""
        self._settle()
        negative, positive = self._sides
        below = np.concatenate([[0], np.cumsum(negative.counts)])
        first, behind = (np.searchsorted(negative.keys, positive.keys, side) for side in ("left", "right"))
        wins = _product(positive.counts, below[first])
        ties = _product(positive.counts, below[behind] - below[first])
        return wins, ties, positive.counts.sum().item() * negative.counts.sum().item()

    def _settle(self) -> int:
        """Count what is held, and leave out bits while there are too many keys; the bits left out."""
        for side in self._sides:
            side.settle()
        while max(len(side.keys) for side in self._sides) > self._most:
            self._shift += 1
            for side in self._sides:
                side.leave_out_a_bit()
        return self._shift


class _Counts:
    """How often each key occurred, or how much it weighs, ascending; and keys that are not counted yet."""

    def __init__(self, weighted: bool) -> None:
        self.keys: Keys = np.zeros(0, np.uint32)
        self.counts: npt.NDArray[Any] = np.zeros(0, np.float64 if weighted else np.int64)
        self._held: list[Keys] = []
        self._weights: list[npt.NDArray[np.float32]] = []
        self.num_held = 0

    def add(self, keys: Keys, weights: npt.NDArray[np.float32] | None) -> None:
        self._held.append(keys)
        if weights is not None:
            self._weights.append(weights)
        self.num_held += len(keys)

    def settle(self) -> None:
        if not self.num_held:
            return
        held: Any = np.concatenate(self._held)
        if self._weights:
            new, places = np.unique(held, return_inverse=True)
            counts = np.bincount(places, np.concatenate(self._weights), len(new))
        else:
            new, counts = np.unique(held, return_counts=True)
        self._held, self._weights, self.num_held = [], [], 0
        self._take(np.concatenate([self.keys, new]), np.concatenate([self.counts, counts]))

    def leave_out_a_bit(self) -> None:
        self._take(self.keys >> np.uint32(1), self.counts)

    def _take(self, keys: Keys, counts: npt.NDArray[Any]) -> None:
        if not len(keys):
            return
        # Two ascending runs at most, which a stable sort merges.
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        self.keys, self.counts = keys[first], np.add.reduceat(counts, first)


def _ordered(scores: npt.NDArray[np.float32]) -> Keys:
    """Unsigned integers in the order of the numbers; 0.0 and -0.0 are one."""
    bits: Keys = (scores.astype(np.float32) + np.float32(0)).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _product(counts: npt.NDArray[Any], others: npt.NDArray[Any]) -> float:
    """The sum of products, which of counts may leave 64 bits."""
    if counts.dtype.kind == "f":
        return float(counts @ others)
    if int(counts.sum()) * int(others.max(initial=0)) < 1 << 63:
        return int(counts @ others)
    exact: int = sum(map(operator.mul, counts.tolist(), others.tolist()))
    return exact
