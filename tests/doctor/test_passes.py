"""What is told from fingerprints alone, against Python's own collections."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.doctor.passes import compare, earlier, first_pass, moved_targets, overlaps, repeats_with_lag
from stoker.doctor.record import KeptRows

pytestmark = pytest.mark.timeout(60)

few = st.lists(st.integers(0, 6), max_size=25)


def prints(values):
    return np.array(values, np.uint64)


@given(few, few)
def test_epochs_are_compared_as_counters_are(first, second):
    found = compare(prints(first), prints(second))
    mine, theirs = Counter(first), Counter(second)
    assert found.common == (mine & theirs).total()
    assert found.gone == (mine - theirs).total()
    assert found.new == (theirs - mine).total()


@given(few, few)
def test_the_first_new_row_is_the_first_that_came_more_often_than_before(first, second):
    held, place = Counter(first), -1
    for number, value in enumerate(second):
        held[value] -= 1
        if held[value] < 0:
            place = number
            break
    assert compare(prints(first), prints(second)).first_new == place


@given(few)
def test_earlier_is_the_nearest_equal_before(values):
    expected = [
        max((before for before in range(place) if values[before] == value), default=-1)
        for place, value in enumerate(values)
    ]
    assert earlier(prints(values)).tolist() == expected


@given(st.integers(20, 60), st.integers(0, 60), st.randoms(use_true_random=False))
def test_the_first_pass_is_found_where_enough_comes_again(length, more, random):
    second = list(range(length))
    random.shuffle(second)
    found = first_pass(earlier(prints([*range(length), *second[: min(more, length)]])))
    assert found in (None, length)
    if min(more, length) >= 6:
        assert found == length


def test_a_few_rows_that_the_data_hold_twice_make_no_pass():
    assert first_pass(earlier(prints([*range(100), 5]))) is None


def test_rows_drawn_at_random_make_no_pass():
    drawn = np.random.default_rng(0).integers(0, 100, 3_000).astype(np.uint64)
    assert first_pass(earlier(drawn)) is None


@given(few, st.integers(1, 9))
def test_repeating_with_a_lag_is_repeating_element_by_element(values, lag):
    expected = lag < len(values) and all(values[i] == values[i - lag] for i in range(lag, len(values)))
    assert repeats_with_lag(prints(values), lag) == expected


def test_overlaps_are_the_rows_at_a_border():
    rows, starts = prints([1, 2, 3, 3, 4, 5, 6, 7, 8, 7, 8, 9]), np.array([0, 3, 6, 9, 12])
    assert overlaps(rows, starts) == [(1, 1), (3, 2)]


@given(few, few)
def test_moved_targets_are_those_of_rows_that_came_once_in_each(first, second):
    x, y = [value % 4 for value in first], first
    other_x, other_y = [value % 4 for value in second], second
    mine, theirs = Counter(x), Counter(other_x)
    expected = [
        place
        for place, row in enumerate(other_x)
        if mine[row] == 1 and theirs[row] == 1 and y[x.index(row)] != other_y[place]
    ]
    found = moved_targets((prints(x), prints(y)), (prints(other_x), prints(other_y)))
    assert found.tolist() == expected


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=30), max_size=8), st.integers(1, 20))
def test_a_sample_holds_all_copies_of_a_row_or_none_and_never_more_than_the_limit(parts, limit):
    rows, stream = KeptRows(limit), []
    for part in parts:
        rows.add(prints(part), prints(part), len(stream))
        stream += part
    assert rows.x.size <= limit or rows.threshold == 1
    kept = [value for value in stream if value < rows.threshold]
    assert rows.x.tolist() == kept == rows.y.tolist()
    assert [stream[place] for place in rows.place.tolist()] == kept
