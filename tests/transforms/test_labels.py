"""Label transforms against scikit-learn's, and what they say of labels that they cannot take."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import preprocessing

from property_examples import examples
from stoker.errors import ColumnError, DataError, RunError
from stoker.transforms import LabelEncoder, OneHot, Passthrough, from_state
from stoker.types import Rows


def rows_of(labels) -> Rows:
    held = pa.array(labels) if isinstance(labels, list) else labels
    return Rows(
        num_rows=len(labels), features=(), matrix=None, columns={"y": held, "id": np.arange(len(labels))}
    )


def encoded(encoder: LabelEncoder, labels) -> np.ndarray:
    return encoder.apply(rows_of(labels), np.arange(len(labels)))


integers = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), min_size=1).map(np.array)
letters = st.characters(codec="utf-8", exclude_characters="\0")  # NumPy, and so the reference, strips NULs
words = st.lists(st.text(letters, max_size=3), min_size=1)


@settings(max_examples=examples(50))
@given(integers | words)
def test_classes_and_indices_are_scikit_learn_s(labels):
    reference = preprocessing.LabelEncoder().fit(labels)
    encoder = LabelEncoder("y").fit(rows_of(labels))
    assert list(encoder.classes_) == reference.classes_.tolist()
    found = encoded(encoder, labels)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, reference.transform(labels))
    np.testing.assert_array_equal(encoder.counts_, np.bincount(found))


@settings(max_examples=examples(30))
@given(integers | words)
def test_one_hot_rows_are_scikit_learn_s(labels):
    column = np.array(labels, object if isinstance(labels, list) else None).reshape(-1, 1)
    expected = preprocessing.OneHotEncoder(sparse_output=False, dtype=np.float32).fit_transform(column)
    found = encoded(OneHot("y").fit(rows_of(labels)), labels)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_text_is_sorted_by_its_bytes():
    encoder = LabelEncoder("y").fit(rows_of(["é", "z", "Z", "10", "9", "𝄞", "\uffee"]))
    assert encoder.classes_ == ("10", "9", "Z", "z", "é", "\uffee", "𝄞")


@pytest.mark.parametrize(
    "labels",
    [
        pa.chunked_array([["b"], ["a", "b"]]),
        pa.array(["b", "a", "b"], pa.large_string()),
        pa.chunked_array([pa.array(["b"], pa.large_string()), pa.array(["a", "b"], pa.large_string())]),
    ],
)
def test_text_comes_in_several_arrow_types(labels):
    encoder = LabelEncoder("y").fit(rows_of(labels))
    assert encoder.classes_ == ("a", "b")
    assert encoded(encoder, labels).tolist() == [1, 0, 1]


def test_known_labels_make_an_encoder_without_a_pass():
    encoder = LabelEncoder.from_counts("y", {9: 3, -1: 2})
    assert encoder.classes_ == (-1, 9)
    assert encoder.counts_.tolist() == [2, 3]
    assert OneHot.from_counts("y", ["b", "a"]).classes_ == ("a", "b")


def test_whole_floats_are_integers():
    encoder = LabelEncoder("y").fit(rows_of(np.array([2.0, 1.0])))
    assert encoder.classes_ == (1, 2)
    assert encoded(encoder, np.array([2, 1], np.uint8)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "strange"),
    [(np.arange(20), r"4, 5, 6, 7, 8 and others"), (["x", "w", "x"], "'w', 'x',")],
)
def test_unknown_labels_are_named_up_to_five_with_the_way_out(labels, strange):
    known = ["a", "b"] if isinstance(labels, list) else [0, 1, 2, 3]
    with pytest.raises(DataError, match=rf"'y' holds {strange} not among the|{strange}, not among.*train on"):
        encoded(LabelEncoder.from_counts("y", known), labels)


def test_text_where_numbers_were_learned_and_the_reverse_are_unknown():
    with pytest.raises(DataError, match="holds '1', not among"):
        encoded(LabelEncoder.from_counts("y", [1, 2]), ["1"])
    with pytest.raises(DataError, match="holds 1, not among"):
        encoded(LabelEncoder.from_counts("y", ["1", "2"]), np.array([1]))
    with pytest.raises(DataError, match="both numbers and text"):
        LabelEncoder.from_counts("y", [1, "2"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", None], "blank at row 1"),
        (np.array([1.0, np.nan]), "is blank, at row 1"),
        (np.array([0.5]), "holds 0.5, no class.*regression"),
        (np.array([np.inf]), "holds inf"),
    ],
)
def test_labels_that_are_no_class_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        LabelEncoder("y").fit(rows_of(labels))


def test_an_absent_column_is_named_with_the_nearest():
    with pytest.raises(ColumnError, match=r"no label column 'ids' .did you mean 'id'"):
        LabelEncoder("ids").fit(rows_of([1]))


def test_a_number_to_regress_on_passes_as_float32():
    rows = rows_of(np.array([1.5, -2.0, 1e300, np.nan]))
    transform = Passthrough("y").fit(rows)
    found = transform.apply(rows, np.array([1, 0]))
    assert found.dtype == np.float32
    assert found.tolist() == [-2.0, 1.5]
    with pytest.raises(DataError, match=r"1e\+300, beyond float32 \(row 1"):
        transform.apply(rows, np.array([0, 2]))
    with pytest.raises(DataError, match="no value"):
        transform.apply(rows, np.array([3]))
    with pytest.raises(ColumnError, match="text, which no regression"):
        Passthrough("y").fit(rows_of(["a"]))


def test_a_state_of_no_known_transform_is_refused():
    with pytest.raises(RunError, match="'wavelet'; this version knows bins, cast"):
        from_state({"name": "wavelet"})
