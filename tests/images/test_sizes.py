"""Sizes are counted the same in any order, and in bounded memory."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from stoker.images.headers import ImageHeader
from stoker.images.sizes import ImageSizes


def counted(headers) -> ImageSizes:
    seen = ImageSizes()
    for header in headers:
        seen.add(header)
    return seen


def drawn(count: int, most: int) -> list[ImageHeader]:
    draw = np.random.default_rng(1)
    return [
        ImageHeader("PNG", *draw.integers(1, most, 2).tolist(), is_grey=bool(i % 3)) for i in range(count)
    ]


def plain(seen: ImageSizes) -> bytes:
    return msgspec.json.encode(seen.state())


@pytest.mark.parametrize(("count", "most"), [(500, 9), (4_000, 5_000)])
def test_the_order_of_pictures_and_of_merging_changes_nothing(count, most):
    headers = drawn(count, most)
    whole = counted(headers)
    assert whole.is_exact == (most < 100)
    assert plain(counted(headers[::-1])) == plain(whole)
    parts = [counted(headers[start : start + 700]) for start in range(0, count, 700)]
    merged = ImageSizes()
    for part in reversed(parts):
        merged.merge(part)
    assert plain(merged) == plain(whole)
    assert plain(ImageSizes.from_state(msgspec.json.decode(plain(whole)))) == plain(whole)
    assert len(whole.common) <= 1_024


def test_the_size_is_the_median_of_each_side_and_224_at_most():
    headers = drawn(801, 200)
    expected = np.median([[header.height, header.width] for header in headers], axis=0)
    assert counted(headers).size == tuple(expected)
    assert counted([ImageHeader("JPEG", 4_000, 30)]).size == (30, 224)


def test_the_first_value_that_is_no_picture_is_known_wherever_it_is():
    first, second = ImageSizes(), ImageSizes()
    second.add_bad(3, "it is empty")
    second.add_bad(1, "it ends early")
    assert first.merge(second, rows_before=10).first_bad == (11, "it ends early")
    assert first.num_bad == 2


def test_sizes_are_told_by_how_many_have_them():
    seen = counted([ImageHeader("JPEG", 640, 480)] * 5 + [ImageHeader("PNG", 32, 32, is_grey=True)])
    assert seen.describe() == (
        "5 of 640 × 480, 1 of 32 × 32; 640 × 480 in the middle · 5 JPEG, 1 PNG · 1 grey"
    )


def test_a_damaged_state_is_refused():
    state = counted(drawn(20, 9)).state()
    for key, value in (("num_images", -1), ("formats", {"EXE": 1}), ("sizes", [[0, 1, 1]]), ("num_bad", 1)):
        with pytest.raises((ValueError, TypeError, KeyError)):
            ImageSizes.from_state({**state, key: value})
