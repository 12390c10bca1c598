"""Arrays on disk as tables: the same rows from every format, and what cannot be read said in a sentence."""

import errno
import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import stoker
from property_examples import examples
from reading import column, dense, index_of
from stoker.errors import ChangedDataError, ColumnError, DataError, OptionError
from stoker.sources import Source
from stoker.sources.arrays.hdf5 import hdf5_arrays
from stoker.sources.arrays.idx import idx_array
from stoker.sources.arrays.numpy_files import npy_array, npz_arrays
from stoker.survey import survey

Array = np.ndarray[Any, np.dtype[Any]]


def write_idx(path: Path, array: Array) -> Path:
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def as_npy(folder: Path, x: Array, y: Array) -> Source:
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    return stoker.open(folder / "x.npy", label=str(folder / "y.npy"))


def as_npz(folder: Path, x: Array, y: Array) -> Source:
    np.savez(folder / "data.npz", x=x, y=y)
    return stoker.open(folder / "data.npz", label="y")


def as_compressed_npz(folder: Path, x: Array, y: Array) -> Source:
    np.savez_compressed(folder / "packed.npz", x=x, y=y)
    return stoker.open(folder / "packed.npz", label="y")


def as_idx(folder: Path, x: Array, y: Array) -> Source:
    write_idx(folder / "train-images-idx3-ubyte", x)
    write_idx(folder / "train-labels-idx1-ubyte", y)
    return stoker.open(folder / "train-images-idx3-ubyte", label=str(folder / "train-labels-idx1-ubyte"))


def as_gzipped_idx(folder: Path, x: Array, y: Array) -> Source:
    write_idx(folder / "images-idx3-ubyte.gz", x)
    write_idx(folder / "labels-idx1-ubyte.gz", y)
    return stoker.open(folder / "images-idx3-ubyte.gz", label=str(folder / "labels-idx1-ubyte.gz"))


def as_hdf5(folder: Path, x: Array, y: Array) -> Source:
    with h5py.File(folder / "data.h5", "w") as file:
        file["train/x"] = x
        file.create_dataset("train/y", data=y, chunks=(min(7, len(y)),), compression="gzip")
    return stoker.open(folder / "data.h5", label="train/y")


WRITERS: dict[str, Callable[[Path, Array, Array], Source]] = {
    "npy": as_npy,
    "npz": as_npz,
    "compressed npz": as_compressed_npz,
    "idx": as_idx,
    "gzipped idx": as_gzipped_idx,
    "hdf5": as_hdf5,
}


@pytest.fixture(params=sorted(WRITERS))
def writer(request):
    return WRITERS[request.param]


def numbers(rows: int = 500) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (rows, 3, 4), dtype=np.uint8)
    return x, (x.reshape(rows, -1).mean(axis=1) > 127).astype(np.uint8)


def test_every_row_is_read_in_order_with_its_label(writer, here):
    x, y = numbers()
    source = writer(here, x, y)
    index, dtype = index_of(source)
    rows = source.reader(index, None, dtype).read(np.arange(len(x)))
    assert dtype == np.uint8
    assert np.array_equal(dense(rows), x.reshape(len(x), -1))
    assert column(rows, source.label) == y.tolist()


def test_any_rows_are_read(writer, here):
    x, y = numbers()
    source = writer(here, x, y)
    index, dtype = index_of(source)
    wanted = np.array([0, 7, 8, 300, 499])
    assert np.array_equal(dense(source.reader(index, None, dtype).read(wanted)), x.reshape(500, -1)[wanted])


def test_a_feed_trains_on_them(writer, here):
    x, y = numbers()
    feed = stoker.Feed(writer(here, x, y), batch_size=100, seed=1)
    seen = np.concatenate([batch.ids for batch in feed.epoch(0)])
    assert sorted(seen.tolist()) == list(range(500))
    assert feed.classes == (0, 1)


@given(
    st.sampled_from(["<i2", ">i4", "<f4", ">f8", "<u8", "?", "<f2"]).flatmap(
        lambda kind: hnp.arrays(np.dtype(kind), st.tuples(st.integers(1, 9), st.integers(1, 4)))
    )
)
@settings(max_examples=examples(60))
def test_values_are_those_of_numpy(tmp_path_factory, array):
    folder = tmp_path_factory.mktemp("npy")
    np.save(folder / "x.npy", array)
    source = stoker.open(folder / "x.npy")
    (chunk,) = source.chunks(1 << 20)
    parsed = source.parse(chunk)
    expected = array.astype(np.float64)
    # What is not finite is an issue, and 0 in the matrix.
    assert np.array_equal(dense(parsed.rows), np.where(np.isinf(expected), 0, expected), equal_nan=True)
    assert len(parsed.issues) == np.count_nonzero(~np.isfinite(expected))


