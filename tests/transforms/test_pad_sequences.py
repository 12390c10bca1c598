"""Lists to rows of one length: Keras's ``pad_sequences``, element by element."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from property_examples import examples
from stoker.errors import ColumnError, DataError, OptionError
from stoker.transforms import PadSequences
from stoker.transforms.base import RowValueError
from stoker.types import Rows
from stoker.types.arrow import arrow_type

FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, width=32)
ENDS = st.sampled_from(["pre", "post"])


def rows_of(lists, kind="ints", skipped=0):
    """Rows whose lists begin within their array, as those of a part of one do."""
    values = pa.array([[1, 2, 3]] * skipped + list(lists), arrow_type(kind))[skipped:]
    return Rows(num_rows=len(values), features=(), matrix=None, columns={"x": values})


@settings(max_examples=examples(80))
@given(
    lists=st.lists(st.lists(st.integers(0, 1 << 30), max_size=6), min_size=1, max_size=6),
    length=st.none() | st.integers(1, 5),
    padding=ENDS,
    truncating=ENDS,
    skipped=st.integers(0, 2),
)
def test_ids_are_those_of_keras(lists, length, padding, truncating, skipped):
    made = PadSequences(length=length, padding=padding, truncating=truncating)
    rows = rows_of(lists, skipped=skipped)
    found = made.fit(rows).apply(rows, np.arange(len(lists)))
    expected = keras.utils.pad_sequences(lists, length, padding=padding, truncating=truncating)
    expected = expected if expected.shape[1] else np.zeros((len(lists), 1), np.int32)
    assert found.dtype == np.int32
    assert np.array_equal(found, expected)
    assert made.num_tokens == 1 + max((number for each in lists for number in each), default=0)


@settings(max_examples=examples(40))
@given(
    lists=st.lists(st.lists(FLOATS, max_size=6), min_size=1, max_size=6),
    padding=ENDS,
    truncating=ENDS,
)
def test_numbers_are_those_of_keras(lists, padding, truncating):
    made = PadSequences(max_length=4, padding=padding, truncating=truncating, standardize=False)
    rows = rows_of(lists, "floats")
    found = made.fit(rows).apply(rows, np.arange(len(lists)))
    length = max(1, min(4, max(map(len, lists))))
    ends = {"padding": padding, "truncating": truncating}
    expected = keras.utils.pad_sequences(lists, length, dtype="float32", **ends)
    assert (found.dtype, made.output, made.num_tokens) == (np.float32, "dense", None)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("kind", "far"), [("floats", 1.5e9), ("ints", 3 << 40)])
def test_numbers_are_those_of_a_scaler_over_all_of_them_and_padding_is_their_mean(kind, far):
    lists = [[far, far + 2, far + 3], [], [far + 8], [far + 1] * 5]
    numbers = np.concatenate(lists)[:, None]
    scaled = StandardScaler().fit(numbers)
    expected = [scaled.transform(np.reshape(each, (-1, 1)))[-4:, 0] if each else [] for each in lists]
    made = PadSequences(max_length=4, output="dense").fit(rows_of(lists, kind, skipped=2))
    found = made.apply(rows_of(lists, kind, skipped=2), np.array([3, 0, 1, 2]))
    for row, place in zip(found, [3, 0, 1, 2], strict=True):
        held = expected[place]
        np.testing.assert_allclose(row, [*[0] * (4 - len(held)), *held], rtol=1e-6)


def test_a_transform_of_before_there_were_standardised_numbers_leaves_them_as_they_were():
    rows = rows_of([[100.0, 300.0]], "floats")
    state = PadSequences(standardize=False).fit(rows).state()
    del state["scale"], state["options"]["standardize"]
    assert PadSequences.from_state(state).apply(rows, np.array([0])).tolist() == [[100.0, 300.0]]


def test_numbers_beyond_float32_are_refused_when_fitted_and_in_a_later_batch():
    near, far = rows_of([[1.0, 2.0]], "floats"), rows_of([[0.0], [1e300]], "floats")
    with pytest.raises(DataError, match=r"column 'x' .*float64 cannot hold it"):
        PadSequences().fit(far)
    with pytest.raises(DataError, match=r"column 'x' holds what is beyond float32 \(row 1 of this batch\)"):
        PadSequences().fit(near).apply(far, np.arange(2))


def test_integers_may_be_numbers_negative_and_large_ones_too():
    lists = [[-3, (1 << 63) - 1], []]
    made = PadSequences(output="dense", standardize=False).fit(rows_of(lists))
    assert made.apply(rows_of(lists), np.arange(2)).tolist() == [[-3.0, 2.0**63], [0.0, 0.0]]


@pytest.mark.parametrize("number", [-1, (1 << 31) - 1, 1 << 40])
def test_what_is_no_id_is_told_with_its_row(number):
    made = PadSequences().partial_fit(rows_of([[1], [2]]))
    with pytest.raises(DataError, match=rf"'x' holds {number:,} \(row 3 of those learned from\), "):
        made.partial_fit(rows_of([[1], [5, number]]))
    with pytest.raises(DataError, match=r"\(row 0 of this batch\), .*output='dense'"):
        made.apply(rows_of([[number]]), np.array([0]))


def test_an_id_that_training_never_reached_is_padding_or_an_error():
    rows, later = rows_of([[1, 3]]), rows_of([[4, 3, 99]])
    assert PadSequences(length=3).fit(rows).apply(later, np.array([0])).tolist() == [[0, 3, 0]]
    with pytest.raises(DataError, match=r"the id 4 \(row 0 of .*\), and the greatest to train on was 3"):
        PadSequences(unknown="error").fit(rows).apply(later, np.array([0]))


def test_every_row_without_ids_is_told_by_its_place_among_those_asked_for():
    made = PadSequences(unknown="error").fit(rows_of([[1, 3]]))
    assert made.refuses
    assert not PadSequences(output="dense").fit(rows_of([[1, 3]])).refuses
    with pytest.raises(RowValueError) as error:
        made.apply(rows_of([[9, 8], [], [1], [2, 7], [4]]), np.array([4, 2, 0, 1, 0, 3]))
    assert error.value.places.tolist() == [0, 2, 4, 5]


def test_lists_without_a_number_are_rows_of_one_zero():
    made = PadSequences().fit(rows_of([[], []]))
    assert made.apply(rows_of([[], [7]]), np.arange(2)).tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 0}, "length must be an integer of at least 1"),
        ({"max_length": True}, "max_length must be"),
        ({"padding": "left"}, "padding must be pre or post"),
        ({"truncating": "left"}, "truncating must be"),
        ({"output": "sparse"}, "output must be auto or tokens or dense"),
        ({"unknown": "drop"}, "unknown must be zeros or error"),
        ({"standardize": 1}, "standardize must be True or False"),
        ({"output": "tokens", "standardize": False}, "no effect with output='tokens'"),
    ],
)
def test_what_cannot_be_is_refused(options, said):
    with pytest.raises(OptionError, match=said):
        PadSequences(**options)


def test_other_columns_are_refused_with_what_it_is_for():
    with pytest.raises(ColumnError, match="column 'x' holds numbers, and PadSequences is for lists"):
        PadSequences().check_kind("x", "int")
    with pytest.raises(ColumnError, match="for lists of integers"):
        PadSequences(output="tokens").check_kind("x", "floats")
    both = rows_of([[1]])
    both = Rows(num_rows=1, features=(), matrix=None, columns={**both.columns, "y": both.columns["x"]})
    with pytest.raises(ColumnError, match=r"2 columns of lists \('x', 'y'\)"):
        PadSequences().fit(both)
