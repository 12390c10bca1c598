"""Numbers keep the width of their file where nothing is lost by it: half the bytes, the same results."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import dense, index_of
from stoker.sources.number_columns import side_by_side
from stoker.survey import survey

FLOATS = st.lists(st.none() | st.floats(width=32, allow_infinity=False), min_size=1, max_size=9)
INTEGERS = st.none() | st.integers(-300, 40_000)


def matrix_of(source: stoker.Source) -> np.ndarray:
    index, dtype = index_of(source)
    rows = source.reader(index, dtype=dtype).read(np.arange(index.num_records))
    assert rows.matrix is not None
    assert rows.matrix.values.dtype == dtype
    return dense(rows)


@pytest.mark.parametrize(
    ("columns", "dtype"),
    [
        ({"x": pa.array([1.5, None], pa.float32())}, "float32"),
        ({"x": pa.array([1.5, 2], pa.float16()), "n": [1, -7]}, "float32"),
        ({"x": pa.array([1.5, 2], pa.float32()), "n": [1, 40_000]}, "float64"),
        ({"x": pa.array([1.5, 2], pa.float32()), "z": [0.5, 1]}, "float64"),
        ({"n": pa.array([1, None], pa.int64())}, "float32"),
        ({"n": pa.array([1, None, 1 << 20])}, "float64"),
        ({"yes": [True, None]}, "float32"),
        ({"n": pa.array([None, 5], pa.uint8())}, "float32"),
        ({"n": [1, 200]}, "uint8"),
    ],
)
def test_the_matrix_is_as_wide_as_its_widest_column(tmp_path, columns, dtype):
    table = pa.table(columns)
    pq.write_table(table.append_column("y", pa.array(np.arange(len(table)) % 2)), tmp_path / "t.parquet")
    source = stoker.open(tmp_path / "t.parquet", label="y")
    assert survey(source, role="predict", na="mean").dtype == dtype
    expected = [[np.nan if value is None else value for value in row.values()] for row in table.to_pylist()]
    assert np.array_equal(matrix_of(source), np.array(expected), equal_nan=True)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FLOATS, min_size=1, max_size=3), st.data(), st.integers(1, 4))
def test_statistics_and_values_are_those_of_float64(tmp_path, chunks, data, rows):
    x = [value for chunk in chunks for value in chunk]
    n = data.draw(st.lists(INTEGERS, min_size=len(x), max_size=len(x)))
    found = []
    for kind in (pa.float32(), pa.float64()):
        table = pa.table({"x": pa.array(x, kind), "n": pa.array(n, pa.int32())})
        pa.feather.write_feather(table, tmp_path / "t.arrow", chunksize=rows, compression="uncompressed")
        source = stoker.open(tmp_path / "t.arrow")
        seen = survey(source, role="predict", na="zero", stored=False)
        found.append((seen.statistics.state(), matrix_of(source)))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1], equal_nan=True)


@settings(max_examples=examples(50))
@given(
    st.lists(
        st.sampled_from(
            [("float32", 2.5), ("float64", 0.1), ("int64", 7), ("int64", 9_000), ("int64", 70_000)]
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["uint8", "int16", "int32", "int64", "float32", "float64"]),
)
def test_what_was_found_before_only_widens_the_type(columns, hint):
    arrays = [np.array([value, 0], kind) for kind, value in columns]
    plain = side_by_side(arrays, 2, np.dtype(np.uint8))
    hinted = side_by_side(arrays, 2, np.dtype(hint))
    assert hinted.dtype == np.promote_types(plain.dtype, hint)
    assert np.array_equal(plain, hinted)


def test_a_cache_and_batches_of_float32_are_half_as_large_and_equal(tmp_path):
    values = np.random.default_rng(0).normal(size=(3_000, 4)).astype(np.float32)
    batches, sizes = [], []
    for kind in (np.float32, np.float64):
        folder = tmp_path / np.dtype(kind).name
        folder.mkdir()
        columns = {f"c{place}": values[:, place].astype(kind) for place in range(4)}
        pq.write_table(pa.table({**columns, "y": np.arange(3_000) % 2}), folder / "t.parquet")
        rows = stoker.open(folder / "t.parquet", label="y")
        feed = stoker.Feed(rows, batch_size=100, seed=3, memory="64MB", cache="always")
        feed.prepare()
        batches.append(np.concatenate([batch.x for batch in feed.epoch(0)]))
        feed.close()
        sizes.append(sum(file.stat().st_size for file in folder.glob(".stoker/**/*.arrow")))
    assert np.array_equal(*batches)
    assert sizes[1] - sizes[0] == pytest.approx(3_000 * 4 * 4, abs=2_000)


@pytest.mark.parametrize(
    ("name", "kind"), [("o.parquet", "float"), ("o.arrow", "float"), ("o.csv", "double")]
)
def test_float32_is_converted_to_float32_where_the_format_has_it(tmp_path, name, kind):
    x = pa.array([0.1, None, 2.5], pa.float32())
    pq.write_table(pa.table({"x": x, "big": [1, 2, 1 << 40]}), tmp_path / "t.parquet")
    report = stoker.convert(stoker.open(tmp_path / "t.parquet"), tmp_path / name)
    assert report.columns == (("x", kind), ("big", "int64"))
    assert np.nan_to_num(matrix_of(stoker.open(tmp_path / name))[:, 0]).tolist() == [np.float32(0.1), 0, 2.5]


def test_arrays_of_float32_stay_so(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    assert survey(stoker.open(tmp_path / "x.npy"), role="predict").dtype == "float32"
