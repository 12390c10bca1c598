"""A permutation of all rows, uniform over the whole data set, computed and not stored."""

from __future__ import annotations

import numpy as np

from stoker.kernels.mixing import feistel, feistel_inverse, permute_in_place
from stoker.samplers.base import BaseSampler, epoch_key, in_storage
from stoker.types import IntArray

__all__ = ["ExactSampler", "permuted", "unpermuted"]

_FEW = 1 << 16


def permuted(positions: IntArray, size: int, key: np.uint64) -> IntArray:
    """Images of positions under the keyed permutation of [0, size).

    Fisher-Yates below 65,536, where the whole permutation is cheap and a small Feistel domain would be of
    poor quality; a Feistel network with cycle walking from there on.
    """
    if size >= _FEW:
        return np.asarray(feistel(positions, size, key), np.int64)
    whole = np.arange(size, dtype=np.int64)
    permute_in_place(whole, key)
    return whole[positions]


def unpermuted(images: IntArray, size: int, key: np.uint64) -> IntArray:
    """The positions whose images under `permuted` these are.

    Examples
    --------
    >>> images = permuted(np.arange(5), 5, np.uint64(7))
    >>> unpermuted(images, 5, np.uint64(7)).tolist()
    [0, 1, 2, 3, 4]
    """
    if size >= _FEW:
        return feistel_inverse(images, size, key)
    positions = np.empty(size, np.int64)
    positions[permuted(np.arange(size, dtype=np.int64), size, key)] = np.arange(size)
    return positions[images]


class ExactSampler(BaseSampler):
    """Place p of an epoch is position π(p), π a permutation of all rows keyed by seed and epoch."""

    def _read(self, epoch: int, window: int, start: int, stop: int) -> tuple[IntArray, IntArray]:
        key = epoch_key(self.spec.seed, epoch)
        wanted = permuted(np.arange(start, stop, dtype=np.int64), self.spec.num_rows, key)
        stored, order = in_storage(wanted)
        return np.stack([stored, stored + 1], axis=1), order
