"""Rows kept as bits are those kept as numbers: the same places, the same digest, in less memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.errors import ChangedDataError, OptionError
from stoker.sources.bits import BitSpec
from stoker.sources.views import TakeSpec, View


@given(st.integers(1, 3_000), st.sampled_from([0.01, 0.5, 0.99]), st.integers(0, 9))
def test_places_are_those_of_numbers(count, share, seed):
    draw = np.random.default_rng(seed)
    chosen = draw.random(count) < share
    chosen[draw.integers(count)] = True
    spec, plain = BitSpec.of(chosen, "x > 1"), TakeSpec.of(np.flatnonzero(chosen))
    step, expected = spec.bind(count), plain.bind(count)
    own = draw.integers(0, expected.size, 50)
    assert np.array_equal(step.up(own), expected.up(own))
    parents = draw.integers(0, count, 50)
    for found, known in zip(step.down(parents), expected.down(parents), strict=True):
        inside = expected.down(parents)[1]
        assert np.array_equal(found[inside], known[inside])
    assert np.array_equal(step.down(parents)[1], chosen[parents])
    assert (step.size, spec.count) == (expected.size, plain.count)
    assert spec.describe()["sha256"] == plain.describe()["sha256"]


def test_many_rows_take_a_bit_and_a_quarter_each():
    count = 3 << 20
    step = BitSpec.of(np.arange(count) % 3 == 1, "x > 1").bind(count)
    assert step.num_bytes * 8 < 1.26 * count
    ordinals = np.arange(1_000_000, 1_020_000)
    assert np.array_equal(step.up(ordinals), 3 * ordinals + 1)


@pytest.mark.parametrize("count", [699, 702])
def test_other_rows_than_were_chosen_among_are_refused(count):
    chosen = np.arange(701) == 698
    view = View().then(BitSpec.of(chosen, "x > 1"))
    with pytest.raises(ChangedDataError, match=f"there were 701 rows when .* and now there are {count}"):
        view.bind(count)
    assert view.bind(count, are_counted=False).num_rows == 1


def test_rows_beyond_the_end_are_refused():
    with pytest.raises(OptionError, match="row 700 was chosen, and there are only 700 rows"):
        BitSpec.of(np.arange(701) == 700, "x > 1").bind(700)
