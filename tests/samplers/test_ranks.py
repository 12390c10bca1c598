"""A billion rows shared out to ranks: nothing is lost, and little is read in vain, in sampled windows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from stoker.plan import touched_lanes
from stoker.samplers import make_sampler, positions_in
from stoker.types import OrderSpec, Rank

ROWS = 10**9 + 17
COUNTS = [1, 2, 7, 64, 1000]


def spec_of(kind: str) -> OrderSpec:
    return OrderSpec(
        kind=kind,
        seed=1,
        batch_size=2048,
        num_rows=ROWS,
        block=256 if kind == "block" else 1,
        window=16_384 if kind == "block" else 4_096,
        lanes=16,
    )


def requests_of(spec: OrderSpec, window: int, count: int) -> list:
    sampler = make_sampler(spec)
    return [sampler.request(3, window, Rank(index, count)) for index in range(count)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", ["sequential", "exact", "block"])
def test_all_ranks_together_read_every_row_of_a_window_once_and_take_equal_steps(kind, count):
    spec = spec_of(kind)
    sampler = make_sampler(spec)
    for window in (spec.num_windows // 2, spec.num_windows - 1):
        start, stop = window * spec.window, min((window + 1) * spec.window, ROWS)
        requests = requests_of(spec, window, count)
        read = np.concatenate([positions_in(request.ranges) for request in requests])
        assert np.array_equal(np.sort(read), np.sort(sampler.positions(3, start, stop)))
        shares = [np.diff(request.places)[0] for request in requests]
        assert max(shares) - min(shares) <= 1
        full, rest = divmod(stop - start, spec.batch_size)
        for rank, (request, share) in enumerate(zip(requests, shares, strict=True)):
            of_the_last = min(max(rest - request.places[0], 0), share)
            assert len(request.order) == full * share + of_the_last, rank
            assert request.first_batch == start // spec.batch_size


def blocks_of(spec: OrderSpec, requests: list) -> list[set[int]]:
    return [set((positions_in(request.ranges) // spec.block).tolist()) for request in requests]


@pytest.mark.parametrize("count", [2, 16])
def test_where_ranks_divide_the_lanes_neighbours_share_a_block_at_most_and_nobody_else_one(count):
    """Each reads one stretch of the stream: whole blocks, but for those at its two ends."""
    spec = spec_of("block")
    for window in (0, spec.num_windows // 3):
        requests = requests_of(spec, window, count)
        blocks = blocks_of(spec, requests)
        for one, other in pairwise(blocks):
            assert len(one & other) <= 1
        assert sum(map(len, blocks)) <= len(set.union(*blocks)) + count - 1
        for request in requests:
            rows = positions_in(request.ranges)
            _, sizes = np.unique(rows // spec.block, return_counts=True)
            assert (sizes < spec.block).sum() <= 2
            assert len(rows) == spec.window // count


@pytest.mark.parametrize("count", [7, 64, 1000])
def test_elsewhere_a_rank_reads_rows_of_the_lanes_that_it_touches_alone(count):
    spec = spec_of("block")
    window = spec.num_windows // 3
    lanes = blocks_of(spec, requests_of(spec, window, spec.lanes))
    for index, blocks in enumerate(blocks_of(spec, requests_of(spec, window, count))):
        first, behind = touched_lanes(spec, Rank(index, count))
        assert blocks <= set.union(*lanes[first:behind])
        # Lanes of its own, and one at either end that it shares.
        assert (behind - first) <= -(-spec.lanes // count) + 1
