"""What the tests of files elsewhere read, and how they know it again."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reading import dense, index_of
from stoker.sources.files import open_reader
from stoker.survey import survey


def table(rows: int = 3_000) -> tuple[np.ndarray, bytes]:
    values = np.random.default_rng(1).integers(0, 256, (rows, 5))
    lines = ["label,a,b,c,d", *(",".join(map(str, row)) for row in values.tolist())]
    return values, "\n".join(lines).encode()


def noise(size: int) -> bytes:
    return np.random.default_rng(2).integers(0, 256, size, np.uint8).tobytes()


def assert_rows(source, values) -> None:
    index, dtype = index_of(source)
    reader = source.reader(index, None, dtype)
    wanted = np.array([0, 5, 6, len(values) - 1])
    assert np.array_equal(dense(reader.read(wanted)), values[wanted, 1:])
    reader.close()


def content_of(url: str) -> bytes:
    with open_reader(url) as file:
        out = np.empty(file.size, np.uint8)
        file.read_into(out, 0)
    return out.tobytes()


def parquet(values: list[int]) -> bytes:
    """A file of the columns x and y."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": values, "y": [value % 2 for value in values]}), sink)
    return sink.getvalue().to_pybytes()


def assert_partitions(source) -> None:
    """Refuse others than the rows of `PARTITIONS`."""
    assert source.features == ("x", "year")
    found = survey(source, stored=False, keep_bytes=1 << 20)
    assert found.num_rows == 5
    assert np.allclose(found.statistics.mean, [3, (2 * 2023 + 3 * 2024) / 5])


PARTITIONS = {"year=2023/a.parquet": [1, 2], "_SUCCESS": [], "year=2024/b.parquet": [3, 4, 5]}
