"""What every sampler shares: windows of an epoch, a rank's part of them, positions behind a stretch."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from stoker.errors import OptionError
from stoker.kernels.mixing import fold
from stoker.types import IntArray, OrderSpec, Rank, ReadRequest

__all__ = ["BaseSampler", "epoch_key", "in_storage", "positions_in"]

_WORD = (1 << 64) - 1


def epoch_key(seed: int, *words: int) -> np.uint64:
    """H(seed, words…): the uint64 key of one purpose in one epoch."""
    return np.uint64(fold(np.uint64(seed & _WORD), np.array(words, np.uint64)))


def positions_in(ranges: IntArray) -> IntArray:
    """The positions in ascending disjoint ranges of shape (r, 2), one after the other: int64."""
    lengths = ranges[:, 1] - ranges[:, 0]
    if (lengths == 1).all():  # as of an exact shuffle
        return np.ascontiguousarray(ranges[:, 0])
    skipped = ranges[:, 0] - (np.cumsum(lengths) - lengths)
    positions: IntArray = np.arange(int(lengths.sum()), dtype=np.int64) + np.repeat(skipped, lengths)
    return positions


def in_storage(wanted: IntArray) -> tuple[IntArray, IntArray]:
    """Distinct positions in ascending order, and where among them each of those wanted is: int64 (n,) both.

    Examples
    --------
    >>> stored, order = in_storage(np.array([7, 3, 5]))
    >>> stored.tolist(), order.tolist()
    ([3, 5, 7], [2, 0, 1])
    """
    ascending = np.argsort(wanted)
    order = np.empty_like(ascending)
    order[ascending] = np.arange(len(wanted))
    return wanted[ascending], order


class BaseSampler(ABC):
    """Read requests for the windows of an epoch; stateless but for its specification.

    Parameters
    ----------
    spec
        All that decides the order.
    """

    def __init__(self, spec: OrderSpec) -> None:
        self.spec = spec

    def request(self, epoch: int, window: int, rank: Rank | None = None) -> ReadRequest:
        """What to read for a window of an epoch, and the order of its rows.

        Parameters
        ----------
        epoch, window
            Counted from 0.
        rank
            Who reads: of the window the rows at its places are asked for, and no other; None for all rows.
            A rank that has no place in a short last window asks for no row.

        Raises
        ------
        OptionError
            If the epoch is negative or has no such window.
        """
        spec = self.spec
        if epoch < 0 or not 0 <= window < spec.num_windows:
            raise OptionError(
                f"there is no window {window} in epoch {epoch}: an epoch has {spec.num_windows}"
            )
        start = window * spec.window
        stop = min(start + spec.window, spec.num_rows)
        ranges, order = self._read(epoch, window, start, stop)
        places = (0, spec.batch_size)
        if rank is not None:
            places = rank.places(spec.batch_size)
            covered = _covered(stop - start, spec.batch_size, places)
            stored, order = in_storage(positions_in(ranges)[order[covered]])
            ranges = _ranges_of(stored)
        return ReadRequest(
            epoch=epoch,
            window=window,
            ranges=ranges,
            order=order,
            first_batch=start // spec.batch_size,
            places=places,
        )

    def positions(self, epoch: int, start: int, stop: int) -> IntArray:
        """View positions of the places [start, stop) of the epoch's order, int64 of shape (stop - start,)."""
        if not 0 <= start <= stop <= self.spec.num_rows:
            raise OptionError(
                f"places must lie in [0, {self.spec.num_rows}] and ascend, got {start} to {stop}"
            )
        size = self.spec.window
        pieces = [np.empty(0, np.int64)]
        for window in range(start // size, -(-stop // size)):
            request = self.request(epoch, window)
            in_order = positions_in(request.ranges)[request.order]
            pieces.append(in_order[max(0, start - window * size) : stop - window * size])
        return np.concatenate(pieces)

    @abstractmethod
    def _read(self, epoch: int, window: int, start: int, stop: int) -> tuple[IntArray, IntArray]:
        """Ranges and order of the stream's places [start, stop), which are one window."""


def _covered(num_places: int, batch_size: int, places: tuple[int, int]) -> IntArray:
    """The places of a window of so many that are covered in each of its batches, batch after batch."""
    batches = np.arange(0, num_places, batch_size, dtype=np.int64)
    covered: IntArray = (batches[:, None] + np.arange(*places, dtype=np.int64)).reshape(-1)
    return covered[covered < num_places]


def _ranges_of(positions: IntArray) -> IntArray:
    """Ascending positions as ranges of shape (r, 2), as few as there are stretches without a gap."""
    gaps = np.flatnonzero(np.diff(positions) != 1)
    firsts, lasts = np.append(positions[:1], positions[gaps + 1]), np.append(positions[gaps], positions[-1:])
    return np.stack([firsts, lasts + 1], axis=1)
