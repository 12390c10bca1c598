"""A cache that is not what was written is made anew, or told; one that somebody wrote is never a crash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from forging import damages, replaced
from property_examples import examples
from stoker import cache
from stoker.cache.contents import schema_of
from stoker.cache.pieces import CHECKSUM, buffers_of, checksum_of
from stoker.errors import ChangedDataError, StokerError
from stoker.survey import Survey, survey

QUICK = settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=10_000)
NUM_ROWS = 500


class Cached:
    """Rows of numbers and texts in a cache of several pieces, which can be spoilt again and again."""

    def __init__(self, folder: Path) -> None:
        path = folder / "t.csv"
        rows = (f"{row % 2},{row % 200},{row * 1.5},ä{row % 30}\n" for row in range(NUM_ROWS))
        path.write_text("y,a,b,word\n" + "".join(rows))
        source = stoker.open(path, label="y", drop=["word"]).keeping(["word"])
        self.found: Survey = survey(source, stored=False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stoker.cache.filling._MAX_PIECE_ROWS", 64)
            self.path = cache.build(self.found, self.found.reader()).path
        self.whole = self.path.read_bytes()
        self.rows = self.values(cache.CachedRows(self.path, self.found))

    def values(self, cached: cache.CachedRows) -> list:
        rows = cached.read(np.arange(NUM_ROWS))
        places = rows.matrix.starts[np.arange(NUM_ROWS)]
        matrix = rows.matrix.values[places[:, None] + np.arange(rows.matrix.num_columns)]
        return [matrix.tobytes(), rows.columns["y"].tobytes(), rows.columns["word"].to_pylist()]

    def batches(self) -> list[pa.RecordBatch]:
        with pa.ipc.open_file(pa.BufferReader(self.whole)) as file:
            return [file.get_batch(place) for place in range(file.num_record_batches)]

    def forge(self, change) -> None:
        """Write the file anew with batches that were changed, and with checksums that fit."""
        forged = change(self.batches())
        other = self.path.with_suffix(".forged")
        with pa.OSFile(str(other), "wb") as file, pa.ipc.new_file(file, forged[0].schema) as writer:
            for batch in forged:
                try:
                    total = checksum_of(buffers_of(batch, len(self.found.features), self.found.others))
                except (ValueError, AttributeError):
                    total = 0
                writer.write_batch(batch, custom_metadata={CHECKSUM: str(total).encode()})
        other.replace(self.path)


@pytest.fixture(scope="module")
def cached(tmp_path_factory) -> Cached:
    return Cached(tmp_path_factory.mktemp("data"))


def damage(cached: Cached, data: st.DataObject) -> None:
    replaced(cached.path, data.draw(damages(cached.whole)))
    found = cache.find(cached.found)
    if found is None:
        return
    try:
        values = cached.values(found)
    except StokerError:
        return
    assert values == cached.rows


@pytest.mark.timeout(120)
@QUICK
@given(data=st.data())
def test_a_damaged_cache_is_made_anew_or_told_or_what_it_was(cached, data):
    damage(cached, data)


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
@LONG
@given(data=st.data())
def test_of_thousands_of_damaged_caches_none_gives_other_rows(cached, data):
    damage(cached, data)


def test_a_piece_that_was_changed_is_told_when_it_is_read(cached):
    text = "ä17".encode()
    spoilt = cached.whole[: len(cached.whole) // 2] + cached.whole[len(cached.whole) // 2 :].replace(
        text, "ä71".encode(), 1
    )
    assert spoilt != cached.whole
    replaced(cached.path, spoilt)
    found = cache.find(cached.found)
    assert found is not None
    with pytest.raises(ChangedDataError, match=r"piece \d of the cache is damaged.*delete the file"):
        cached.values(found)


def wrong_offsets(batches: list) -> list:
    """Texts that reach far beyond their bytes."""
    batch, place = batches[0], batches[0].schema.get_field_index("word")
    word = batch.column(place)
    offsets = np.frombuffer(word.buffers()[1], np.int32)[: len(word) + 1].copy()
    offsets[3] = 2**31 - 1
    forged = pa.StringArray.from_buffers(len(word), pa.py_buffer(offsets), word.buffers()[2])
    return [batch.set_column(place, batch.schema.field(place), forged), *batches[1:]]


def other_types(batches: list) -> list:
    """The label as 32 bits, where 64 are read."""
    place = batches[0].schema.get_field_index("y")
    field = pa.field("y", pa.int32(), nullable=False)
    return [batch.set_column(place, field, batch.column(place).cast(pa.int32())) for batch in batches]


def fewer_rows(batches: list) -> list:
    """A first piece of fewer rows than those that follow."""
    return [batches[0].slice(0, 10), *batches[1:]]


@pytest.mark.parametrize("change", [other_types, fewer_rows])
def test_a_cache_of_another_shape_is_not_found(cached, change):
    replaced(cached.path, cached.whole)
    cached.forge(change)
    assert cache.find(cached.found) is None


def test_texts_that_reach_beyond_their_bytes_are_told(cached):
    replaced(cached.path, cached.whole)
    cached.forge(wrong_offsets)
    found = cache.find(cached.found)
    assert found is not None
    with pytest.raises(ChangedDataError, match="piece 0 of the cache is damaged"):
        cached.values(found)


def test_a_compressed_cache_is_not_found(cached):
    replaced(cached.path, cached.whole)
    other = cached.path.with_suffix(".forged")
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    schema = schema_of(cached.found, cached.found.dtype, cached.found.data_digest)
    with pa.OSFile(str(other), "wb") as file, pa.ipc.new_file(file, schema, options=options) as writer:
        for batch in cached.batches():
            writer.write_batch(batch, custom_metadata={CHECKSUM: b"0"})
    other.replace(cached.path)
    assert cache.find(cached.found) is None
