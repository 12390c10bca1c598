"""Fingerprints are the same for the same row wherever it comes, and differ where rows differ."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.doctor.batches import glance
from stoker.doctor.fingerprints import fingerprint_rows
from stoker.errors import DataError

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64", "bool", "complex64"])
def test_a_row_has_one_number_in_any_batch_and_any_layout(dtype):
    rows = np.random.default_rng(0).integers(0, 2, (40, 9)).astype(dtype)
    whole = fingerprint_rows([rows])
    parts = np.concatenate([fingerprint_rows([rows[:7]]), fingerprint_rows([rows[7:]])])
    assert np.array_equal(whole, parts)
    assert np.array_equal(whole, fingerprint_rows([np.asfortranarray(rows)]))
    assert len(set(whole.tolist())) == len(np.unique(rows, axis=0))


def test_numbers_do_not_change_with_the_version():
    assert fingerprint_rows([np.arange(4, dtype="float32").reshape(2, 2)]).tolist() == [
        10095111153875284270,
        5761977846525968682,
    ]


def test_nan_is_one_value_and_so_is_zero():
    other_nan = np.frombuffer(np.array([0x7FC00001, 0xFFC00000], "<u4").tobytes(), "<f4")
    rows = np.array([[np.nan, 0.0], [other_nan[0], -0.0], [other_nan[1], 0.0]], "float32")
    assert len(set(fingerprint_rows([rows]).tolist())) == 1


def test_a_sparse_row_is_its_non_zeros():
    dense = np.random.default_rng(0).random((30, 50)) * (np.random.default_rng(1).random((30, 50)) < 0.1)
    rows = scipy.sparse.csr_matrix(dense)
    untidy = scipy.sparse.csr_matrix(
        (
            np.r_[rows.data / 2, rows.data / 2, 0.0],
            (np.r_[rows.tocoo().row, rows.tocoo().row, 0], np.r_[rows.indices, rows.indices, 49]),
        ),
        shape=dense.shape,
    )
    before = untidy.nnz
    assert np.array_equal(fingerprint_rows([rows]), fingerprint_rows([untidy]))
    assert untidy.nnz == before
    assert np.array_equal(fingerprint_rows([rows[[3, 5]]]), fingerprint_rows([rows])[[3, 5]])
    assert len(set(fingerprint_rows([rows]).tolist())) == len(np.unique(dense, axis=0))


def test_text_is_its_utf8_whatever_holds_it():
    words = ["", "a", "ä", "a" * 40]
    prints = fingerprint_rows([np.array(words)])
    assert len(set(prints.tolist())) == 4
    assert np.array_equal(prints, fingerprint_rows([np.array(words, object)]))
    assert np.array_equal(prints[:2], fingerprint_rows([np.array(words[:2])]))


def test_words_of_a_row_are_told_apart_by_their_borders():
    first, second = fingerprint_rows([np.array([["ab", "c"], ["a", "bc"]])])
    assert first != second


def test_objects_without_bytes_are_refused():
    with pytest.raises(DataError, match="no bytes to compare"):
        fingerprint_rows([np.array([object()], object)])


def test_the_order_in_which_a_dict_was_filled_does_not_matter():
    a, b, y = np.arange(6.0).reshape(3, 2), np.arange(3.0), np.arange(3)
    first, second = glance(({"a": a, "b": b}, y)), glance(({"b": b, "a": a}, y))
    assert np.array_equal(first.x, second.x)
    assert first.x_signature == second.x_signature


def test_the_place_of_an_input_matters():
    a, b = np.arange(3.0), np.arange(3.0)[::-1].copy()
    assert not np.array_equal(glance(([a, b], a)).x, glance(([b, a], a)).x)


def test_a_list_of_numbers_is_one_array():
    assert glance(([[1.0, 2.0], [3.0, 4.0]], [0, 1])).x_signature == (("", (2,), "float64"),)


@settings(max_examples=examples(60))
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_equal_rows_and_no_others_have_equal_numbers(values):
    rows = np.array(values, "int16").reshape(-1, 1)
    prints = fingerprint_rows([rows, rows.astype(str)])
    assert sorted(Counter(values).values()) == sorted(Counter(prints.tolist()).values())
