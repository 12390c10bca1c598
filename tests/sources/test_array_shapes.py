"""Arrays of more than one value a row: batches have their shape, models take it, labels may be one-hot."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import stoker
from reading import column, index_of
from stoker.errors import ColumnError, DataError, RunError
from stoker.sources import Source
from stoker.survey import survey
from stoker.transforms import from_state

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3


def written(folder: Path, x: np.ndarray, y: np.ndarray = Y, name: str = "npz") -> Source:
    if name == "npy":
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", y)
        return stoker.open(folder / "x.npy", label=str(folder / "y.npy"))
    if name == "h5":
        with h5py.File(folder / "t.h5", "w") as file:
            file["x"], file["y"] = x, y
        return stoker.open(folder / "t.h5", label="y")
    np.savez(folder / "t.npz", x=x, y=y)
    return stoker.open(folder / "t.npz", label="y")


def labels_of(source: Source) -> list[object]:
    index, dtype = index_of(source)
    return column(source.reader(index, dtype=dtype).read(np.arange(index.num_records)), source.label)


@pytest.mark.parametrize("name", ["npy", "npz", "h5"])
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 2), (2, 3, 2, 2), (7,)])
def test_batches_have_the_shape_of_the_array(tmp_path, name, shape):
    x = RNG.normal(size=(60, *shape)).astype(np.float32)
    feed = stoker.Feed(written(tmp_path, x, name=name), batch_size=16, shuffle=False)
    batches = list(feed.epoch(0))
    assert feed.spec.input_shape == shape
    assert batches[0].x.shape == (16, *shape)
    expected = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(np.concatenate([batch.x for batch in batches]), expected, atol=1e-4)
    feed.close()


def test_bytes_with_channels_are_pixels_as_they_are(tmp_path):
    x = RNG.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    feed = stoker.Feed(written(tmp_path, x), batch_size=60, shuffle=False)
    assert np.array_equal(next(feed.epoch(0)).x, x.astype(np.float32))
    assert feed.spec.input_shape == (8, 8, 1)
    feed.close()


def test_an_array_in_memory_has_its_shape_too_and_a_condition_leaves_it():
    x = np.concatenate([RNG.normal(size=(60, 3, 4)), np.zeros((1, 3, 4))])
    table = stoker.open(x, where="col('#0') != 0").table
    assert (table.row_shape, table.num_rows) == ((3, 4), 60)


def test_some_columns_of_an_array_are_numbers_side_by_side(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.zeros((60, 3, 2)), z=np.arange(60.0), y=Y)
    for options in ({"drop": ["x[0]"]}, {"columns": ["x[0]", "x[5]"]}, {}):
        assert stoker.open(tmp_path / "t.npz", label="y", **options).table.row_shape is None
    assert stoker.open(tmp_path / "t.npz", label="y", columns=["x"]).table.row_shape == (3, 2)


def test_transforms_keep_the_shape_and_lose_it_with_an_indicator(tmp_path):
    x = RNG.normal(size=(60, 3, 2))
    x[4, 1, 1] = np.nan
    source = written(tmp_path, x)
    shaped = stoker.MinMax(na="mean", clip=True)
    feed = stoker.Feed(source, transform=shaped, na="mean", batch_size=60, shuffle=False)
    feed.prepare()
    again = from_state(shaped.state())
    assert again.row_shape == shaped.row_shape == (3, 2)
    told = stoker.Feed(source, transform=stoker.Standardize(na="mean", indicator=True), na="mean")
    assert told.spec.input_shape == (7,)
    state = shaped.state() | {"shape": [3, 3]}
    with pytest.raises(RunError, match=r"rows of the shape \[3, 3\] and 6 columns"):
        from_state(state)


@pytest.mark.parametrize("name", ["npy", "npz", "h5"])
def test_one_hot_labels_are_class_numbers(tmp_path, name):
    x = np.zeros((60, 2))
    for y in (np.eye(3)[Y], np.eye(3, dtype=bool)[Y], Y[:, None]):
        source = written(tmp_path, x, y, name)
        assert labels_of(source) == Y.tolist()
        assert survey(source, stored=False).labels.classes == (0, 1, 2)
        assert labels_of(source.like(source.paths, with_label=True)) == Y.tolist()


def test_a_label_of_several_numbers_is_refused_with_the_way_out(tmp_path):
    x = np.zeros((60, 2))
    for name in ("npy", "npz", "h5"):
        with pytest.raises(ColumnError, match=r"rows of 2 numbers that are not one-hot.*\[0\]"):
            written(tmp_path, x, RNG.normal(size=(60, 2)), name)
    y = np.eye(2)[np.arange(5_000) % 2]
    y[4_500] = 1
    with pytest.raises(DataError, match=r"row 4,500 is not: correct it"):
        survey(written(tmp_path, np.zeros((5_000, 1)), y), stored=False)


def test_an_array_that_cannot_be_used_matters_only_where_it_is(tmp_path):
    x, many = np.zeros((60, 2)), np.ones((60, 2)) * 1j
    np.savez(tmp_path / "t.npz", x=x, y=Y, many=many, wide=np.asfortranarray(np.ones((60, 3))))
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["x"], file["y"], file["many"], file["wide"] = x, Y, many, np.zeros(60, "i4,f4")
    for path in (tmp_path / "t.npz", tmp_path / "t.h5"):
        with pytest.raises(DataError, match=r"many.*complex numbers.*drop=\['many'\]"):
            stoker.open(path, label="y", columns=["x", "many"])
        with pytest.raises(DataError, match=r"drop=\['(many|wide)'\]"):
            stoker.open(path, label="y")
        for options in ({"columns": ["x"]}, {"drop": ["many", "wide"]}):
            source = stoker.open(path, label="y", **options)
            assert source.features == ("x[0]", "x[1]")
            assert source.like(path, with_label=True).features == source.features


def test_a_chunked_dataset_is_opened_once_for_all_its_rows(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("x", data=np.zeros((50_000, 2)), chunks=(1_000, 2))
    source, opened = stoker.open(tmp_path / "t.h5"), []
    whole = h5py.File
    monkeypatch.setattr("h5py.File", lambda *given: opened.append(given) or whole(*given))
    assert sum(chunk.num_records for chunk in source.chunks(1 << 16)) == 50_000
    assert len(opened) == 1


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("shape", "name"), [((4, 5), "mlp"), ((8, 8, 1), "cnn")])
def test_the_model_takes_the_array_as_it_is(tmp_path, shape, name):
    x = RNG.integers(0, 256, (60, *shape), dtype=np.uint8)
    feed = stoker.Feed(written(tmp_path, x), batch_size=20)
    model = stoker.models.build("auto", feed)
    assert model.name == name
    assert model.input_shape == (None, *shape)
    stoker.fit(model, feed, epochs=1, run=tmp_path / "run", progress="none")
    answers = stoker.load(tmp_path / "run").predict(tmp_path / "t.npz")
    assert answers.num_rows == 60
