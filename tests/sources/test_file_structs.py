"""Data sets that name files by their paths, as Hugging Face's do, are read with what the files hold."""

import numpy as np
import pyarrow as pa
import pytest

import stoker
from pictures import encode
from stoker.errors import DataError
from stoker.sources.objects.filestructs import mean_file_bytes


class Features(dict):
    @property
    def arrow_schema(self) -> pa.Schema:
        return pa.schema(list(self.items()))


class Base:
    """What stoker asks of a `datasets.Dataset`."""

    __module__ = "datasets.arrow_dataset"
    split = "train"

    def __init__(self, table: pa.Table) -> None:
        self.data = table
        self.features = Features(zip(table.schema.names, table.schema.types, strict=True))

    def __getitem__(self, part: slice) -> pa.Table:
        return self.data.slice(part.start or 0, part.stop - (part.start or 0))

    def with_format(self, _: str) -> "Base":
        return self


class Dataset(Base):
    __module__ = "datasets.arrow_dataset"

    def __len__(self) -> int:
        return self.data.num_rows


class Streamed(Base):
    """What stoker asks of a `datasets.IterableDataset`."""

    __module__ = "datasets.iterable_dataset"

    def iter(self, batch_size: int):
        for start in range(0, self.data.num_rows, batch_size):
            yield self.data.slice(start, batch_size)


FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture
def table(tmp_path):
    """60 images: one in three with its bytes, one missing, the others by their paths."""
    files = []
    for row in range(60):
        data, path = encode(8, 6, seed=row), tmp_path / f"{row}.png"
        if row % 3:
            path.write_bytes(data)
            files.append({"bytes": None, "path": str(path)})
        else:
            files.append({"bytes": data, "path": f"{row}.png"})
    files[7] = None
    return pa.table({"image": pa.array(files, FILE), "y": np.arange(60) % 2})


@pytest.mark.parametrize("kind", [Dataset, Streamed])
def test_files_are_read_by_their_paths_and_a_row_without_one_is_a_bad_row(table, kind):
    rows = stoker.open(kind(table), label="y")
    feed = stoker.Feed(rows, batch_size=64, shuffle=False, on_bad_row="skip", memory="64MB")
    (batch,) = feed.epoch(0)
    assert batch.ids.tolist() == [row for row in range(60) if row != 7]
    whole = [encode(8, 6, seed=row) for row in range(60) if row != 7]
    y = [row % 2 for row in range(60) if row != 7]
    expected = stoker.Feed(
        stoker.open(pa.table({"image": whole, "y": y}), label="y"), batch_size=64, shuffle=False
    )
    assert np.array_equal(batch.x, next(iter(expected.epoch(0))).x)


def test_a_file_that_is_gone_or_elsewhere_is_told(table, tmp_path):
    rows = stoker.open(Dataset(table), label="y")
    (tmp_path / "4.png").unlink()
    with pytest.raises(DataError, match=r"4\.png, which the data set names, cannot be read \(No such file"):
        list(rows.chunks(1 << 20))
    far = pa.table(
        {"image": pa.array([{"bytes": None, "path": "hf://a/b.png"}] * 4, FILE), "y": [0, 1, 0, 1]}
    )
    with pytest.raises(DataError, match=r"hf://a/b\.png without its bytes, and it is on no disk here"):
        list(stoker.open(Dataset(far), label="y").chunks(1 << 20))


def test_what_files_take_is_counted(table):
    size = np.mean([len(encode(8, 6, seed=row)) for row in range(16) if row % 3 and row != 7]) * 9 / 16
    assert abs(mean_file_bytes(table) - size) < 0.1 * size
    assert mean_file_bytes(table.select(["y"])) == 0