@pytest.mark.parametrize(
    ("known", "old"),
    [
        (b"'descr': '|S1', ", b"'descr': '|a1', "),
        (b"'shape': (4,), }  ", b"'shape': (4L,), } "),
        (b"'shape': (4, 3), }   ", b"'shape': (4L, 3L), } "),
    ],
)
def test_words_that_numpy_no_longer_writes_are_understood_without_a_warning(here, known, old):
    values = np.array([b"a", b"b", b"a", b"b"]) if b"S1" in known else np.arange(4.0)
    values = np.arange(12.0).reshape(4, 3) if b"3" in known else values
    np.save(here / "x.npy", np.arange(4.0))
    np.save(here / "y.npy", values)
    (here / "old.npy").write_bytes((here / "y.npy").read_bytes().replace(known, old))
    assert old in (here / "old.npy").read_bytes()
    if values.ndim > 1:
        assert dense(stoker.open(here / "old.npy").peek(4)).tolist() == values.tolist()
        return
    found = stoker.open(here / "x.npy", label=str(here / "old.npy")).peek(4)
    expected = stoker.open(here / "x.npy", label=str(here / "y.npy")).peek(4)
    assert column(found, "label") == column(expected, "label")


def test_texts_may_be_labels(here):
    np.savez(here / "data.npz", x=np.arange(6.0), y=np.array(["a", "b", "ä"] * 2))
    source = stoker.open(here / "data.npz", label="y")
    assert source.features == ("x",)
    assert survey(source, stored=False).labels.classes == ("a", "b", "ä")
    with h5py.File(here / "data.h5", "w") as file:
        file["x"] = np.arange(6.0)
        file["y"] = ["a", "b", "ä"] * 2
    assert survey(stoker.open(here / "data.h5", label="y"), stored=False).labels.classes == ("a", "b", "ä")


def test_columns_and_drop_name_arrays_or_columns_of_them(here):
    np.savez(here / "data.npz", x=np.zeros((4, 3)), z=np.zeros(4), many=np.zeros((9, 2)), y=np.arange(4))
    with pytest.raises(DataError, match=r"different numbers of rows \(x 4, z 4, many 9, y 4\)"):
        stoker.open(here / "data.npz", label="y")
    assert stoker.open(here / "data.npz", label="y", drop=["many"]).features == ("x[0]", "x[1]", "x[2]", "z")
    assert stoker.open(here / "data.npz", label="y", columns=["x[1]", "z"]).features == ("x[1]", "z")
    with pytest.raises(ColumnError, match=r"no array 'zz'.*did you mean 'z'"):
        stoker.open(here / "data.npz", label="y", columns=["zz", "z"])


def write_hdf5(path: Path, **arrays: Array) -> None:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name.replace("__", "/")] = array


def write_npz(path: Path, **arrays: Array) -> None:
    np.savez(path, **{name.replace("__", "/"): array for name, array in arrays.items()})


@pytest.mark.parametrize("write", [write_hdf5, write_npz])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": "labls"}, "no array 'labls' (label=); did you mean 'labels'?"),
        ({"label": "labls", "columns": ["images"]}, "'labls' (label=); did you mean 'labels'?"),
        ({"label": "labels", "columns": ["imags"]}, "'imags' (columns=); did you mean 'images'?"),
        ({"label": "labels", "columns": ["group/xtra"]}, "did you mean 'group/extra'?"),
        ({"label": "labels", "drop": ["group/xtra"]}, "'group/xtra' (drop=); did you mean 'group/extra'?"),
        ({"label": "labels", "sample_weight": "imges"}, "(sample_weight=); did you mean 'images'?"),
        ({"label": "labels", "types": {"imges": "int"}}, "'imges' (types=); did you mean 'images'?"),
        ({"label": "y"}, "'y' (label=); its arrays are 'group/extra', 'images', 'labels'"),
    ],
)
def test_a_name_of_no_array_is_refused_with_the_nearest_of_all(here, write, options, said):
    x, y = numbers(20)
    path = here / ("x.h5" if write is write_hdf5 else "x.npz")
    write(path, group__extra=x, images=x, labels=y)
    with pytest.raises(ColumnError) as refused:
        stoker.open("x.h5" if write is write_hdf5 else "x.npz", **options)
    assert str(refused.value).startswith(f"{path.name} has no array ")
    assert said in str(refused.value)


@pytest.mark.parametrize("write", [write_hdf5, write_npz])
def test_other_files_lack_the_label_alone(here, write):
    x, y = numbers(20)
    names = [f"{name}.{'h5' if write is write_hdf5 else 'npz'}" for name in ("one", "two", "three")]
    write(here / names[0], images=x, weight=np.ones(20), labels=y)
    write(here / names[1], images=x)
    write(here / names[2], image=x, labels=y)
    source = stoker.open(names[0], label="labels", sample_weight="weight", columns=["images"])
    assert source.like(names[1], with_label=False).features == source.features
    with pytest.raises(ColumnError, match=r"has no array 'images'; did you mean 'image'\?"):
        source.like(names[2], with_label=True)


