import csv
import gzip

import numpy as np

import stoker
from stoker.sources import IndexBuilder


def index_and_rows(source, dtype):
    builder = IndexBuilder()
    for chunk in source.chunks(1 << 20):
        builder.add(chunk, chunk.checksums())
        assert len(source.parse(chunk, dtype).issues) == 0
    index = builder.finish(source.paths, [file.size for file in source.identity()])
    return index, source.reader(index, None, dtype)


def test_mnist_is_read_as_numpy_reads_it(shared_data, tmp_path):
    file = tmp_path / "mnist.csv"
    file.write_bytes(gzip.decompress((shared_data / "mnist" / "train.csv.gz").read_bytes()))
    source = stoker.open(file, label="label")
    index, reader = index_and_rows(source, np.uint8)
    ids = np.arange(0, index.num_records, 11)
    lines = file.read_bytes().split(b"\n")
    expected = np.array([lines[row + 1].split(b",") for row in ids.tolist()], np.uint8)
    rows = reader.read(ids)
    assert np.array_equal(rows.matrix.values.reshape(len(ids), -1), expected[:, 1:])
    assert np.array_equal(rows.columns["label"], expected[:, 0])


def test_ag_news_is_read_as_python_s_csv_reads_it(shared_data):
    path = shared_data / "ag_news" / "test.csv"
    source = stoker.open(path, label="#0")
    index, reader = index_and_rows(source, np.uint8)
    with path.open(newline="", encoding="utf-8") as file:
        expected = list(csv.reader(file))
    assert index.num_records == len(expected)
    rows = reader.read(np.arange(0, len(expected), 3))
    assert rows.columns["#0"].tolist() == [int(row[0]) for row in expected[::3]]
    assert rows.columns["#2"].to_pylist() == [row[2] for row in expected[::3]]
