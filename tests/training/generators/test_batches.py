from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from stoker.errors import DataError, OptionError
from stoker.training.generators.batches import BatchMaker
from stoker.types import Batch, Position

X = np.arange(6, dtype=np.float32).reshape(3, 2)
Y = np.array([0, 1, 2])


def make(item: Any, **options: Any) -> Batch:
    return BatchMaker(**options)(item, "batch 7", Position(epoch=0, batches=8))


@pytest.mark.parametrize("item", [(X, Y), [X, Y], (X, Y, None)])
def test_pairs_and_lists_are_batches_and_their_arrays_are_not_copied(item):
    batch = make(item)
    assert batch.x is X
    assert batch.y is Y
    assert (batch.size, batch.sample_weight) == (3, None)


def test_float64_becomes_keras_own_float_and_whole_numbers_stay():
    batch = make((X.astype(np.float64), Y, np.ones(3)))
    assert (batch.x.dtype, batch.y.dtype, batch.sample_weight.dtype) == (np.float32, np.int64, np.float32)
    assert make((X.astype(np.float64), Y), floats="float64").x.dtype == np.float64


def test_sparse_matrices_become_dense():
    batch = make((sparse.csr_matrix(X.astype(np.float64)), sparse.csr_matrix(np.eye(3))))
    assert type(batch.x) is np.ndarray
    assert batch.x.dtype == np.float32
    np.testing.assert_array_equal(batch.x, X)
    np.testing.assert_array_equal(batch.y, np.eye(3))


def test_lists_and_dicts_of_arrays_keep_their_structure_and_a_list_of_one_is_the_array():
    batch = make(([X, X], {"a": Y, "b": [0, 1, 0]}))
    assert [part.shape for part in batch.x] == [(3, 2), (3, 2)]
    assert batch.y["b"].tolist() == [0, 1, 0]
    assert make(([X], [Y])).x is X
    assert make(([[0.0, 1.0], [2.0, 3.0]], [0, 1])).x.shape == (2, 2)


def test_targets_by_name_come_in_the_order_of_the_models_outputs():
    batch = make((X, {"b": Y, "a": Y + 1}, {"b": [1, 1, 1], "a": [2, 2, 2]}), output_names=("a", "b"))
    assert [part.tolist() for part in batch.y] == [[1, 2, 3], [0, 1, 2]]
    assert [part[0] for part in batch.sample_weight] == [2, 1]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (X, r"batch 7: expected \(x, y\) or .*, got one ndarray \(3, 2\)"),
        (X[:2], "got one ndarray"),
        ({"x": X, "y": Y}, "got a dict with the keys 'x', 'y'"),
        ((X,), r"got a tuple of 1 item: ndarray \(3, 2\)"),
        ((X, Y, Y, Y), "got a tuple of 4 items"),
        (None, "got None"),
        ("ab", "got one str"),
        ((X, Y[:2]), "the numbers of rows differ: x 3, y 2"),
        (([X, X[:1]], Y), r"the numbers of rows differ: x\[0\] 3, x\[1\] 1, y 3"),
        ((X, Y, np.ones(2)), "sample_weight 2"),
        ((X[:0], Y[:0]), "it has no rows"),
        ((X, 3), "y is one int64 value"),
        ((None, None), "there is no x"),
    ],
)
def test_what_is_no_batch_is_told_with_its_place_and_what_came(item, message):
    with pytest.raises(DataError, match=message):
        make(item)


@pytest.mark.parametrize("y", [Y, Y.reshape(3, 1), Y.astype(np.float32), np.eye(3), Y.astype(np.uint8)])
def test_class_weights_are_those_of_the_rows_classes_times_their_own(y):
    options = {"class_weight": {0: 1.0, 1: 2.0, 2: 5}}
    assert make((X, y), **options).sample_weight.tolist() == [1, 2, 5]
    weighted = make((X, y, np.array([2, 2, 0.5])), **options)
    assert weighted.sample_weight.tolist() == [2, 4, 2.5]
    assert weighted.sample_weight.dtype == np.float32


def test_weights_of_time_steps_are_multiplied_by_those_of_their_row():
    found = make((X, Y, np.ones((3, 4))), class_weight={0: 1, 1: 2, 2: 3}).sample_weight
    assert found.shape == (3, 4)
    assert found[:, 3].tolist() == [1, 2, 3]


def test_class_weights_of_several_outputs_go_by_name():
    options: dict[str, Any] = {"class_weight": {"b": {0: 1, 1: 3, 2: 1}}, "output_names": ("a", "b")}
    listed = make((X, [X, Y]), **options).sample_weight
    assert [part.tolist() for part in listed] == [[1, 1, 1], [1, 3, 1]]
    named = make((X, {"a": X, "b": Y}, {"a": np.full(3, 2.0)}), **options).sample_weight
    assert [part.tolist() for part in named] == [[2, 2, 2], [1, 3, 1]]


@pytest.mark.parametrize(
    ("y", "weights", "message"),
    [
        (Y, {0: 1, 1: 1}, "no weight for class 2; it has 0, 1"),
        (Y, {}, "no weight for class 0"),
        (Y + 0.5, {0: 1}, "needs class indices as targets"),
        (np.zeros((3, 2, 2)), {0: 1}, "targets of 1 or 2 dimensions"),
        (None, {0: 1}, "y is None"),
    ],
)
def test_targets_without_a_weight_are_an_error_with_their_place(y, weights, message):
    with pytest.raises(DataError, match=f"batch 7: .*{message}"):
        make((X, y), class_weight=weights)


@pytest.mark.parametrize(
    ("weights", "names", "message"),
    [
        ("balanced", (), "count the classes first"),
        ({"a": 1}, (), "must map class indices"),
        ({0.5: 1}, (), "must map class indices"),
        ({"c": {0: 1}}, ("a", "b"), "names 'c', the model's outputs are a, b"),
    ],
)
def test_class_weights_that_cannot_be_are_refused_at_once(weights, names, message):
    with pytest.raises(OptionError, match=message):
        BatchMaker(class_weight=weights, output_names=names)


def test_a_maker_travels():
    maker = pickle.loads(pickle.dumps(BatchMaker(class_weight={0: 2.0})))  # noqa: S301
    batch = maker((X, Y * 0), "batch 0", Position(epoch=0, batches=1))
    assert batch.sample_weight.tolist() == [2, 2, 2]
