"""Sparse matrices that SciPy wrote: their rows as two columns of lists, and as the matrix again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import column, index_of
from stoker.errors import DataError
from stoker.sources import Source
from stoker.sources.arrays.numpy_files import matrix_of

NUM_ROWS = 5_000
WIDTH = 40


def matrix_and_labels() -> tuple[Any, np.ndarray]:
    draw = np.random.default_rng(4)
    matrix = sp.random(NUM_ROWS, WIDTH, 0.05, format="csr", random_state=4, dtype=np.float32)
    return matrix, draw.integers(0, 3, NUM_ROWS)


def pair(folder: Path, *, compressed: bool) -> Source:
    matrix, labels = matrix_and_labels()
    sp.save_npz(folder / "x.npz", matrix, compressed=compressed)
    np.save(folder / "y.npy", labels)
    return stoker.open(folder / "x.npz", label=str(folder / "y.npy"))


def one_file(folder: Path) -> Source:
    matrix, labels = matrix_and_labels()
    write(folder / "both.npz", matrix, y=labels)
    return stoker.open(folder / "both.npz", label="y")


def write(path: Path, matrix: Any, **changes: Any) -> Path:
    parts = {name: getattr(matrix, name) for name in ("indptr", "indices", "data")}
    np.savez(path, **{**parts, "shape": matrix.shape, "format": b"csr", **changes})
    return path


WRITTEN = {
    "a pair": lambda folder: pair(folder, compressed=False),
    "a compressed pair": lambda folder: pair(folder, compressed=True),
    "a file with labels": one_file,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_rows_are_those_of_the_matrix_wherever_the_labels_are(tmp_path, name):
    source, (matrix, labels) = WRITTEN[name](tmp_path), matrix_and_labels()
    kinds = [(spec.name, spec.kind) for spec in source.columns[:2]]
    assert kinds == [("x.indices", "ints"), ("x.values", "floats")]
    index, dtype = index_of(source)
    for ids in ([0, 1, 4_095, 4_096, NUM_ROWS - 1], [17], list(range(4_000, 4_200))):
        rows = source.reader(index, None, dtype).read(np.array(ids))
        expected = [matrix[row] for row in ids]
        assert column(rows, "x.indices") == [each.indices.tolist() for each in expected]
        assert column(rows, "x.values") == [each.data.tolist() for each in expected]
        assert rows.columns[source.label].tolist() == labels[ids].tolist()


def test_uncompressed_files_are_read_by_row_and_compressed_ones_from_the_first_on(tmp_path):
    units = {name: make(tmp_path).table.unit_rows for name, make in WRITTEN.items()}
    assert units == {"a pair": 4_096, "a compressed pair": NUM_ROWS, "a file with labels": 4_096}


@settings(max_examples=examples(25))
@given(data=st.data(), rows=st.integers(1, 12), width=st.integers(1, 9))
def test_a_batch_is_the_matrix_again(tmp_path_factory, data, rows, width):
    size = data.draw(st.integers(0, 20))
    where = st.tuples(st.integers(0, rows - 1), st.integers(0, width - 1))
    places = data.draw(st.lists(where, min_size=size, max_size=size))
    values = data.draw(st.lists(st.integers(-9, 9), min_size=size, max_size=size))
    ends = [list(each) for each in zip(*places, strict=True)] or [[], []]
    whole = sp.coo_matrix((np.array(values, np.float64), ends), shape=(rows, width)).tocsr()
    folder = tmp_path_factory.mktemp("sparse")
    sp.save_npz(folder / "x.npz", whole)
    np.save(folder / "y.npy", np.arange(rows) % 2)
    read = stoker.open(folder / "x.npz", label=str(folder / "y.npy")).peek(rows)
    made = stoker.SparseFeatures(num_features=width).fit(read).apply(read, np.arange(rows))
    assert np.array_equal(made.toarray(), whole.toarray().astype(np.float32))
    assert made.has_sorted_indices


def test_two_columns_of_one_matrix_become_one_sparse_input(tmp_path):
    feed = stoker.Feed(one_file(tmp_path), transform="auto", batch_size=64, task="classes").prepare()
    (choice,), (given_input,) = feed.stage.choices, feed.spec.inputs
    matrix, _ = matrix_and_labels()
    most = np.diff(matrix.indptr).max()
    assert choice.reason == f"sparse rows, up to {most} of {WIDTH} features each"
    assert (given_input.name, given_input.kind, given_input.shape) == ("x", "sparse", (WIDTH,))
    batch = next(iter(feed.epoch(0)))
    made = np.zeros((batch.size, WIDTH), np.float32)
    for row, (where, what) in enumerate(zip(batch.x["x"]["indices"], batch.x["x"]["values"], strict=True)):
        np.add.at(made[row], where, what)
    assert np.array_equal(made, matrix[batch.ids].toarray())


@pytest.mark.parametrize("layout", ["csc", "coo", "bsr", "dia"])
def test_another_layout_is_refused_with_the_call_that_mends_it(tmp_path, layout):
    sp.save_npz(tmp_path / "x.npz", sp.eye(3).asformat(layout))
    np.save(tmp_path / "y.npy", np.arange(3))
    with pytest.raises(DataError, match=rf"{layout.upper()} layout.*save_npz\(path, matrix.tocsr\(\)\)"):
        stoker.open(tmp_path / "x.npz", label=str(tmp_path / "y.npy"))


def test_arrays_that_are_only_called_like_a_matrix_are_arrays(tmp_path):
    rows = np.arange(4)
    np.savez(tmp_path / "t.npz", data=rows, shape=rows, format=rows, y=rows % 2)
    assert stoker.open(tmp_path / "t.npz", label="y").features == ("data", "shape", "format")


def test_an_archive_without_a_matrix_is_none():
    with pytest.raises(DataError, match="cannot be read"):
        matrix_of("nowhere.npz")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": np.array([3, 2, 1])}, "do not belong together"),
        ({"shape": np.array([9, 2])}, "do not belong together"),
        ({"indptr": np.array([0, 2, 1, 3])}, "its rows end before they begin"),
        ({"indptr": np.array([-1, 2, 2, 3])}, "its rows do not begin at the first value"),
        ({"indptr": np.array([1, 2, 2, 3])}, "its rows do not begin at the first value"),
        ({"indptr": np.array([0, 2, 2, 4])}, "its rows go on behind the last value"),
        ({"indices": np.array([0, 2, 1])}, "a value stands in none of the 2 columns"),
        ({"indices": np.array([0, -1, 1])}, "a value stands in none of the 2 columns"),
        ({"data": np.array([{}, 1, 2], object)}, "Python objects"),
    ],
)
def test_a_damaged_matrix_is_told(tmp_path, changes, said):
    matrix = sp.csr_matrix(np.array([[1, 2], [0, 0], [0, 3]]))
    path = write(tmp_path / "x.npz", matrix, y=np.array([0, 1, 0]), **changes)
    with pytest.raises(DataError, match=said):
        index_of(stoker.open(path, label="y"))