def test_other_files_find_their_labels_by_the_difference_in_names(here):
    x, y = numbers(40)
    for name in ("train", "test"):
        np.save(here / f"x_{name}.npy", x)
        np.save(here / f"y_{name}.npy", y)
    source = stoker.open(here / "x_train.npy", label=str(here / "y_train.npy"))
    other = source.like(here / "x_test.npy", with_label=True)
    index, dtype = index_of(other)
    assert column(other.reader(index, None, dtype).read(np.arange(40)), "label") == y.tolist()
    (here / "y_test.npy").unlink()
    assert source.like(here / "x_test.npy", with_label=False).label is None
    with pytest.raises(ColumnError, match=r"x_test\.npy: the label column 'label' is absent"):
        source.like(here / "x_test.npy", with_label=True)


def test_labels_in_files_that_are_not_called_alike_are_refused(here):
    for name in ("xa", "xb", "ya", "other"):
        np.save(here / f"{name}.npy", np.zeros(3))
    labels = str(here / "[yo]*.npy")
    with pytest.raises(OptionError, match="names that differ in the same way"):
        stoker.open(str(here / "x*.npy"), label=labels)
    (here / "other.npy").unlink()
    with pytest.raises(OptionError, match="names 1 files, and there are 2 of features"):
        stoker.open(str(here / "x*.npy"), label=labels)


def test_a_changed_value_is_noticed(here):
    x, y = numbers()
    source = as_npy(here, x, y)
    index, dtype = index_of(source)
    reader = source.reader(index, None, dtype)
    x[3, 0, 0] ^= 1
    np.save(here / "x.npy", x)
    with pytest.raises(ChangedDataError, match="changed"):
        reader.read(np.arange(10))


def fortran(path: Path) -> None:
    np.save(path, np.asfortranarray(np.ones((3, 4))))


def objects(path: Path) -> None:
    np.save(path, np.array([{}, 1], dtype=object), allow_pickle=True)


def cut(path: Path) -> None:
    np.save(path, np.ones((300, 4)))
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (fortran, "stored column by column.*ascontiguousarray"),
        (objects, "Python objects, which are read by running code"),
        (cut, "is cut off: its header tells of 300 rows"),
        (lambda path: path.write_bytes(b"no array"), "is no NumPy array"),
        (lambda path: np.save(path, np.array(3.0)), "is a single value"),
        (lambda path: np.save(path, np.ones(3) * 1j), "complex numbers"),
        (lambda path: np.save(path, np.ones((0, 3))), "holds no rows"),
    ],
)
def test_what_is_no_array_of_rows_is_told(here, write, said):
    write(here / "x.npy")
    with pytest.raises(DataError, match=said):
        stoker.open(here / "x.npy")


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8,,', 'fortran_order': False, 'shape': (4,)}",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (4,)",
        b"{[]: 1}",
        b"-" * 9_000 + b"1",
    ],
)
def test_a_header_of_which_python_itself_makes_nothing_is_told(here, header):
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    (here / "x.npy").write_bytes(head + np.ones(4).tobytes())
    with pytest.raises(DataError, match=r"x\.npy: .*is no NumPy array \(its header is not .*numpy\.save"):
        stoker.open(here / "x.npy")


def test_damaged_archives_are_told(here):
    (here / "a.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DataError, match=r"no \.npz archive"):
        stoker.open(here / "a.npz")
    np.savez(here / "b.npz", x=np.ones(3))
    whole = bytearray((here / "b.npz").read_bytes())
    flags = (6, whole.rindex(b"PK\x01\x02") + 8)
    for method, places in ((1, flags), (99, (flags[0] + 2, flags[1] + 2))):
        for place in places:
            whole[place] |= method
        (here / "c.npz").write_bytes(whole)
        with pytest.raises(DataError, match=r"cannot be unpacked \(.*encrypted|compression"):
            stoker.open(here / "c.npz")
        whole[flags[0]] = whole[flags[1]] = 0
    with h5py.File(here / "t.h5", "w") as file:
        file["t"] = np.array([b"caf\xe9"])
        file["y"] = [1]
    with pytest.raises(DataError, match="t holds texts that are not UTF-8"):
        stoker.open(here / "t.h5", label="y").peek(1)
    (here / "a.h5").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no HDF5 file"):
        stoker.open(here / "a.h5")
    (here / "a.idx").write_bytes(b"\x00\x01\x08\x01")
    with pytest.raises(DataError, match="no IDX file"):
        stoker.open(here / "a.idx")
    path = write_idx(here / "b.idx.gz", np.ones((1000, 9), np.uint8))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"damaged|ends before"):
        survey(stoker.open(path), stored=False, role="predict")


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x-idx1-ubyte", "x.h5"])
def test_an_array_that_may_not_be_read_is_told(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_bytes(b"")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    monkeypatch.setattr("h5py.File", refuse)
    opened = {".npy": npy_array, ".npz": npz_arrays, ".h5": hdf5_arrays}.get(path.suffix, idx_array)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\); check its permissions"):
        opened(str(path))
