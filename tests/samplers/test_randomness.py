"""How far the shuffled orders are from uniform: bounds that a sound shuffle meets and a lazy one does not.

The seeds are fixed, so each figure is the same on every run; the bounds are five standard deviations or more.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from stoker.samplers import make_sampler
from stoker.types import OrderSpec

ROWS, EPOCHS = 2_000, 200


def epochs_of(kind: str, *, block: int = 8, window: int = 512, rows: int = ROWS) -> np.ndarray:
    spec = OrderSpec(
        kind=kind,
        seed=11,
        batch_size=32,
        num_rows=rows,
        block=block if kind == "block" else 1,
        window=window,
        lanes=16,
    )
    sampler = make_sampler(spec)
    return np.stack([sampler.positions(epoch, 0, rows) for epoch in range(EPOCHS)])


@pytest.mark.parametrize("kind", ["exact", "block"])
def test_every_row_is_equally_likely_in_every_quarter_of_an_epoch(kind):
    orders = epochs_of(kind)
    first_quarter = np.zeros(ROWS)
    np.add.at(first_quarter, orders[:, : ROWS // 4].reshape(-1), 1)
    deviation = (first_quarter - EPOCHS / 4) / np.sqrt(EPOCHS * 3 / 16)
    assert np.abs(deviation).max() < 5.5
    assert 0.8 < deviation.std() < 1.2


@pytest.mark.parametrize("kind", ["exact", "block"])
def test_neighbours_in_the_file_stand_on_either_side_of_each_other_equally_often(kind):
    places = np.argsort(epochs_of(kind), axis=1)
    ahead = (places[:, 1:] > places[:, :-1]).mean()
    assert abs(ahead - 0.5) < 0.01


@pytest.mark.parametrize(("kind", "spread"), [("exact", 1.0), ("block", 1.5)])
def test_as_many_neighbours_ascend_as_in_a_random_permutation(kind, spread):
    ascents = (np.diff(epochs_of(kind), axis=1) > 0).sum(axis=1)
    # Ascents of a uniform permutation of n: mean (n-1)/2, variance (n+1)/12.
    deviation = np.sqrt((ROWS + 1) / 12)
    assert ascents.std() < 1.2 * spread * deviation
    assert abs(ascents.mean() - (ROWS - 1) / 2) < 5 * spread * deviation / np.sqrt(EPOCHS)


@pytest.mark.parametrize(("kind", "least"), [("exact", 0.993), ("block", 0.9)])
def test_rows_of_either_half_of_the_file_come_in_about_as_many_runs_as_chance_makes(kind, least):
    halves = epochs_of(kind) < ROWS // 2
    runs = 1 + (halves[:, 1:] != halves[:, :-1]).sum(axis=1)
    # Wald and Wolfowitz: mean n/2 + 1, variance about n/4. Of blocks of 8 rows, 4 share a lane of 32 rows.
    chance = ROWS / 2 + 1
    assert least * chance < runs.mean() < chance + 5 * np.sqrt(ROWS / 4 / EPOCHS)


@pytest.mark.parametrize(("kind", "most"), [("exact", 1.05), ("block", 2.5)])
def test_two_rows_meet_in_a_batch_about_as_often_as_chance_has_it(kind, most):
    batches = np.argsort(epochs_of(kind), axis=1) // 32
    chance = 31 / (ROWS - 1)
    for distance in (1, 2, 5):
        met = (batches[:, distance:] == batches[:, :-distance]).mean()
        assert 0.95 * chance < met < most * chance
    far = (batches[:, 100:] == batches[:, :-100]).mean()  # never of one block
    assert abs(far - chance) < 0.05 * chance


def test_exact_order_keeps_no_trace_of_the_file_order():
    orders = epochs_of("exact").astype(float)
    correlations = [np.corrcoef(np.arange(ROWS), order)[0, 1] for order in orders]
    assert abs(np.mean(correlations)) < 5 / np.sqrt(ROWS * EPOCHS)
    assert np.std(correlations) < 2 / np.sqrt(ROWS)


def test_exact_order_is_as_good_where_feistel_takes_over():
    rows = (1 << 16) + 5
    order = epochs_of_large(rows)
    ascents = int((np.diff(order) > 0).sum())
    assert abs(ascents - (rows - 1) / 2) < 5 * np.sqrt((rows + 1) / 12)
    fixed_points = int((order == np.arange(rows)).sum())
    assert fixed_points <= 8  # Poisson with mean 1
    halves = (order[: rows // 2] < rows // 2).mean()
    assert abs(halves - 0.5) < 0.01


def epochs_of_large(rows: int) -> np.ndarray:
    spec = OrderSpec(kind="exact", seed=3, batch_size=32, num_rows=rows, block=1, window=4096, lanes=16)
    return make_sampler(spec).positions(0, 0, rows)


def test_block_order_puts_rows_of_a_block_into_different_batches():
    orders = epochs_of("block", block=8, window=512)
    together = 0
    for order in orders[:20]:
        blocks = order[: ROWS // 32 * 32].reshape(-1, 32) // 8
        together += sum(32 - len(np.unique(batch)) for batch in blocks)
    pairs_of_rows = 20 * (ROWS // 32)
    # 64 blocks of 8 rows spread over 16 batches: a uniform draw repeats 6.0 a batch.
    assert together / pairs_of_rows < 8


def test_two_epochs_share_no_more_neighbours_than_chance():
    orders = epochs_of("block")
    pairs = [set(itertools.pairwise(order)) for order in orders[:10].tolist()]
    shared = [len(pairs[i] & pairs[j]) for i in range(10) for j in range(i)]
    # Within a window of 512 rows a neighbour is one of about 511, if the two blocks meet again.
    assert np.mean(shared) < 4
