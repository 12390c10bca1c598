"""Every value has its share of each part, or is kept together; folds divide all rows."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.errors import ColumnError, DataError, MemoryBudgetError, OptionError
from stoker.kernels.mixing import mix_many
from stoker.ledger import Ledger
from stoker.sources.strata import _ranks
from stoker.sources.views import View
from stoker.survey import survey


@pytest.fixture
def write(tmp_path):
    def make(values):
        path = tmp_path / "t.csv"
        path.write_text("x,kind\n" + "".join(f"{row},{value}\n" for row, value in enumerate(values)))
        return stoker.open(path, label="kind")

    return make


def ids(part, num_rows):
    view = part.view.bind(num_rows)
    return view.ids(0, view.num_rows)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=st.lists(st.integers(1, 1_500), min_size=2, max_size=5),
    fraction=st.floats(0.2, 0.8),
    seed=st.integers(0, 2**64 - 1),
)
def test_each_value_is_divided_by_the_rule_of_a_split(counts, fraction, seed, write):
    values = np.random.default_rng(0).permutation(np.repeat([f"v{n}" for n in range(len(counts))], counts))
    try:
        first, second = (
            ids(part, len(values)) for part in write(values).split(fraction, seed, stratify="kind")
        )
    except DataError:
        assert sum(round(fraction * count) for count in counts) in (0, len(values))
        return
    assert np.array_equal(np.sort(np.concatenate([first, second])), np.arange(len(values)))
    expected = []
    for value in set(values):
        rows = np.flatnonzero(values == value)
        for start in range(0, len(rows), 1_000):
            group = rows[start : start + 1_000]
            order = np.argsort(mix_many(np.uint64(seed), group.astype(np.uint64)))
            expected += group[order[: round(fraction * len(group))]].tolist()
    assert first.tolist() == sorted(expected)


def test_a_split_does_not_depend_on_other_values(write):
    some = ["a"] * 40 + ["b"] * 60
    first = ids(write(some).split(0.5, 3, stratify="kind")[0], 100)
    other = ids(write(some[:-20] + ["c"] * 20).split(0.5, 3, stratify="kind")[0], 100)
    assert np.array_equal(first[first < 40], other[other < 40])


@pytest.mark.parametrize("how", [{}, {"stratify": "kind"}, {"group": "kind"}])
def test_folds_divide_all_rows(how, write):
    values = [f"v{row % 37}" for row in range(1_300)]
    pairs = [(ids(train, 1_300), ids(fold, 1_300)) for train, fold in write(values).folds(5, seed=2, **how)]
    assert np.array_equal(np.sort(np.concatenate([fold for _, fold in pairs])), np.arange(1_300))
    for train, fold in pairs:
        assert np.array_equal(np.sort(np.concatenate([train, fold])), np.arange(1_300))


def test_stratified_folds_have_their_share_of_each_value(write):
    values = np.array(["often"] * 100 + ["seldom"] * 11 + ["once"])
    for _, fold in write(values).folds(5, stratify="kind"):
        counts = Counter(values[ids(fold, len(values))].tolist())
        assert counts["often"] == 20
        assert counts["seldom"] in (2, 3)


def test_values_that_are_seldom_are_spread_over_all_folds(write):
    values = [f"v{row}" for row in range(1_000)]
    sizes = [len(ids(fold, 1_000)) for _, fold in write(values).folds(4, stratify="kind")]
    assert max(sizes) - min(sizes) < 80


def test_grouped_folds_keep_values_together(write):
    values = np.array([f"v{row // 3}" for row in range(900)])
    folds = [set(values[ids(fold, 900)]) for _, fold in write(values).folds(4, seed=1, group="kind")]
    assert sum(map(len, folds)) == len(set(values))
    assert min(map(len, folds)) > 50


def test_folds_of_a_part_divide_the_part(write):
    train, _ = write(["a", "b"] * 500).split(0.7, seed=3)
    rows = ids(train, 1_000)
    for how in ({}, {"stratify": "kind"}):
        folds = [ids(fold, 1_000) for _, fold in train.folds(3, **how)]
        assert np.array_equal(np.sort(np.concatenate(folds)), rows)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda rows: rows.split(0.5, group="x", stratify="kind"), OptionError, "name one of them"),
        (lambda rows: rows.folds(3, group="x", stratify="kind"), OptionError, "name one of them"),
        (lambda rows: rows.folds(1), OptionError, "from 2 to 1,000, got 1"),
        (lambda rows: rows.folds(1, stratify="kind"), OptionError, "from 2 to 1,000, got 1"),
        (lambda rows: rows.folds(3, seed=-1), OptionError, "seed must be"),
        (
            lambda rows: rows.folds(3, stratify="knid"),
            ColumnError,
            "stratify=: column 'knid' is absent; did you mean 'kind'",
        ),
        (lambda rows: rows.split(0.5, stratify="knid"), ColumnError, "stratify=: column 'knid' is absent"),
        (lambda rows: rows.folds(3, group="knid"), ColumnError, "group=: column 'knid' is absent"),
        (lambda rows: rows.folds(9, group="kind"), DataError, "one part of the 20 rows is empty"),
        (lambda rows: rows.split(0.01, stratify="kind"), DataError, "one part of the 20 rows is empty"),
    ],
)
def test_what_cannot_be_divided_is_told(make, error, said, write):
    with pytest.raises(error, match=said):
        make(write(["a", "b"] * 10))


def test_recipes_tell_parts_apart(write):
    rows = write(["a", "b"] * 50)
    parts = [*rows.split(0.5, stratify="kind"), *rows.folds(2, stratify="kind")[0], *rows.folds(2)[0]]
    told = [str(part.view.describe()) for part in parts]
    assert len(set(told)) == len(told)
    assert rows.split(0.5, stratify="kind")[0].view == parts[0].view


@pytest.mark.parametrize(
    "values", [[f"v{row % 7}" for row in range(9_000)], [row // 6 for row in range(3_000)], ["a"] * 5_001]
)
def test_rows_are_ranked_alike_however_many_at_a_time(values, write, monkeypatch):
    source = write(values).take(np.arange(0, len(values), 3))
    before = [ids(part, len(values)).tolist() for part in source.split(0.7, 5, stratify="kind")]
    folds = [ids(part, len(values)).tolist() for _, part in source.folds(4, 5, stratify="kind")]
    monkeypatch.setattr("stoker.sources.strata._BLOCK_ROWS", 1_700)
    monkeypatch.setattr("stoker.sources.groups._BLOCK_ROWS", 100)
    assert [ids(part, len(values)).tolist() for part in source.split(0.7, 5, stratify="kind")] == before
    assert [ids(part, len(values)).tolist() for _, part in source.folds(4, 5, stratify="kind")] == folds


def test_what_chosen_rows_take_is_charged_while_they_are_surveyed(write):
    rows = write(["a", "b"] * 600).where("x >= 200")
    ledger = Ledger(1 << 26)
    survey(rows, ledger=ledger, stored=False)
    bits_and_counts = 5 * 32 + 6 * 8
    assert ledger.peaks_by_kind["row places"] == rows.view.bind(1_200).num_bytes == bits_and_counts


@pytest.mark.parametrize("values", [40, 1 << 40])
def test_ranking_rows_holds_less_than_fifty_bytes_for_each(values):
    hashes = np.random.default_rng(0).integers(0, values, 300_000).astype(np.uint64)
    view = View().bind(len(hashes))
    for _ in _ranks(View().bind(1_000), hashes[:1_000], 1):
        pass  # what is compiled on the way
    tracemalloc.start()
    try:
        for _ in _ranks(view, hashes, 1):
            pass
        assert tracemalloc.get_traced_memory()[1] < 42 * len(hashes) + (5 << 20)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("by", ["stratify", "group"])
def test_what_dividing_rows_takes_is_told_by_a_feed_of_them_and_bounded(by, write):
    rows = write([f"v{row % 40}" for row in range(3_000)])
    train, _ = rows.split(0.5, **{by: "kind"}, memory="200KB")
    peak = (50 if by == "stratify" else 26) * 3_000
    feed = stoker.Feed(train).prepare()
    assert feed.ledger.peaks_by_kind["dividing rows"] == peak
    assert feed.ledger.peak >= peak
    for divide in (lambda **held: rows.split(0.5, **held), lambda **held: rows.folds(3, **held)):
        with pytest.raises(
            MemoryBudgetError, match=r"3,000 rows or more cannot be divided by 'kind'.*memory='1MB'"
        ):
            divide(**{by: "kind"}, memory="50KB")
        with pytest.raises(OptionError, match="memory has no effect without"):
            divide(memory="1GB")


@pytest.mark.parametrize("by", ["stratify", "group"])
@pytest.mark.parametrize("values", [40, 60_000])
def test_dividing_rows_holds_no_more_than_it_says(by, values, tmp_path):
    draw = np.random.default_rng(0).integers(0, values, 200_000)
    pq.write_table(pa.table({"kind": draw, "y": draw % 2}), tmp_path / "t.parquet")
    rows = stoker.open(tmp_path / "t.parquet", label="y")
    rows.split(0.5, **{by: "kind"})  # what is compiled on the way
    tracemalloc.start()
    try:
        part, _ = rows.split(0.5, **{by: "kind"})
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < part.view.steps[0].peak_bytes + (8 << 20)
