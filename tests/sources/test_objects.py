"""Rows that another library holds are sources like files."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from held_sources import Items, Streamed, require_installed
from property_examples import examples
from reading import column, dense, index_of
from stoker.errors import ColumnError, DataError, OptionError
from stoker.sources import Source

ROWS = 3_000
RNG = np.random.default_rng(3)
COLUMNS = {
    "a": RNG.normal(size=ROWS),
    "b": RNG.integers(0, 9, ROWS),
    "y": np.array(["no", "yes"])[RNG.integers(0, 2, ROWS)],
}


TABLE = pa.table(COLUMNS)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


HELD: dict[str, Any] = {
    "a pandas frame": lambda: pd.DataFrame(COLUMNS),
    "a Polars frame": lambda: pl.DataFrame(COLUMNS),
    "an Arrow table": lambda: pa.table(COLUMNS),
    "an Arrow table in chunks": lambda: pa.concat_tables(
        [pa.table(COLUMNS).slice(0, 7), pa.table(COLUMNS).slice(7)]
    ),
    "a mapping": lambda: COLUMNS,
    "an Arrow stream": lambda: Streamed(pa.table(COLUMNS)),
    "a stream that is read once": lambda: pa.table(COLUMNS).to_reader(),
    "a data set of mappings": lambda: Items(
        lambda place: {name: values[place] for name, values in COLUMNS.items()}, ROWS
    ),
    "a data set of pairs": lambda: Items(
        lambda place: (np.array([COLUMNS["a"][place], COLUMNS["b"][place]]), str(COLUMNS["y"][place])), ROWS
    ),
}


@pytest.fixture(params=sorted(HELD))
def held(request) -> Source:
    label = "label" if "pairs" in request.param else "y"
    return stoker.open(HELD[request.param](), label=label)


def test_a_feed_gives_their_rows(held, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    feed = stoker.Feed(held, transform=stoker.Cast(), batch_size=500)
    batches = list(feed.epoch(0))
    ids = np.concatenate([batch.ids for batch in batches])
    x, y = (np.concatenate([getattr(batch, name) for batch in batches]) for name in ("x", "y"))
    assert sorted(ids.tolist()) == list(range(ROWS))
    assert np.array_equal(x, np.stack([COLUMNS["a"], COLUMNS["b"]], axis=1).astype(np.float32)[ids])
    assert np.array_equal(y == 1, COLUMNS["y"][ids] == "yes")


def test_views_are_those_of_files(held):
    train, valid = held.split(0.9, seed=1)
    assert train.view.bind(ROWS, np.empty(0, np.int64)).num_rows == ROWS * 9 // 10
    assert valid.describe() != train.describe()


@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False) | st.none(), st.text(max_size=5) | st.none()
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=examples(40))
def test_values_and_blanks_are_those_of_pandas(rows):
    frame = pd.DataFrame({"x": [x for x, _ in rows], "t": [t for _, t in rows]}).astype(
        {"x": float, "t": object}
    )
    source = stoker.open(frame, types={"x": "float", "t": "text"})
    (chunk,) = source.chunks(1 << 20)
    parsed = source.parse(chunk)
    assert np.array_equal(dense(parsed.rows)[:, 0], frame["x"].to_numpy(), equal_nan=True)
    assert column(parsed.rows, "t") == [t or "" for _, t in rows]
    assert len(parsed.issues) == sum(x is None for x, _ in rows)


def test_an_array_has_numbered_columns():
    source = stoker.open(np.arange(24.0).reshape(4, 3, 2), label="#5")
    assert source.features == ("#0", "#1", "#2", "#3", "#4")
    index, dtype = index_of(source)
    assert dense(source.reader(index, None, dtype).read(np.array([1, 3]))).tolist() == [
        [6, 7, 8, 9, 10],
        [18, 19, 20, 21, 22],
    ]


def tensors(values) -> pa.Array:
    return pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(values))


def test_arrays_in_each_row_are_columns_that_keep_their_shape():
    images = np.arange(7 * 2 * 3, dtype=np.uint8).reshape(7, 2, 3)
    table = pa.table({"image": tensors(images), "y": [0, 1, 0, 1, 0, 1, 0]}).slice(1)
    rows = stoker.open(table, label="y")
    assert rows.features == tuple(f"image[{place}]" for place in range(6))
    feed = stoker.Feed(rows, transform=stoker.Cast(), batch_size=4, shuffle=False)
    assert np.array_equal(np.concatenate([batch.x for batch in feed.epoch(0)]), images[1:])
    lists = stoker.open(table, label="y", types={"image": "ints"})
    assert column(lists.peek(2), "image")[:2] == images[1:3].reshape(2, 6).tolist()


def test_a_row_without_an_array_is_one_of_blanks():
    images = tensors(np.arange(8.0).reshape(2, 2, 2)).take(pa.array([1, None, 0]))
    source = stoker.open(
        pa.table({"image": images}), types={f"image[{place}]": "float" for place in range(4)}
    )
    (chunk,) = source.chunks(1 << 20)
    parsed = source.parse(chunk)
    assert dense(parsed.rows)[[0, 2]].tolist() == [[4, 5, 6, 7], [0, 1, 2, 3]]
    assert len(parsed.issues) == 4


def test_a_list_of_mappings_is_a_table():
    source = stoker.open([{"x": 1.5, "y": 0}, {"x": 2.5, "y": 1}], label="y")
    assert dense(source.peek(2)).tolist() == [[1.5], [2.5]]


def test_tensors_are_taken_for_arrays():
    class Tensor:
        def numpy(self):
            return np.array([1.0, 2.0], np.float32)

    source = stoker.open(Items(lambda place: (Tensor(), place % 2), 10), label="label")
    assert dense(source.peek(1)).tolist() == [[1.0, 2.0]]


def test_a_stream_that_is_read_once_says_what_to_do_when_it_is_read_again():
    source = stoker.open(pa.table(COLUMNS).to_reader(), label="y")
    assert sum(chunk.num_records for chunk in source.chunks(1 << 20)) == ROWS
    with pytest.raises(DataError, match=r"cannot be read again: give what makes it anew.*stoker\.convert"):
        list(source.chunks(1 << 20))


def test_an_item_unlike_the_first_is_named():
    source = stoker.open(Items(lambda place: {"x": np.zeros(2 + (place == 7)), "y": 0}, 9), label="y")
    with pytest.raises(DataError, match=r"item 7 of the data set has the shapes .*\(3,\)"):
        list(source.chunks(1 << 20))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (1, 0.5, "'x' of item 1 of the data set is float64, and of item 0 int64"),
        (True, 2, "is int64, and of item 0 bool"),
        (np.int8(1), 300, "is int64, and of item 0 int8"),
        (np.uint64(1), -1, "is int64, and of item 0 uint64"),
        (1, "a", "is str.*, and of item 0 int64"),
        ("a", 1, "is int64, and of item 0 str"),
        ("a", b"b", "is bytes.*, and of item 0 str"),
    ],
)
def test_an_item_of_a_type_that_the_first_does_not_hold_is_named_with_both(first, second, said):
    source = stoker.open(Items(lambda place: {"x": second if place else first, "y": 0}, 3), label="y")
    with pytest.raises(DataError, match=said):
        list(source.chunks(1 << 20))


@pytest.mark.parametrize(
    ("first", "second", "read"),
    [(0.5, 3, 3.0), (np.float32(0.5), True, 1.0), (2, True, 1), (np.int8(1), 100, 100)],
)
def test_an_item_of_a_type_that_the_first_holds_is_taken(first, second, read):
    source = stoker.open(Items(lambda place: {"x": second if place else first, "y": 0}, 3), label="y")
    assert dense(source.peek(3))[:, 0].tolist() == [first, read, read]


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        (pd.DataFrame({"x": []}), DataError, "the frame has no rows"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), OptionError, "several columns 'x'"),
        (pd.DataFrame({"x": [1, "a"]}), DataError, "values of one kind"),
        ({"x": [1], "z": [1, 2]}, DataError, "columns of equal length"),
        (np.array(["a"]), DataError, "expected an array of numbers"),
        (Items(lambda place: (1, 2, 3), ROWS), ColumnError, "has 3 parts: give two"),
        (Items(lambda place: {"x": object()}, ROWS), DataError, "'x' of item 0 of the data set is object"),
        (Items(lambda place: 0, 0), DataError, "has no items"),
        (3.5, OptionError, "got float"),
        (b"train.csv", OptionError, "a path is text, got bytes"),
        (pd.Series([1, 2]), OptionError, r"a Series has values and no columns.*to_frame"),
        (pl.LazyFrame({"x": [1]}), OptionError, r"no rows yet: give rows\.collect\(\)"),
        (pl.Series([1, 2]), OptionError, r"a Series has values and no columns.*to_frame"),
        ((np.ones((3, 2)), np.ones(3)), OptionError, "give a mapping with the label among them"),
        (pa.chunked_array([[1, 2]]), OptionError, "a ChunkedArray has values and no columns"),
    ],
)
def test_what_is_no_table_is_told(rows, error, said):
    with pytest.raises(error, match=said):
        stoker.open(rows)


@pytest.mark.parametrize("options", [{"label": 2}, {"drop": [np.int64(2)]}, {"types": {2: "float"}}])
def test_a_number_is_no_name_of_a_column_and_the_name_is_told(options):
    frame = pd.DataFrame(np.ones((3, 3)))
    with pytest.raises(OptionError, match=r"string, got .*2.*; write '2' for the column of a frame"):
        stoker.open(frame, **options)
    source = stoker.open(frame, label="2")
    assert source.features == ("0", "1")
    for divided in ({"group": 1}, {"stratify": 1}):
        with pytest.raises(OptionError, match=r"(group|stratify): a column's name .* got 1; write '1' for"):
            source.split(0.5, **divided)


def test_options_of_files_have_no_effect():
    with pytest.raises(OptionError, match="delimiter has no effect on rows in memory"):
        stoker.open(pa.table(COLUMNS), delimiter=",")
    with pytest.raises(OptionError, match="format has no effect on rows in memory"):
        stoker.open(pa.table(COLUMNS), format="csv")


def test_rows_in_memory_have_no_name_but_their_own(held, tmp_path):
    assert held.like(held.paths, with_label=True).features == held.features
    with pytest.raises(OptionError, match="cannot be opened by a name"):
        held.table.like(("arrow://other",), with_label=True)
    with pytest.raises(DataError, match="no such file"):
        held.like(tmp_path / "rows.csv", with_label=True)


@pytest.mark.parametrize(
    ("module", "path"),
    [("__main__", "python://Items"), ("my_data.items", "python://Items"), ("shop.items", "shop://Items")],
)
def test_rows_are_found_by_their_name_whatever_module_their_class_is_of(module, path, monkeypatch):
    monkeypatch.setattr(Items, "__module__", module)
    source = stoker.open(Items(lambda place: {"x": float(place), "y": 0}, 3), label="y")
    assert source.paths == (path,)
    assert source.like(path, with_label=True).peek(3).num_rows == 3


HUGGING_FACE = """
import datasets, stoker
from stoker.errors import OptionError
made = datasets.Dataset.from_dict({"x": [float(row) for row in range(100)], "y": [0, 1] * 50})
chosen = stoker.open(made.select(range(10, 20)), label="y")
assert chosen.peek(3).matrix.values[:3].tolist() == [10, 11, 12], chosen.peek(3)
streamed = stoker.open(made.to_iterable_dataset(), label="y")
assert streamed.random_access == "stream"
assert sum(chunk.num_records for chunk in streamed.chunks(1 << 20)) == 100
features = datasets.Features(
    image=datasets.Array2D((2, 3), "uint8"),
    signal=datasets.Array2D((None, 2), "float32"),
    y=datasets.Value("int8"),
)
items = {
    "image": [[[row, 1, 2], [3, 4, row]] for row in range(9)],
    "signal": [[[row, 0.5]] * row for row in range(9)],
}
shaped = datasets.Dataset.from_dict({**items, "y": [0, 1, 0] * 3}, features)
pixels = stoker.open(shaped.select(range(3, 9)), label="y", drop=["signal"])
feed = stoker.Feed(pixels, transform=stoker.Cast(), batch_size=6, shuffle=False)
assert next(feed.epoch(0)).x.tolist() == items["image"][3:], next(feed.epoch(0)).x
for held in (shaped, shaped.to_iterable_dataset()):
    signals = stoker.open(held, label="y", columns=["signal"])
    assert signals.peek(3).columns["signal"].to_pylist()[:3] == [[], [1, 0.5], [2, 0.5, 2, 0.5]]
