"""Nested plain data come back from JSON as they were."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.checkpoints import pack, unpack
from stoker.errors import OptionError, RunError

leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(max_size=4), st.integers()), inner, max_size=3),
    ),
    max_leaves=12,
)


def through_json(value: Any) -> Any:
    arrays: dict[str, Any] = {}

    def keep(array: Any) -> str:
        arrays[f"a{len(arrays)}"] = array
        return f"a{len(arrays) - 1}"

    packed = msgspec.json.decode(msgspec.json.encode(pack(value, keep, what="it")))
    return unpack(packed, arrays)


@given(trees)
@settings(max_examples=examples(60))
def test_plain_data_come_back_equal_and_of_the_same_types(value):
    found = through_json(value)
    assert found == value
    assert repr(found) == repr(value)


def test_what_json_has_no_word_for_comes_back():
    found = through_json({"nan": float("nan"), "inf": -float("inf"), "$odd": 1, "huge": 1 << 127})
    assert np.isnan(found["nan"])
    assert (found["inf"], found["$odd"], found["huge"]) == (-float("inf"), 1, 1 << 127)


def test_arrays_and_scalars_keep_type_and_shape():
    found = through_json([np.arange(6, dtype=np.int16).reshape(2, 3), np.float32(1.5)])
    assert (found[0].dtype, found[0].shape) == (np.int16, (2, 3))
    assert (type(found[1]), found[1]) == (np.float32, 1.5)


def test_numbers_that_numpy_has_not_are_kept():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    (found,) = through_json([np.ones(3, ml_dtypes.bfloat16)])
    assert found.dtype == ml_dtypes.bfloat16
    with pytest.raises(OptionError, match="Mine holds a ndarray"):  # nobody could read them again
        pack(np.ones(2, ml_dtypes.float8_e3m4), lambda array: "", what="the callback Mine")


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array(["text"]), np.array([None])])
def test_what_is_no_plain_data_is_refused_by_type(value):
    with pytest.raises(OptionError, match=f"the callback Mine holds a {type(value).__name__}"):
        pack(value, lambda array: "", what="the callback Mine")


def test_data_within_themselves_are_refused():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(OptionError, match="within itself"):
        pack(value, lambda array: "", what="it")


@pytest.mark.parametrize(
    "packed", [{"$array": "absent"}, {"$float": "much"}, {"$call": "os.system"}, {"$int": 3}]
)
def test_what_nobody_packed_is_refused(packed):
    with pytest.raises(RunError, match="nobody wrote"):
        unpack(packed, {})
