from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from stoker.training.curves import AreaUnderCurve


def area(scores: np.ndarray, positive: np.ndarray, pieces: int = 1) -> float:
    curve = AreaUnderCurve()
    for part in np.array_split(np.arange(len(scores)), pieces):
        curve.update(scores[part].astype(np.float32), positive[part])
    return curve.result()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 400), st.floats(0.1, 30.0))
def test_it_is_the_area_that_scikit_learn_finds(seed, rows, spread):
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < 0.4
    positive[:2] = [True, False]
    scores = (1 / (1 + np.exp(-rng.normal(size=rows) * spread - positive))).astype(np.float32)
    assert area(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-3)


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
