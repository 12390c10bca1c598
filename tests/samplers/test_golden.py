"""The exact orders of 0.1.0, pinned: a run of today must be resumed by every later version."""

from __future__ import annotations

import pytest

from stoker.samplers import make_sampler
from stoker.types import OrderSpec

FIRST_AND_LAST = {
    "sequential": ([0, 1, 2, 3, 4, 5, 6, 7], [996, 997, 998, 999]),
    "exact": ([326, 114, 948, 259, 2, 639, 405, 417], [968, 430, 705, 280]),
    "block": ([723, 725, 625, 631, 290, 293, 57, 63], [676, 675, 38, 903]),
}


@pytest.mark.parametrize("kind", FIRST_AND_LAST)
def test_the_order_of_a_thousand_rows_is_the_one_of_the_first_release(kind):
    spec = OrderSpec(
        kind=kind,
        seed=7,
        batch_size=16,
        num_rows=1000,
        block=8 if kind == "block" else 1,
        window=64,
        lanes=16,
    )
    sampler = make_sampler(spec)
    first, last = FIRST_AND_LAST[kind]
    assert sampler.positions(0, 0, 8).tolist() == first
    assert sampler.positions(2, 996, 1000).tolist() == last


def test_a_billion_rows_have_the_order_of_the_first_release():
    exact = OrderSpec(kind="exact", seed=1, batch_size=256, num_rows=10**9, block=1, window=1024, lanes=16)
    places = make_sampler(exact).positions(1, 500_000_000, 500_000_004)
    assert places.tolist() == [472317483, 251528948, 99787690, 624606541]
    block = OrderSpec(
        kind="block", seed=1, batch_size=256, num_rows=10**9 + 17, block=512, window=16384, lanes=16
    )
    places = make_sampler(block).positions(1, 500_000_000, 500_000_004)
    assert places.tolist() == [470113830, 871847120, 871847216, 470113961]
