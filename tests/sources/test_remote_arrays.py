"""Arrays elsewhere are read as arrays here: by position, as a stream, and through the HDF5 library."""

import gzip
import io
import struct

import h5py
import numpy as np
import pytest
import scipy.sparse

import stoker
from reading import dense, index_of
from stoker.errors import ChangedDataError, DataError
from stoker.sources.remote.names import BLOCK_BYTES
from stoker.survey import survey

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]

X = np.random.default_rng(0).normal(size=(20_000, 9)).astype(np.float32)
Y = np.arange(len(X)) % 3


def saved(save, *arrays, **named) -> bytes:
    sink = io.BytesIO()
    save(sink, *arrays, **named)
    return sink.getvalue()


def idx(values: np.ndarray) -> bytes:
    kind = {"uint8": 0x08, "float32": 0x0D}[values.dtype.name]
    head = bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()


def hdf5(**options) -> bytes:
    sink = io.BytesIO()
    with h5py.File(sink, "w") as file:
        file.create_dataset("x", data=X, **options)
        file.create_dataset("y", data=Y)
    return sink.getvalue()


FILES = {
    "npy": ("x.npy", saved(np.save, X), "y.npy", saved(np.save, Y)),
    "npz": ("x.npz", saved(np.savez, x=X, y=Y), "y", None),
    "npz, compressed": ("x.npz", saved(np.savez_compressed, x=X, y=Y), "y", None),
    "IDX": ("x.idx", idx(X), "y.idx", idx(Y.astype(np.uint8))),
    "IDX, gzipped": ("x.idx.gz", gzip.compress(idx(X)), "y.idx.gz", gzip.compress(idx(Y.astype(np.uint8)))),
    "HDF5": ("x.h5", hdf5(), "y", None),
    "HDF5, in chunks": ("x.h5", hdf5(chunks=(1_000, 9), compression="gzip"), "y", None),
}


def opened(server, kind: str):
    name, content, label, labels = FILES[kind]
    url = server.put(name, content)
    return stoker.open(url, label=label if labels is None else server.put(label, labels))


@pytest.mark.parametrize("kind", FILES)
def test_arrays_elsewhere_are_surveyed_and_read(server, kind):
    source = opened(server, kind)
    found = survey(source, stored=False, keep_bytes=1 << 24)
    assert np.allclose(found.statistics.mean, X.mean(axis=0), atol=1e-5)
    batches = list(stoker.Feed(source, batch_size=1_000, shuffle=False).epoch(0))
    assert np.array_equal(np.concatenate([batch.y for batch in batches]), Y)


@pytest.mark.parametrize("kind", [kind for kind in FILES if "compressed" not in kind and "gzip" not in kind])
def test_rows_of_arrays_elsewhere_are_read_by_position(server, kind):
    source = opened(server, kind)
    index, dtype = index_of(source)
    reader = source.reader(index, None, dtype)
    for rows in ([0, 7, 19_999], [12_345], [3]):
        assert np.array_equal(dense(reader.read(np.array(rows))), X[rows])
    reader.close()


def test_a_sparse_matrix_elsewhere_is_read(server):
    matrix = scipy.sparse.random(3_000, 50, 0.1, format="csr", random_state=0)
    url = server.put("x.npz", saved(scipy.sparse.save_npz, matrix))
    source = stoker.open(url, label=server.put("y.npy", saved(np.save, Y[:3_000])))
    index, dtype = index_of(source)
    values = source.reader(index, None, dtype).read(np.array([0, 2_999])).columns["x.values"]
    assert [len(row) for row in values.to_pylist()] == np.diff(matrix.indptr)[[0, 2_999]].tolist()


def test_labels_are_found_beside_other_features(server):
    source = opened(server, "npy")
    other = server.put("other/x.npy", saved(np.save, X[:10]))
    with pytest.raises(DataError, match="label"):
        source.like(other, with_label=True)
    assert survey(source.like(other, with_label=False), stored=False).num_rows == 10
    server.put("other/y.npy", saved(np.save, Y[:10]))
    assert survey(source.like(other, with_label=True), stored=False).num_rows == 10


@pytest.mark.parametrize("kind", ["npy", "HDF5, in chunks", "npz, compressed"])
def test_what_goes_wrong_is_told_as_what_it_is(server, kind):
    source = opened(server, kind)
    for name in FILES[kind][0], FILES[kind][2]:
        server.always[name] = "403"
    with pytest.raises(DataError, match="permission denied"):
        list(source.chunks(1 << 20))


def test_arrays_that_change_are_told(server, monkeypatch):
    monkeypatch.setenv("STOKER_REMOTE_CACHE", "0")
    source = opened(server, "npy")
    index, dtype = index_of(source)
    server.put("x.npy", saved(np.save, X + 1), tag='"two"')
    with pytest.raises(ChangedDataError, match="changed"):
        source.reader(index, None, dtype).read(np.array([5]))


def test_what_is_read_in_order_comes_ahead(server):
    large = np.random.default_rng(0).normal(size=(60_000, 10))
    source = stoker.open(server.put("large.h5", hdf5_of(large)), label="x[0]")
    server.together = 2
    survey(source, stored=False)
    assert server.most_at_once > 1
    assert sum(stop - start for _, start, stop in server.asked) < large.nbytes + 4 * BLOCK_BYTES


def hdf5_of(values: np.ndarray) -> bytes:
    sink = io.BytesIO()
    with h5py.File(sink, "w") as file:
        file.create_dataset("x", data=values, chunks=(1_000, 10))
    return sink.getvalue()
