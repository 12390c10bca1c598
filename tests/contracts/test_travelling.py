"""Sources and their chunks go to other processes as bytes, and are there what they were here."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from reading import dense
from stoker.cluster.shipping import packed, unpacked
from written_sources import FILES

ROWS = 60


@pytest.mark.parametrize("name", FILES)
def test_a_chunk_is_parsed_elsewhere_as_here(name, tmp_path, monkeypatch):
    for rows in ("NUM_ROWS", "NUM_FILES"):
        monkeypatch.setattr(f"written_sources.{rows}", ROWS)
    source = FILES[name](tmp_path)
    there = unpacked(packed(source))
    chunks = list(source.chunks(1 << 10))
    sent = list(map(unpacked, map(packed, unpacked(packed(partial(source.chunks, 1 << 10)))())))

    assert len(sent) == len(chunks)
    for chunk, found in zip(chunks, sent, strict=True):
        assert np.array_equal(found.checksums(), chunk.checksums())
        assert (found.file_bytes, found.first_row) == (chunk.file_bytes, chunk.first_row)
        one, other = source.parse(chunk), there.parse(found)
        assert np.array_equal(dense(other.rows), dense(one.rows), equal_nan=True)
        assert {key: list(values) for key, values in other.rows.columns.items()} == {
            key: list(values) for key, values in one.rows.columns.items()
        }
        assert len(other.issues) == len(one.issues)
