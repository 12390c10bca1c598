from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from property_examples import examples
from stoker.training.curves import AreaUnderCurve


def area(scores: np.ndarray, positive: np.ndarray, pieces: int = 1, **options: int) -> float:
    return curve_of(scores, positive, pieces, **options).result()


def curve_of(scores: np.ndarray, positive: np.ndarray, pieces: int = 1, **options: int) -> AreaUnderCurve:
    curve = AreaUnderCurve(**options)
    for part in np.array_split(np.arange(len(scores)), pieces):
        curve.update(scores[part].astype(np.float32), positive[part])
    return curve


def scores_of(seed: int, rows: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < 0.4
    positive[:2] = [True, False]
    return (1 / (1 + np.exp(-rng.normal(size=rows) * spread - positive))).astype(np.float32), positive


@settings(max_examples=examples(50))
@given(st.integers(0, 2**32 - 1), st.integers(20, 400), st.floats(0.1, 30.0))
def test_it_is_the_area_that_scikit_learn_finds(seed, rows, spread):
    scores, positive = scores_of(seed, rows, spread)
    assert area(scores, positive, 3) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


FEW = st.sampled_from([0.0, -0.0, 1e-45, 0.25, 0.5, np.float32(0.5) + 2**-24, 1.0, -3.0, float("inf")])


@settings(max_examples=examples(100))
@given(
    st.lists(st.tuples(FEW | st.floats(width=32, allow_nan=False), st.booleans()), min_size=2, max_size=60),
    st.integers(1, 5),
)
def test_it_is_scikit_learns_area_with_ties_and_any_numbers(rows, pieces):
    scores, positive = np.array([row[0] for row in rows], np.float32), np.array([row[1] for row in rows])
    if positive.all() or not positive.any():
        assert math.isnan(area(scores, positive, pieces))
        return
    ranks = np.unique(scores, return_inverse=True)[1]  # scikit-learn takes no infinities
    assert area(scores, positive, pieces) == pytest.approx(roc_auc_score(positive, ranks), abs=1e-12)


@settings(max_examples=examples(20))
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 5.0), st.integers(20, 200))
def test_beyond_the_scores_that_it_tells_apart_it_knows_its_error(seed, spread, most):
    scores, positive = scores_of(seed, 2000, spread)
    curve = curve_of(scores, positive, most_scores=most)
    assert 0 < curve.error < 2 / most**0.5
    assert abs(curve.result() - roc_auc_score(positive, scores)) <= curve.error
    assert curve.result() == area(scores, positive, 9, most_scores=most)


@pytest.mark.slow
def test_millions_of_scores_are_within_a_millionth():
    scores, positive = scores_of(5, 3_000_000, 1.0)
    curve = curve_of(scores, positive, 50)
    assert 0 < curve.error < 2e-5
    assert curve.result() == pytest.approx(roc_auc_score(positive, scores), abs=1e-6)


def test_a_score_that_is_no_number_leaves_no_area():
    assert math.isnan(area(np.array([0.2, np.nan, 0.3]), np.array([True, False, False])))


def test_counts_of_a_size_whose_product_leaves_64_bits_are_multiplied_exactly():
    curve = curve_of(np.array([0.2, 0.4, 0.3]), np.array([True, True, False]))
    for side in curve._sides:
        side.settle()
        side.counts *= 1 << 40
    assert curve.result() == 0.5


def test_ties_count_half():
    scores, positive = np.full(10, 0.3), np.arange(10) < 4
    assert area(scores, positive) == 0.5


def test_saturated_scores_are_kept_in_order():
    scores = np.array([0.0, 0.0, 1.0, 1.0])
    assert area(scores, np.array([False, True, False, True])) == 0.5
    assert area(scores, np.array([False, False, True, True])) == 1.0


def test_it_does_not_depend_on_the_pieces():
    rng = np.random.default_rng(3)
    scores, positive = rng.random(1000), rng.random(1000) < 0.5
    assert area(scores, positive, 1) == area(scores, positive, 7)


def test_one_class_alone_has_no_area():
    assert math.isnan(area(np.array([0.2, 0.3]), np.array([True, True])))
