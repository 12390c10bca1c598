"""XXH64 (Collet, https://github.com/Cyan4973/xxHash): with seed 0 the checksum of a segment.

It finds accidents, not forgeries, at the speed of memory; any ``xxhsum`` computes the same figures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.kernels.compiling import bare_kernel, inner_kernel
from stoker.kernels.frozen import frozen
from stoker.kernels.words import load_word

__all__ = ["checksum", "checksum_segments", "xxh64"]

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)


@inner_kernel
def _turn(word, bits):
    return (word << bits) | (word >> (np.uint64(64) - bits))


@inner_kernel
def _round(lane, word):
    return _turn(lane + word * _P2, np.uint64(31)) * _P1


@inner_kernel
def _merge(digest, lane):
    return (digest ^ _round(np.uint64(0), lane)) * _P1 + _P4


@inner_kernel
def xxh64(data, start, stop, seed):
    """XXH64 of ``data[start:stop]``, a uint8 array, with a uint64 seed, as uint64."""
    place = start
    digest = seed + _P5
    if stop - start >= 32:
        one, two, three, four = seed + _P1 + _P2, seed + _P2, seed, seed - _P1
        while place + 32 <= stop:
            one = _round(one, load_word(data, place))
            two = _round(two, load_word(data, place + 8))
            three = _round(three, load_word(data, place + 16))
            four = _round(four, load_word(data, place + 24))
            place += 32
        digest = (
            _turn(one, np.uint64(1))
            + _turn(two, np.uint64(7))
            + _turn(three, np.uint64(12))
            + _turn(four, np.uint64(18))
        )
        digest = _merge(_merge(_merge(_merge(digest, one), two), three), four)
    digest += np.uint64(stop - start)
    while place + 8 <= stop:
        digest = _turn(digest ^ _round(np.uint64(0), load_word(data, place)), np.uint64(27)) * _P1 + _P4
        place += 8
    if place + 4 <= stop:
        word = np.uint64(0)
        for byte in range(4):
            word |= np.uint64(data[place + byte]) << np.uint64(8 * byte)
        digest = _turn(digest ^ (word * _P1), np.uint64(23)) * _P2 + _P3
        place += 4
    while place < stop:
        digest = _turn(digest ^ (np.uint64(data[place]) * _P5), np.uint64(11)) * _P1
        place += 1
    digest = (digest ^ (digest >> np.uint64(33))) * _P2
    digest = (digest ^ (digest >> np.uint64(29))) * _P3
    return digest ^ (digest >> np.uint64(32))


@bare_kernel
def checksum(data, start, stop):
    """XXH64 of ``data[start:stop]``, a uint8 array, with seed 0, as uint64."""
    return xxh64(data, start, stop, np.uint64(0))


def checksum_segments(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], out: npt.NDArray[np.uint64]
) -> None:
    """Write the checksum of each segment ``data[offsets[i]:offsets[i + 1]]`` to ``out[i]``.

    Parameters
    ----------
    data : uint8 of shape (n,)
    offsets : int64 of shape (s + 1,)
        Ascending offsets in `data`.
    out : uint64 of shape (s,)
    """
    _checksum_segments(frozen(data), frozen(offsets), out)


@bare_kernel
def _checksum_segments(data, offsets, out):
    for segment in range(offsets.shape[0] - 1):
        out[segment] = checksum(data, offsets[segment], offsets[segment + 1])
