"""Small searches agree with NumPy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.lookup import extremes, index_sorted

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 12)


@given(st.lists(NUMBERS, min_size=1, max_size=50))
def test_extremes_are_least_and_greatest(numbers):
    assert extremes(np.array(numbers, np.int64)) == (min(numbers), max(numbers))


@given(known=st.sets(NUMBERS, max_size=20), others=st.lists(NUMBERS, max_size=20))
def test_each_value_finds_its_place_or_none(known, others):
    ordered = sorted(known)
    values = [*others, *ordered]
    found = np.empty(len(values), np.int32)
    misses = index_sorted(np.array(ordered, np.int64), np.array(values, np.int64), found)
    expected = [ordered.index(value) if value in known else -1 for value in values]
    assert found.tolist() == expected
    assert misses == expected.count(-1)
