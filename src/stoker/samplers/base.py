"""What every sampler shares: windows of an epoch, and the positions behind a stretch of its order."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from stoker.errors import OptionError
from stoker.kernels.mixing import fold
from stoker.types import IntArray, OrderSpec, ReadRequest

__all__ = ["BaseSampler", "epoch_key", "positions_in"]

_WORD = (1 << 64) - 1


def epoch_key(seed: int, *words: int) -> np.uint64:
    """H(seed, words…): the uint64 key of one purpose in one epoch."""
    return np.uint64(fold(np.uint64(seed & _WORD), np.array(words, np.uint64)))


def positions_in(ranges: IntArray) -> IntArray:
    """The positions in ascending disjoint ranges of shape (r, 2), one after the other: int64."""
    lengths = ranges[:, 1] - ranges[:, 0]
    skipped = ranges[:, 0] - (np.cumsum(lengths) - lengths)
    positions: IntArray = np.arange(int(lengths.sum()), dtype=np.int64) + np.repeat(skipped, lengths)
    return positions


class BaseSampler(ABC):
    """Read requests for the windows of an epoch; stateless but for its specification.

    Parameters
    ----------
    spec
        All that decides the order.
    """

    def __init__(self, spec: OrderSpec) -> None:
        self.spec = spec

    def request(self, epoch: int, window: int) -> ReadRequest:
        """What to read for a window of an epoch, and the order of its rows.

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
        return ReadRequest(
            epoch=epoch, window=window, ranges=ranges, order=order, first_batch=start // spec.batch_size
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
