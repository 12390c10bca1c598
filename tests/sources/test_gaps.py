"""Missing rows are skipped at two bytes each, whatever their number."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from stoker.sources.gaps import Gaps
from stoker.sources.views import SplitSpec, View

SLOTS = 1_000_000


def some_ids(share, total=SLOTS, seed=3):
    return np.flatnonzero(np.random.default_rng(seed).random(total) < share)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_positions_skip_what_is_missing_over_many_runs_of_positions(share):
    missing = some_ids(share)
    expected = np.delete(np.arange(SLOTS), missing)
    gaps = Gaps(np.array_split(missing, 7), most=len(missing), num_ordinals=SLOTS)
    assert np.array_equal(gaps.ordinals(np.arange(len(expected))), expected)
    shuffled = np.random.default_rng(1).permutation(len(expected))
    assert np.array_equal(gaps.ordinals(shuffled), expected[shuffled])


def test_everything_missing_leaves_no_position():
    gaps = Gaps([np.arange(200_000)], most=200_000, num_ordinals=200_000)
    assert len(gaps) == 200_000
    assert gaps.ordinals(np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize("steps", [(), (SplitSpec(fraction=0.9, seed=7, part=0),)])
def test_a_view_holds_two_bytes_an_excluded_row_and_makes_no_copy_of_their_ids(steps):
    excluded = some_ids(0.3, total=10 * SLOTS)
    View(steps=steps).bind(1_000, np.array([3]))
    tracemalloc.start()
    try:
        view = View(steps=steps).bind(10 * SLOTS, excluded)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert view.num_rows > 0
    assert held <= view.num_bytes + 20_000
    assert view.num_bytes <= 2 * len(excluded) + (1 << 20)
    assert peak <= 4 * len(excluded) + (3 << 20)


def test_a_split_holds_no_table_that_grows_with_the_rows():
    sizes = [
        View().then(SplitSpec(fraction=0.9, seed=7, part=0)).bind(total).num_bytes
        for total in (10**6, 10**7, 10**9)
    ]
    assert max(sizes) <= 1 << 20
