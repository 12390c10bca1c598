"""Class weights are scikit-learn's, and every mistake in them is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from stoker.errors import OptionError
from stoker.survey.labels import LabelCounts
from stoker.weights import class_weights


def labels_of(counts: dict) -> LabelCounts:
    kind = "text" if isinstance(next(iter(counts)), str) else "int"
    return LabelCounts(
        kind=kind, num_rows=sum(counts.values()), classes=tuple(counts), counts=tuple(counts.values())
    )


@given(st.lists(st.integers(1, 50), min_size=2, max_size=8))
def test_balanced_weights_are_those_of_scikit_learn(counts):
    classes = np.arange(len(counts))
    expected = compute_class_weight("balanced", classes=classes, y=np.repeat(classes, counts))
    labels = labels_of(dict(enumerate(counts)))
    found = class_weights("balanced", labels.classes, labels)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_class_without_training_rows_weighs_nothing():
    labels = labels_of({"cat": 3})
    assert class_weights("balanced", ("cat", "dog"), labels).tolist() == [0.5, 0.0]


def test_weights_by_label_come_in_the_order_of_the_classes():
    labels = labels_of({"cat": 3, "dog": 1})
    assert class_weights({"dog": 2.0, "cat": 1.0}, ("cat", "dog"), labels).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("option", "classes", "message"),
    [
        ("balanced", None, "no effect on regression"),
        ("equal", ("cat", "dog"), "'balanced' or a weight for every class"),
        ({"cat": 1.0}, ("cat", "dog"), "no weight for 'dog'"),
        ({"cat": 1.0, "dog": 1.0, "cow": 1.0}, ("cat", "dog"), "a weight for 'cow', which is no class"),
    ],
)
def test_mistakes_are_named(option, classes, message):
    with pytest.raises(OptionError, match=message):
        class_weights(option, classes, labels_of({"cat": 3, "dog": 1}))


def test_no_option_means_no_weights():
    assert class_weights(None, (0, 1), None) is None
