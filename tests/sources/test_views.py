import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import OptionError
from stoker.kernels.mixing import mix_many
from stoker.sources.steps import RankStep
from stoker.sources.views import FoldSpec, HeadSpec, ShardSpec, SplitSpec, TakeSpec, View


def split_by_sorting(total: int, fraction: float, seed: int, part: int) -> np.ndarray:
    """DESIGN's rule, word for word."""
    kept = []
    for first in range(0, total, 1_000):
        group = np.arange(first, min(total, first + 1_000))
        order = np.argsort(mix_many(np.uint64(seed), group.astype(np.uint64)), kind="stable")
        count = round(fraction * len(group))
        kept.append(np.sort(group[order[:count] if part == 0 else order[count:]]))
    return np.concatenate(kept) if kept else np.empty(0, np.int64)


@pytest.mark.parametrize("total", [0, 1, 7, 999, 1_000, 1_001, 12_345])
@pytest.mark.parametrize("fraction", [0.9, 0.5, 0.0004, 0.9999])
def test_a_split_takes_the_smallest_hashes_of_each_thousand(total, fraction):
    for part in (0, 1):
        view = View().then(SplitSpec(fraction=fraction, seed=7, part=part)).bind(total)
        expected = split_by_sorting(total, fraction, 7, part)
        assert np.array_equal(view.ids(0, view.num_rows), expected)
        assert np.array_equal(np.flatnonzero(view.mask(0, total)), expected)


