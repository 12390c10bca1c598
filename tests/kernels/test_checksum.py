"""The checksum is XXH64, for every length and place."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.checksum import checksum, checksum_segments

MASK = (1 << 64) - 1
PRIMES = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def rotate(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (64 - bits))) & MASK


def xxh64(content: bytes) -> int:
    """The specification, word by word, in Python's integers."""
    p1, p2, p3, p4, p5 = PRIMES

    def mixed(lane: int, word: int) -> int:
        return rotate((lane + word * p2) & MASK, 31) * p1 & MASK

    size = len(content)
    digest = p5
    if size >= 32:
        lanes = [(p1 + p2) & MASK, p2, 0, -p1 & MASK]
        while len(content) >= 32:
            for lane in range(4):
                lanes[lane] = mixed(lanes[lane], int.from_bytes(content[8 * lane : 8 * lane + 8], "little"))
            content = content[32:]
        digest = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            digest = ((digest ^ mixed(0, lane)) * p1 + p4) & MASK
    digest = (digest + size) & MASK
    while len(content) >= 8:
        digest = (rotate(digest ^ mixed(0, int.from_bytes(content[:8], "little")), 27) * p1 + p4) & MASK
        content = content[8:]
    if len(content) >= 4:
        digest = (rotate(digest ^ int.from_bytes(content[:4], "little") * p1 & MASK, 23) * p2 + p3) & MASK
        content = content[4:]
    for byte in content:
        digest = rotate(digest ^ byte * p5 & MASK, 11) * p1 & MASK
    digest = (digest ^ digest >> 33) * p2 & MASK
    digest = (digest ^ digest >> 29) * p3 & MASK
    return digest ^ digest >> 32


def as_bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)


@pytest.mark.parametrize(
    ("content", "digest"),
    [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999)],
)
def test_the_published_vectors_hold(content, digest):
    assert int(checksum(as_bytes(content), 0, len(content))) == digest


def test_every_length_up_to_a_hundred_bytes_equals_the_reference():
    content = bytes((7 * place + 3) % 256 for place in range(100))
    for size in range(101):
        assert int(checksum(as_bytes(content), 0, size)) == xxh64(content[:size])


@given(content=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_segments_equal_the_reference_and_see_nothing_around_them(content, cuts):
    offsets = np.array(sorted(min(cut, len(content)) for cut in [*cuts, 0]), np.int64)
    out = np.zeros(len(offsets) - 1, np.uint64)

    checksum_segments(as_bytes(b"poison" + content + b"poison"), offsets + 6, out)

    expected = [xxh64(content[first:last]) for first, last in pairwise(offsets)]
    assert out.tolist() == expected
