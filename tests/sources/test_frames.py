"""Frames of pandas, however their columns are held and whatever their index is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import column, dense
from stoker.errors import DataError, OptionError
from stoker.sources.objects.tables import frame_units

ROWS = 10_000
RNG = np.random.default_rng(4)
PLAIN = pd.DataFrame(
    {
        "city": RNG.choice(["Rome", "Oslo", ""], ROWS),
        "price": RNG.normal(size=ROWS),
        "sold": RNG.integers(0, 2, ROWS),
    }
)


def read_of_row_groups(frame: pd.DataFrame, path: Any) -> pd.DataFrame:
    pq.write_table(pa.Table.from_pandas(frame), path, row_group_size=3_000)
    return pd.read_parquet(path, dtype_backend="pyarrow")


IN_PIECES = {
    "joined": lambda path: pd.concat([PLAIN[:7], PLAIN[7:5_000], PLAIN[5_000:]]),
    "of Arrow's types": lambda path: pd.concat(
        [PLAIN[:4_000].convert_dtypes(dtype_backend="pyarrow"), PLAIN[4_000:]]
    ),
    "of a file": lambda path: read_of_row_groups(PLAIN, path),
}


def batches_of(frame: pd.DataFrame) -> Iterator[pa.RecordBatch]:
    units = frame_units(frame)
    return units.batches(0, list(units.schema.names), units.piece_rows)


@pytest.mark.parametrize("how", IN_PIECES)
def test_columns_in_pieces_are_read_like_whole_ones(how, tmp_path):
    frame = IN_PIECES[how](tmp_path / "rows.parquet")
    found = pa.Table.from_batches(batches_of(frame)).to_pydict()
    assert found == {name: values.tolist() for name, values in PLAIN.items()}


def test_a_feed_of_columns_in_pieces_is_that_of_whole_ones(tmp_path):
    def feed_of(frame: pd.DataFrame) -> stoker.Feed:
        source = stoker.open(frame, label="sold")
        return stoker.Feed(source, transform="auto", batch_size=1_000, cache="never")

    whole, pieces = feed_of(PLAIN), feed_of(IN_PIECES["joined"](tmp_path))
    for left, right in zip(whole.epoch(0), pieces.epoch(0), strict=True):
        assert np.array_equal(left.ids, right.ids)
        assert np.array_equal(left.y, right.y)
        assert all(np.array_equal(left.x[name], right.x[name]) for name in left.x)


def test_categories_of_pieces_that_number_them_differently_are_told_apart():
    coded = [pa.array(texts).dictionary_encode() for texts in (["a", "b"], ["c", "b"])]
    frame = pd.DataFrame({"k": pd.arrays.ArrowExtensionArray(pa.chunked_array(coded)), "y": [0, 1, 0, 1]})
    assert column(stoker.open(frame, label="y").peek(4), "k") == ["a", "b", "c", "b"]


@given(st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=30), st.data())
@settings(max_examples=examples(40))
def test_texts_are_the_same_wherever_they_are_cut(texts, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=4)))
    parts = [texts[first:stop] for first, stop in zip([0, *cuts], [*cuts, len(texts)], strict=True)]
    series = pd.concat([pd.Series(part, dtype="str") for part in parts])
    (batch,) = batches_of(pd.DataFrame({"t": series}))
    assert batch.column("t").to_pylist() == texts


def test_an_index_with_a_name_is_a_column_as_in_parquet(tmp_path):
    frame = PLAIN.set_index(["city", "sold"])
    frame.to_parquet(tmp_path / "rows.parquet")
    written, held = (stoker.open(rows, label="sold") for rows in (tmp_path / "rows.parquet", frame))
    assert held.features == written.features == ("price", "city")
    assert column(held.peek(5), "city") == column(written.peek(5), "city") == PLAIN["city"].tolist()[:5]
    assert np.array_equal(held.peek(5).columns["sold"], written.peek(5).columns["sold"])


def test_numbers_of_rows_are_no_column_unless_they_have_a_name():
    assert stoker.open(PLAIN[PLAIN["price"] > 0], label="sold").features == ("city", "price")
    numbered = stoker.open(PLAIN.rename_axis(index="id"), label="sold", drop=["city"])
    assert numbered.features == ("price", "id")
    assert dense(numbered.peek(5))[:5, 1].tolist() == [0, 1, 2, 3, 4]


def test_an_index_that_is_a_column_already_is_no_second_one():
    assert stoker.open(PLAIN.set_index("city", drop=False), label="sold").features == ("city", "price")
    with pytest.raises(OptionError, match=r"other values in its index.*reset_index\('city', drop=True\)"):
        stoker.open(PLAIN.rename_axis(index="city"), label="sold")


@pytest.mark.slow
def test_a_run_finds_a_column_in_the_index_and_minds_no_other(tmp_path):
    feed = stoker.Feed(stoker.open(PLAIN, label="sold"), transform="auto", batch_size=5_000)
    stoker.fit(stoker.models.mlp(feed), feed, epochs=1, run=tmp_path / "run", progress="none")
    run, few = stoker.load(tmp_path / "run"), PLAIN.head(4)
    expected = run.predict(few)
    mixed = few.set_index(pd.Index([1, "a", None, 2.5], name="note"))
    for frame in (few.set_index("city"), few.set_index(["sold", "city"]), mixed):
        found = run.predict(frame)
        assert found.index.equals(frame.index)
        assert found.reset_index(drop=True).equals(expected)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"y": [0, 1], "m": [1, "a"]}), r"column 'm': .*one kind, for example with astype"),
        (pd.DataFrame({"y": [0, 1]}, index=pd.Index([1, "a"], name="i")), "column 'i': .*one kind"),
        (pd.DataFrame({"y": pd.arrays.SparseArray([0, 1])}), r"column 'y': .*sparse\.to_dense\(\)"),
    ],
)
def test_a_column_of_which_nothing_is_made_is_named(frame, said):
    with pytest.raises(DataError, match=said):
        stoker.open(frame)