@pytest.mark.parametrize(("total", "count"), [(0, 2), (3, 5), (999, 3), (2_500, 10), (1_200, 1_000)])
def test_folds_divide_each_thousand_by_the_ranks_of_hashes(total, count):
    groups = [np.arange(first, min(total, first + 1_000)) for first in range(0, total, 1_000)]
    orders = [np.argsort(mix_many(np.uint64(7), group.astype(np.uint64)), kind="stable") for group in groups]
    for index in {0, count // 2, count - 1}:
        chosen = [
            group[order[index * len(group) // count : (index + 1) * len(group) // count]]
            for group, order in zip(groups, orders, strict=True)
        ]
        expected = np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))
        held, others = (
            View().then(FoldSpec(count=count, index=index, seed=7, part=part)).bind(total) for part in (0, 1)
        )
        assert np.array_equal(held.ids(0, held.num_rows), expected)
        assert np.array_equal(others.ids(0, others.num_rows), np.setdiff1d(np.arange(total), expected))


def test_a_split_is_pinned():
    view = View().then(SplitSpec(fraction=0.9, seed=7, part=1)).bind(3_000)
    assert view.ids(0, 12).tolist() == PINNED
    assert view.num_rows == 300


PINNED = [5, 12, 24, 33, 48, 61, 63, 64, 66, 68, 72, 96]


@pytest.mark.parametrize(
    "spec", [SplitSpec(fraction=0.8, seed=3, part=0), FoldSpec(count=7, index=3, seed=3, part=0)]
)
def test_a_part_without_a_table_is_the_same(spec):
    for part in (0, 1):
        ranks = spec.ranks
        with_table = RankStep(5_432, ranks, 3, part)
        without = RankStep(5_432, ranks, 3, part, table_limit=0)
        ordinals = np.random.default_rng(1).permutation(with_table.size)
        parents = np.arange(5_432)
        assert np.array_equal(with_table.up(ordinals), without.up(ordinals))
        for left, right in zip(with_table.down(parents), without.down(parents), strict=True):
            assert np.array_equal(left, right)


def step_strategy():
    splits = st.builds(
        lambda fraction, seed, part: SplitSpec(fraction=fraction, seed=seed, part=part),
        st.floats(0.05, 0.95),
        st.integers(0, 2**64 - 1),
        st.integers(0, 1),
    )
    shards = st.integers(1, 5).flatmap(
        lambda count: st.builds(lambda index: ShardSpec(index=index, count=count), st.integers(0, count - 1))
    )
    takes = st.sets(st.integers(0, 60), max_size=20).map(lambda chosen: TakeSpec.of(sorted(chosen)))
    heads = st.builds(lambda count: HeadSpec(count=count), st.integers(1, 200))
    folds = st.builds(
        lambda count, seed, part: FoldSpec(count=count, index=count // 2, seed=seed, part=part),
        st.integers(2, 9),
        st.integers(0, 9),
        st.integers(0, 1),
    )
    return st.one_of(splits, folds, shards, heads, takes)


@settings(max_examples=examples(120))
@given(steps=st.lists(step_strategy(), max_size=3), total=st.integers(0, 4_000), data=st.data())
def test_views_of_views_agree_with_lists(steps, total, data):
    excluded = np.array(sorted(data.draw(st.sets(st.integers(0, max(0, total - 1)), max_size=30))), np.int64)
    excluded = excluded[excluded < total]
    members, view = np.arange(total), View()
    for step in steps:
        if isinstance(step, TakeSpec) and len(step.indices) and step.indices[-1] >= len(members):
            with pytest.raises(OptionError, match="only"):
                view.then(step).bind(total)
            return
        if isinstance(step, SplitSpec):
            chosen = split_by_sorting(len(members), step.fraction, step.seed, step.part)
        elif isinstance(step, FoldSpec):
            bound = View().then(step).bind(len(members))
            chosen = bound.ids(0, bound.num_rows)
        elif isinstance(step, ShardSpec):
            bounds = [place * len(members) // step.count for place in (step.index, step.index + 1)]
            chosen = np.arange(*bounds)
        elif isinstance(step, HeadSpec):
            chosen = np.arange(min(step.count, len(members)))
        else:
            chosen = step.indices
        members, view = members[chosen], view.then(step)
    members = members[~np.isin(members, excluded)]
    bound = view.bind(total, excluded)
    assert bound.num_rows == len(members)
    assert np.array_equal(bound.ids(0, len(members)), members)
    shuffled = np.random.default_rng(0).permutation(len(members))
    assert np.array_equal(bound.ids_of(shuffled), members[shuffled])
    assert np.array_equal(
        bound.contains(np.arange(-2, total + 2)), np.isin(np.arange(-2, total + 2), members)
    )


def test_parts_of_a_split_are_a_partition():
    first, second = (View().then(SplitSpec(fraction=0.7, seed=1, part=part)).bind(9_999) for part in (0, 1))
    both = np.concatenate([first.ids(0, first.num_rows), second.ids(0, second.num_rows)])
    assert np.array_equal(np.sort(both), np.arange(9_999))


def test_membership_ignores_bad_rows():
    spec = SplitSpec(fraction=0.5, seed=1, part=0)
    clean, bad = View().then(spec).bind(1_000), View().then(spec).bind(1_000, np.array([3, 500]))
    assert set(clean.ids(0, clean.num_rows)) - {3, 500} == set(bad.ids(0, bad.num_rows))


def test_descriptions_are_plain_and_tell_views_apart():
    views = [
        View(),
        View().then(SplitSpec(fraction=0.5, seed=1, part=0)),
        View().then(SplitSpec(fraction=0.5, seed=1, part=1)),
        View().then(TakeSpec.of([1, 2])),
        View().then(TakeSpec.of([1, 3])),
        View().then(ShardSpec(index=0, count=2)),
    ]
    assert len({json.dumps(view.describe()) for view in views}) == len(views)
    assert views[3] == View().then(TakeSpec.of(np.array([2, 1])))
    assert len(set(views)) == len(views)


def test_positions_beyond_the_view_are_refused():
    with pytest.raises(OptionError, match=r"\[0, 10\)"):
        View().bind(10).ids_of(np.array([10]))


@pytest.mark.parametrize("fraction", [0, 1, 1.5, -0.1, "0.5", True, float("nan")])
def test_a_fraction_lies_between_0_and_1(fraction):
    with pytest.raises(OptionError, match="fraction"):
        SplitSpec(fraction=fraction, seed=0, part=0)


@pytest.mark.parametrize("count", [0, 1, 1_001, 2.0, True])
def test_folds_are_two_to_a_thousand(count):
    with pytest.raises(OptionError, match="from 2 to 1,000"):
        FoldSpec(count=count, index=0, seed=0, part=0)


def test_seeds_and_shards_are_checked():
    with pytest.raises(OptionError, match="seed"):
        SplitSpec(fraction=0.5, seed=-1, part=0)
    with pytest.raises(OptionError, match=r"got 2 of 2"):
        ShardSpec(index=2, count=2)


def test_a_head_beyond_the_end_is_everything():
    assert View().then(HeadSpec(count=5)).bind(3).ids(0, 3).tolist() == [0, 1, 2]
    with pytest.raises(OptionError, match="from 1 on, got 0"):
        HeadSpec(count=0)


def test_take_names_what_it_cannot_take():
    with pytest.raises(OptionError, match="row 4 twice"):
        TakeSpec.of([4, 1, 4])
    with pytest.raises(OptionError, match="flatnonzero"):
        TakeSpec.of(np.array([True, False]))
    with pytest.raises(OptionError, match="from 0 on, got -1"):
        TakeSpec.of([-1])


@pytest.mark.parametrize("excluded", [[3, 3], [5, 2], [-1, 4], [9, 10]])
def test_excluded_ids_ascend_within_the_slots(excluded):
    with pytest.raises(ValueError, match="excluded ids must"):
        View().bind(10, np.array(excluded))
