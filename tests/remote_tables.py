"""What the tests of files elsewhere read, and how they know it again."""

import numpy as np

from reading import dense, index_of
from stoker.sources.files import open_reader


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
