"""What can be told from a sequence of fingerprints alone: what comes again, how long one pass is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stoker.types import IntArray, Uint64Array

__all__ = [
    "Difference",
    "compare",
    "earlier",
    "first_pass",
    "moved_targets",
    "overlaps",
    "repeats_with_lag",
    "stretches",
]

_SURELY = math.log(1e-6)
_MOSTLY_NEW = 0.8
_ENOUGH = 64


def earlier(prints: Uint64Array) -> IntArray:
    """For each element the place of the same value before it, the nearest one, or -1.

    Examples
    --------
    >>> earlier(np.array([7, 8, 7, 7], np.uint64)).tolist()
    [-1, -1, 0, 2]
    """
    order = np.argsort(prints, kind="stable")
    found = np.full(prints.size, -1, np.int64)
    ordered = prints[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    found[order[same + 1]] = order[same]
    return found


def first_pass(before: IntArray) -> int | None:
    """How many elements come before the stream begins to say the same again; None where that cannot be told.

    Behind that place nothing new comes. A few repetitions at the end may be chance where the data themselves
    hold rows that are the same, or where rows are drawn at random: with a share r of repetitions before (the
    larger of all and of the last quarter), t of them at the end happen once in r**-t times, and are believed
    from a million on.
    A pass of which a fifth repeats is none: such rows are drawn with replacement.

    Parameters
    ----------
    before
        What `earlier` says of the stream.

    Examples
    --------
    >>> import numpy as np
    >>> data = np.arange(100, dtype=np.uint64)
    >>> first_pass(earlier(np.concatenate([data, data[::-1][:40]])))
    100
    >>> first_pass(earlier(data)) is None
    True
    """
    new = before < 0
    if not new.any():
        return None
    length = int(np.flatnonzero(new)[-1]) + 1
    behind = before.size - length
    if new[:length].mean() < _MOSTLY_NEW:
        return None
    late = new[max(0, length - max(length // 4, _ENOUGH)) : length]
    share = max((part.size - int(part.sum()) + 1) / (part.size + 1) for part in (new[:length], late))
    return length if behind and behind * math.log(share) < _SURELY else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two epochs differ as multisets of rows.

    Attributes
    ----------
    common
        Rows that both hold, each as often as in both.
    gone, new
        Rows of the first that the second lacks, and the other way about.
    first_new
        Place in the second of its first row that the first lacks, -1 where there is none.
    """

    common: int
    gone: int
    new: int
    first_new: int


def compare(first: Uint64Array, second: Uint64Array) -> Difference:
    """Compare two epochs as multisets.

    Examples
    --------
    >>> compare(np.array([1, 2, 2, 3], np.uint64), np.array([2, 4, 3], np.uint64))
    Difference(common=2, gone=2, new=1, first_new=1)
    """
    values, counts = np.unique(first, return_counts=True)
    others, other_counts = np.unique(second, return_counts=True)
    _, left, right = np.intersect1d(values, others, assume_unique=True, return_indices=True)
    common = int(np.minimum(counts[left], other_counts[right]).sum())
    return Difference(
        common=common, gone=first.size - common, new=second.size - common, first_new=_first_new(first, second)
    )


def _first_new(first: Uint64Array, second: Uint64Array) -> int:
    """Place in `second` of the first row that came there more often than in all of `first`."""
    joined = np.concatenate([first, second])
    order = np.argsort(joined, kind="stable")
    ordered = joined[order]
    starts = (
        np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if joined.size else np.zeros(0, np.int64)
    )
    group = np.repeat(np.arange(starts.size), np.diff(np.r_[starts, joined.size]))
    held = np.bincount(group[order < first.size], minlength=starts.size)
    rank = np.arange(joined.size) - starts[group]
    # Members of a group stand in the order in which they came: those of `first`, then those of `second`.
    surplus = order[rank >= 2 * held[group]] - first.size
    return int(surplus.min()) if surplus.size else -1


def overlaps(prints: Uint64Array, starts: IntArray) -> list[tuple[int, int]]:
    """Where the last rows of a batch are the first of the next, in the same order.

    Parameters
    ----------
    prints
        Fingerprints of all rows, none left out.
    starts
        Places at which batches begin, the first and the end of the last included.

    Returns
    -------
    Pairs of a batch that begins with rows of the one before, and how many.

    Examples
    --------
    >>> overlaps(np.array([1, 2, 3, 4, 3, 4, 5, 6], np.uint64), np.array([0, 4, 8]))
    [(1, 2)]
    """
    found = []
    for batch in range(1, starts.size - 1):
        here = prints[starts[batch] : starts[batch + 1]]
        there = prints[starts[batch - 1] : starts[batch]]
        for place in np.flatnonzero(there == here[0]).tolist():
            length = there.size - place
            if length <= here.size and np.array_equal(there[place:], here[:length]):
                found.append((batch, length))
                break
    return found


def moved_targets(
    first: tuple[Uint64Array, Uint64Array], second: tuple[Uint64Array, Uint64Array]
) -> npt.NDArray[np.int64]:
    """Places in the second of rows that came in the first with another target, where a row came once in each.

    Parameters
    ----------
    first, second
        Fingerprints of inputs and of targets.

    Examples
    --------
    >>> rows = np.array([5, 6], np.uint64)
    >>> moved_targets((rows, np.array([0, 1], np.uint64)), (rows, np.array([0, 2], np.uint64))).tolist()
    [1]
    """
    values, places, counts = np.unique(first[0], return_index=True, return_counts=True)
    others, other_places, other_counts = np.unique(second[0], return_index=True, return_counts=True)
    _, left, right = np.intersect1d(
        values[counts == 1], others[other_counts == 1], assume_unique=True, return_indices=True
    )
    mine = places[counts == 1][left]
    theirs = other_places[other_counts == 1][right]
    return np.sort(theirs[first[1][mine] != second[1][theirs]])


def repeats_with_lag(prints: Uint64Array, lag: int) -> bool:
    """Whether each element from the place `lag` on is the one that came `lag` before it.

    Examples
    --------
    >>> repeats_with_lag(np.array([1, 2, 3, 1, 2], np.uint64), 3)
    True
    """
    return 0 < lag < prints.size and np.array_equal(prints[lag:], prints[:-lag])


def stretches(prints: Uint64Array, before: IntArray, least: int = 8) -> int:
    """Elements that come again in stretches: at least that many in a row, in the order of their first time.

    Stretches of one and the same value do not count: sorted data hold them.

    Examples
    --------
    >>> data = np.arange(20, dtype=np.uint64)
    >>> again = np.concatenate([data, data[3:15]])
    >>> stretches(again, earlier(again))
    12
    """
    places = np.flatnonzero(before >= 0)
    if not places.size:
        return 0
    lags = places - before[places]
    cuts = np.flatnonzero((np.diff(places) != 1) | (np.diff(lags) != 0)) + 1
    runs = np.split(places, cuts)
    return sum(run.size for run in runs if run.size >= least and np.unique(prints[run]).size > run.size // 2)