try:
    stoker.open(datasets.DatasetDict(train=made, test=made), label="y")
except OptionError as error:
    assert "('train', 'test'): open one of them, rows['train']" in str(error), error
else:
    raise AssertionError("a DatasetDict was opened")
"""

TORCH = """
import stoker, torch
from torch.utils.data import Dataset, TensorDataset

class Named(Dataset):
    def __len__(self):
        return 50

    def __getitem__(self, place):
        return {"x": torch.tensor([place, -place]), "y": place % 3}

pairs = stoker.open(TensorDataset(torch.arange(20.0).reshape(10, 2), torch.arange(10) % 2), label="label")
assert [column.name for column in pairs.columns] == ["#0", "#1", "label"]
assert [batch.x.tolist() for batch in stoker.Feed(pairs, transform=stoker.Cast(), batch_size=5, shuffle=False)
    .epoch(0)] == torch.arange(20.0).reshape(2, 5, 2).tolist()
assert stoker.open(Named(), label="y").peek(2).num_rows == 2
"""


@pytest.mark.parametrize(("library", "script"), [("datasets", HUGGING_FACE), ("torch", TORCH)])
def test_data_sets_of_other_libraries_are_read(library, script, tmp_path):
    require_installed(library)
    # In a process of its own: a folder of the tests has the name of one of them.
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, timeout=100)
