"""What is frequent is found in bounded memory, with an error that is told."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.exploration.frequent import Frequent

pytestmark = pytest.mark.timeout(60)


def _summary(pieces, *, room, shown):
    seen = Frequent(room=room, shown=shown)
    for piece in pieces:
        counts = Counter(piece)
        keys = np.array(sorted(counts), np.uint64)
        seen.update(
            keys,
            np.array([counts[int(key)] for key in keys], np.int64),
            lambda places, keys=keys: [f"thing {keys[place]}" for place in places],
        )
        assert seen._keys.size <= room
        assert len(seen._names) <= 2 * shown
    return seen


def _pieces(draw_from, size):
    return st.lists(st.lists(draw_from, max_size=size), max_size=12)


@given(_pieces(st.integers(0, 30), 40), st.integers(1, 12), st.integers(1, 5))
def test_no_count_is_too_high_none_too_low_by_more_than_the_error_and_nothing_above_it_is_missing(
    pieces, room, shown
):
    seen = _summary(pieces, room=room, shown=shown)
    truth = Counter(key for piece in pieces for key in piece)
    ranked = seen.ranked()
    assert seen.total == truth.total() == ranked.total
    assert seen.error <= truth.total() / (room + 1)
    kept = dict(zip(seen._keys.tolist(), seen._counts.tolist(), strict=True))
    for key, count in truth.items():
        assert count - seen.error <= kept.get(key, 0) <= count
    for name, count in zip(ranked.names, ranked.counts, strict=True):
        assert kept[int(name.removeprefix("thing "))] == count


@given(_pieces(st.integers(0, 30), 40), st.integers(1, 5))
def test_where_everything_fits_the_ranking_is_exact_and_does_not_depend_on_the_pieces(pieces, shown):
    ranked = _summary(pieces, room=100, shown=shown).ranked()
    truth = Counter(key for piece in pieces for key in piece)
    assert ranked.error == 0
    assert ranked.distinct == len(truth)
    assert ranked.counts == tuple(sorted(truth.values(), reverse=True)[:shown])
    assert ranked == _summary([[key for piece in pieces for key in piece]], room=100, shown=shown).ranked()


def test_what_is_frequent_among_very_many_is_named_though_it_came_long_ago():
    rng = np.random.default_rng(1)
    early = [[7] * 500 + [8] * 300]
    noise = [rng.integers(1000, 10**12, 400).tolist() for _ in range(30)]
    ranked = _summary(early + noise, room=1000, shown=2).ranked()
    assert ranked.names == ("thing 7", "thing 8")
    assert ranked.distinct is None
    assert 500 - ranked.error <= ranked.counts[0] <= 500


def test_nothing_is_nothing():
    ranked = Frequent(room=10, shown=3).ranked()
    assert (ranked.names, ranked.counts, ranked.total, ranked.distinct, ranked.error) == ((), (), 0, 0, 0)
