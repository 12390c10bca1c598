"""A fixed 64-bit mixer and what is built on it: keys, bounded draws, permutations and digests.

The mixer is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), applied once to the seed and once to the seed's image xor the value. It is
written out here, and not taken from ``numpy.random``, because an order of rows must not change with a
library's version.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, inner_kernel

__all__ = [
    "add_digests",
    "batch_digests",
    "feistel",
    "feistel_inverse",
    "fold",
    "mix",
    "mix_many",
    "permute_in_place",
]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_UPPER = np.uint64(0xD1B54A32D192ED03)
_ONE = np.uint64(1)
_ROUNDS = 8

Uint64Array = npt.NDArray[np.uint64]
IntArray = npt.NDArray[np.int64]


@inner_kernel
def _finalise(word):
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return word ^ (word >> np.uint64(31))


@bare_kernel
def mix(seed, value):
    """Hash `value` under `seed`: both uint64, a bijection of `value` for each seed."""
    return _finalise(_finalise(np.uint64(seed) + _GOLDEN) ^ np.uint64(value))


@bare_kernel
def fold(seed, values):
    """Key of a seed and a uint64 array of words: ``mix(...mix(mix(seed, v0), v1)..., vn)``."""
    key = np.uint64(seed)
    for place in range(values.shape[0]):
        key = mix(key, values[place])
    return key


def mix_many(seed: np.uint64, values: Uint64Array) -> Uint64Array:
    """`mix` of every element of a uint64 array of shape (n,), as uint64 of shape (n,)."""
    mixed = np.empty(values.shape[0], np.uint64)
    _mix_into(seed, values, mixed)
    return mixed


@bare_kernel
def _mix_into(seed, values, mixed):
    for place in range(values.shape[0]):
        mixed[place] = mix(seed, values[place])


@inner_kernel
def _high_product(left, right):
    """Upper 64 bits of the product of two uint64."""
    left_low, left_high = left & _LOW_HALF, left >> np.uint64(32)
    right_low, right_high = right & _LOW_HALF, right >> np.uint64(32)
    low = left_low * right_low
    middle = left_high * right_low + (low >> np.uint64(32))
    cross = left_low * right_high + (middle & _LOW_HALF)
    return left_high * right_high + (middle >> np.uint64(32)) + (cross >> np.uint64(32))


@bare_kernel
def permute_in_place(items, key):
    """Fisher-Yates over an array of shape (n,), drawing with ``mix(key, i)``; changes `items`."""
    for last in range(items.shape[0] - 1, 0, -1):
        other = np.int64(_high_product(mix(key, np.uint64(last)), np.uint64(last + 1)))
        held = items[last]
        items[last] = items[other]
        items[other] = held


@inner_kernel
def _halves(size):
    """Bits of the left and right half of the smallest binary domain that holds [0, size)."""
    bits = 2
    while bits < 64 and (_ONE << np.uint64(bits)) < np.uint64(size):
        bits += 1
    return np.uint64(bits - bits // 2), np.uint64(bits // 2)


def feistel(positions: IntArray, size: int, key: np.uint64) -> IntArray:
    """Images of positions under a keyed permutation of [0, size) that is computed and never stored.

    An alternating Feistel network of eight rounds over the smallest binary domain; values that fall outside
    [0, size) walk on until they come back (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).

    Parameters
    ----------
    positions
        int64 of shape (n,), each in [0, size).
    size, key
        Length of the domain; uint64 key.

    Returns
    -------
    int64 of shape (n,).
    """
    images = np.empty(positions.shape[0], np.int64)
    _walk(positions, size, key, np.empty(_ROUNDS, np.uint64), images)
    return images


@inner_kernel
def _crossed(word, rounds, left_bits, right_bits):
    """A word of the binary domain behind all rounds."""
    left_mask, right_mask = (_ONE << left_bits) - _ONE, (_ONE << right_bits) - _ONE
    left, right = word >> right_bits, word & right_mask
    for turn in range(0, _ROUNDS, 2):
        left ^= _finalise(right ^ rounds[turn]) & left_mask
        right ^= _finalise(left ^ rounds[turn + 1]) & right_mask
    return (left << right_bits) | right


@bare_kernel
def _walk(positions, size, key, rounds, images):
    """Write the images of positions; `rounds` is room.

    First all go through the network once, several at a time in one register; few have to walk on.
    """
    left_bits, right_bits = _halves(size)
    for turn in range(_ROUNDS):
        rounds[turn] = mix(key, np.uint64(turn))
    for place in range(positions.shape[0]):
        images[place] = np.int64(_crossed(np.uint64(positions[place]), rounds, left_bits, right_bits))
    for place in range(positions.shape[0]):
        while np.uint64(images[place]) >= np.uint64(size):
            images[place] = np.int64(_crossed(np.uint64(images[place]), rounds, left_bits, right_bits))


def feistel_inverse(images: IntArray, size: int, key: np.uint64) -> IntArray:
    """The positions whose images under `feistel` these are.

    Parameters
    ----------
    images
        int64 of shape (n,), each in [0, size).
    size, key
        As in `feistel`.

    Returns
    -------
    int64 of shape (n,).
    """
    positions = np.empty(images.shape[0], np.int64)
    _walk_back(images, size, key, np.empty(_ROUNDS, np.uint64), positions)
    return positions


@bare_kernel
def _walk_back(images, size, key, rounds, positions):
    """Write the positions of images; `rounds` is room."""
    left_bits, right_bits = _halves(size)
    left_mask, right_mask = (_ONE << left_bits) - _ONE, (_ONE << right_bits) - _ONE
    for turn in range(_ROUNDS):
        rounds[turn] = mix(key, np.uint64(turn))
    for place in range(images.shape[0]):
        word = np.uint64(images[place])
        while True:
            left, right = word >> right_bits, word & right_mask
            for turn in range(_ROUNDS - 2, -1, -2):
                right ^= _finalise(left ^ rounds[turn + 1]) & right_mask
                left ^= _finalise(right ^ rounds[turn]) & left_mask
            word = (left << right_bits) | right
            if word < np.uint64(size):
                break
        positions[place] = np.int64(word)


def add_digests(epoch: int, first_position: int, ids: IntArray) -> Uint64Array:
    """Sums modulo 2**128 of the 128-bit hashes of (epoch, position, id) and of (id).

    Parameters
    ----------
    epoch, first_position
        The epoch, and the epoch's position of ``ids[0]``; the others follow.
    ids
        int64 row ids of shape (n,).

    Returns
    -------
    uint64 array of four words: order low, order high, membership low, membership high.
    """
    bounds = np.array([0, ids.shape[0]], np.int64)
    return batch_digests(epoch, np.array([first_position], np.int64), ids, bounds).reshape(4)


def batch_digests(epoch: int, first_positions: IntArray, ids: IntArray, bounds: IntArray) -> Uint64Array:
    """`add_digests` of each of b batches: uint64 of shape (b, 4).

    Parameters
    ----------
    epoch, first_positions
        The epoch, and its position of each batch's first row, int64 of shape (b,).
    ids
        int64 row ids of shape (n,), batch after batch.
    bounds
        int64 of shape (b + 1,): where in `ids` each batch begins, and where the last one ends.
    """
    words = np.zeros((first_positions.shape[0], 4), np.uint64)
    _add_batches(epoch, first_positions, ids, bounds, words)
    return words


@bare_kernel
def _add_batches(epoch, first_positions, ids, bounds, words):
    epoch_key = mix(np.uint64(1), np.uint64(epoch))
    for batch in range(words.shape[0]):
        begin = bounds[batch]
        for place in range(begin, bounds[batch + 1]):
            row = np.uint64(ids[place])
            position = np.uint64(first_positions[batch] + place - begin)
            _add(words, batch, 0, mix(mix(epoch_key, position), row))
            _add(words, batch, 2, mix(np.uint64(2), row))


@inner_kernel
def _add(words, batch, low, word):
    """Add the 128-bit hash whose lower half is `word` to two of a batch's words."""
    words[batch, low] += word
    words[batch, low + 1] += _finalise(word ^ _UPPER) + np.uint64(words[batch, low] < word)
