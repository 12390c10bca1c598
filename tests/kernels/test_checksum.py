"""The checksum is XXH64, for every length and place."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.checksum import checksum, checksum_segments
from xxhash64 import xxh64


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
