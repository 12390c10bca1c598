from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from memory_feed import make_feed
from sklearn import metrics

from stoker.errors import DataError
from stoker.training.evaluation import evaluate, evaluate_batches


def outputs_of(model, x):
    return np.asarray(model.predict_on_batch(x))


def test_classes_are_measured_as_scikit_learn_measures_them(small_model):
    model, feed = small_model(), make_feed(rows=50, shuffle=False)
    found = evaluate(model, feed)
    predicted = outputs_of(model, feed.x).argmax(1)
    assert found.rows == 50
    assert np.array_equal(found.confusion, metrics.confusion_matrix(feed.y, predicted, labels=[0, 1, 2]))
    with np.errstate(invalid="ignore"):
        precision, recall, _, support = metrics.precision_recall_fscore_support(
            feed.y, predicted, labels=[0, 1, 2], zero_division=np.nan
        )
    assert np.allclose(found.precision, precision, equal_nan=True)
    assert np.allclose(found.recall, recall, equal_nan=True)
    assert np.array_equal(found.support, support)
    assert found.accuracy == metrics.accuracy_score(feed.y, predicted)
    assert found.metrics["accuracy"] == pytest.approx(found.accuracy)
    assert found.loss == pytest.approx(model.evaluate(feed.x, feed.y, verbose=0)[0], rel=1e-5)
    assert feed.open_streams == 0


def test_two_classes_have_an_area_under_the_curve(small_model):
    model, feed = small_model("binary"), make_feed("binary", rows=50)
    scores = outputs_of(model, feed.x)[:, 0]
    found = evaluate(model, feed)
    assert found.auc == pytest.approx(metrics.roc_auc_score(feed.y, scores), abs=1e-12)
    assert found.confusion.sum() == 50


def test_regression_has_errors_and_the_share_of_variance(small_model):
    model, feed = small_model("regression"), make_feed("regression", rows=50)
    predicted = outputs_of(model, feed.x)[:, 0]
    found = evaluate(model, feed)
    assert found.mae == pytest.approx(metrics.mean_absolute_error(feed.y, predicted), rel=1e-5)
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(feed.y, predicted), rel=1e-5)
    assert found.r2 == pytest.approx(metrics.r2_score(feed.y, predicted), rel=1e-4)
    assert found.classes is None
    assert found.confusion is None


@pytest.mark.parametrize("task", ["classes", "binary"])
def test_classes_by_weight_are_measured_as_scikit_learn_weighs_them(task, small_model):
    model, feed = small_model(task), make_feed(task, rows=50, shuffle=False)
    weights = np.random.default_rng(5).choice([0.0, 0.25, 1.0, 7.5], 50).astype(np.float32)
    outputs = outputs_of(model, feed.x)
    predicted = outputs.argmax(1) if task == "classes" else (outputs[:, 0] > 0.5).astype(int)
    labels = range(len(feed.spec.classes))
    spec = replace(feed.spec, sample_weight="w")
    whole = evaluate_batches(model, spec, [(feed.x, feed.y, weights)])
    found, counted = whole.weighted, evaluate_batches(model, feed.spec, [(feed.x, feed.y, None)])
    by_weight = {"labels": labels, "sample_weight": weights}
    np.testing.assert_allclose(
        found.confusion, metrics.confusion_matrix(feed.y, predicted, **by_weight), rtol=1e-6
    )
    with np.errstate(invalid="ignore"):
        expected = metrics.precision_recall_fscore_support(
            feed.y, predicted, zero_division=np.nan, **by_weight
        )
    np.testing.assert_allclose(found.precision, expected[0], rtol=1e-6)
    np.testing.assert_allclose(found.recall, expected[1], rtol=1e-6)
    np.testing.assert_allclose(found.support, expected[3], rtol=1e-6)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(feed.y, predicted, sample_weight=weights))
    if task == "binary":
        assert found.auc == pytest.approx(metrics.roc_auc_score(feed.y, outputs[:, 0], sample_weight=weights))
    assert (whole.accuracy, whole.support.tolist()) == (counted.accuracy, counted.support.tolist())
    assert counted.weighted is None


def test_regression_by_weight_is_that_of_scikit_learn_and_none_where_nothing_weighs(small_model):
    model, feed = small_model("regression"), make_feed("regression", rows=50, shuffle=False)
    weights = np.random.default_rng(6).choice([0.0, 0.5, 9.0], 50).astype(np.float32)
    predicted, spec = outputs_of(model, feed.x)[:, 0], replace(feed.spec, sample_weight="w")
    found = evaluate_batches(model, spec, [(feed.x, feed.y, weights)]).weighted
    by_weight = {"sample_weight": weights}
    assert found.mae == pytest.approx(metrics.mean_absolute_error(feed.y, predicted, **by_weight), rel=1e-5)
    assert found.rmse == pytest.approx(
        metrics.root_mean_squared_error(feed.y, predicted, **by_weight), rel=1e-5
    )
    assert found.r2 == pytest.approx(metrics.r2_score(feed.y, predicted, **by_weight), rel=1e-4)
    nothing = evaluate_batches(model, spec, [(feed.x, feed.y, 0 * weights)])
    assert nothing.to_dict()["weighted"] == {"task": "regression", "mae": None, "rmse": None, "r2": None}


def test_the_result_does_not_depend_on_the_batches(small_model):
    model, feed = small_model(), make_feed(rows=50)
    batches = [(feed.x[part], feed.y[part], None) for part in np.array_split(np.arange(50), 9)]
    pieces, whole = (evaluate_batches(model, feed.spec, each) for each in (batches, [(feed.x, feed.y, None)]))
    assert np.array_equal(pieces.confusion, whole.confusion)
    assert pieces.loss == whole.loss


def test_more_rows_than_one_batch_of_the_scorer_are_weighted_by_size(small_model):
    model, feed = small_model("regression"), make_feed("regression", rows=5000, batch_size=999)
    found = evaluate(model, feed)
    assert found.rows == 5000
    assert found.loss == pytest.approx(found.rmse**2, rel=1e-4)
    assert found.metrics["mae"] == pytest.approx(found.mae, rel=1e-4)


def test_what_never_occurred_is_none_in_json(small_model):
    feed = make_feed(rows=20)
    feed.y[:] = 1
    found = evaluate(small_model(), feed)
    assert math.isnan(found.recall[0])
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["recall"][0] is None
    assert plain["classes"] == ["a", "b", "c"]
    assert plain["support"] == [0, 20, 0]


def test_progress_counts_rows(small_model):
    seen: list[tuple[int, int]] = []
    evaluate(small_model(), make_feed(rows=20), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 20), (16, 20), (20, 20)]


def test_no_rows_are_an_error(small_model):
    with pytest.raises(DataError, match="no rows to evaluate"):
        evaluate_batches(small_model(), make_feed().spec, [])
