"""Every order is a bijection with the right windows and batches, pinned by golden values."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import OptionError
from stoker.samplers import make_sampler, positions_in
from stoker.types import OrderSpec, Rank


def spec_of(kind="block", rows=1000, batch=16, windows=4, block=8, seed=7):
    lanes = 1
    while lanes < 16 and batch % (lanes * 2) == 0:
        lanes *= 2
    return OrderSpec(
        kind=kind,
        seed=seed,
        batch_size=batch,
        num_rows=rows,
        block=block if kind == "block" else 1,
        window=batch * windows,
        lanes=lanes,
    )


specs = st.builds(
    spec_of,
    kind=st.sampled_from(["sequential", "exact", "block"]),
    rows=st.integers(1, 700),
    batch=st.integers(1, 48),
    windows=st.integers(1, 9),
    block=st.integers(1, 90),
    seed=st.integers(0, 2**64 - 1),
)


@settings(max_examples=examples(200))
@given(spec=specs, epoch=st.integers(0, 5))
def test_every_epoch_holds_every_row_exactly_once(spec, epoch):
    positions = make_sampler(spec).positions(epoch, 0, spec.num_rows)
    assert sorted(positions.tolist()) == list(range(spec.num_rows))


@settings(max_examples=examples(100))
@given(spec=specs, epoch=st.integers(0, 3))
def test_requests_read_ascending_disjoint_ranges_and_order_them_fully(spec, epoch):
    sampler = make_sampler(spec)
    for window in range(spec.num_windows):
        request = sampler.request(epoch, window)
        flat = request.ranges.reshape(-1)
        assert (np.diff(flat)[::2] > 0).all()
        assert (np.diff(flat)[1::2] >= 0).all()
        rows = int((request.ranges[:, 1] - request.ranges[:, 0]).sum())
        assert rows == min(spec.window, spec.num_rows - window * spec.window)
        assert sorted(request.order.tolist()) == list(range(rows))
        assert request.first_batch * spec.batch_size == window * spec.window
        if spec.kind == "block":
            assert len(request.ranges) <= -(-spec.window // spec.block) + 2


@settings(max_examples=examples(50))
@given(spec=specs, data=st.data())
def test_any_stretch_of_places_is_a_slice_of_the_epoch(spec, data):
    start = data.draw(st.integers(0, spec.num_rows))
    stop = data.draw(st.integers(start, spec.num_rows))
    sampler = make_sampler(spec)
    whole = sampler.positions(1, 0, spec.num_rows)
    assert sampler.positions(1, start, stop).tolist() == whole[start:stop].tolist()


def test_epochs_and_seeds_differ_and_repeat():
    spec = spec_of()
    one = make_sampler(spec).positions(0, 0, 1000)
    assert one.tolist() == make_sampler(spec_of()).positions(0, 0, 1000).tolist()
    assert one.tolist() != make_sampler(spec).positions(1, 0, 1000).tolist()
    assert one.tolist() != make_sampler(spec_of(seed=8)).positions(0, 0, 1000).tolist()


def test_the_lanes_of_a_full_window_take_equal_parts_of_every_batch():
    spec = spec_of(rows=256, batch=16, windows=4, block=64)
    sampler = make_sampler(spec)
    request = sampler.request(0, 1)
    stream_order = sampler._shuffled(0, 1, spec.window)
    lane_of_place = stream_order // (spec.window // spec.lanes)
    for batch in lane_of_place.reshape(-1, spec.batch_size):
        assert batch.tolist() == np.repeat(np.arange(spec.lanes), spec.batch_size // spec.lanes).tolist()
    assert len(request.order) == spec.window


def test_a_window_that_is_not_there_is_refused():
    with pytest.raises(OptionError, match="no window 99 in epoch 0"):
        make_sampler(spec_of()).request(0, 99)


def test_a_seek_into_a_billion_rows_takes_milliseconds():
    spec = OrderSpec(
        kind="block", seed=1, batch_size=256, num_rows=10**9 + 17, block=512, window=256 * 64, lanes=16
    )
    sampler = make_sampler(spec)
    sampler.request(0, 0)
    began = time.thread_time()
    request = sampler.request(3, spec.num_windows // 2)
    assert time.thread_time() - began < 0.5  # benchmarks/seek.py holds the tight figure
    assert len(request.order) == spec.window


@settings(max_examples=examples(80))
@given(spec=specs, epoch=st.integers(0, 3), count=st.integers(1, 70), data=st.data())
def test_a_rank_asks_for_the_rows_at_its_places_in_their_order_and_for_no_other(spec, epoch, count, data):
    rank = Rank(data.draw(st.integers(0, count - 1)), count)
    sampler = make_sampler(spec)
    low, high = rank.places(spec.batch_size)
    for window in range(spec.num_windows):
        start, stop = window * spec.window, min((window + 1) * spec.window, spec.num_rows)
        whole = sampler.positions(epoch, start, stop)
        expected = whole[[low <= place % spec.batch_size < high for place in range(stop - start)]]
        request = sampler.request(epoch, window, rank)
        stored = positions_in(request.ranges)
        assert stored[request.order].tolist() == expected.tolist()
        assert len(stored) == len(expected)
        assert (np.diff(request.ranges.reshape(-1)) > 0).all()
        assert request.places == (low, high)
        assert request.first_batch == start // spec.batch_size


@given(batch=st.integers(1, 300), count=st.integers(1, 300))
def test_the_ranks_share_out_the_places_of_a_batch_evenly(batch, count):
    shares = [Rank(index, count).places(batch) for index in range(count)]
    assert [place for low, high in shares for place in range(low, high)] == list(range(batch))
    assert {high - low for low, high in shares} <= {batch // count, -(-batch // count)}


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_a_rank_that_cannot_be_is_refused(index, count):
    with pytest.raises(ValueError, match=f"index must lie in .0, {count}., got {index}"):
        Rank(index, count)
