import numpy as np
import pytest

import stoker
from stoker.errors import ChangedDataError, DataError
from stoker.sources import IndexBuilder, RowIndex

ARRAYS = [
    "anchor_rows",
    "anchor_offsets",
    "checksums",
    "file_anchors",
    "file_rows",
    "file_sizes",
    "head_checksums",
]


@pytest.fixture
def source(tmp_path):
    for part in range(2):
        lines = "".join(f"{row},{row * part}\n" for row in range(10_000))
        (tmp_path / f"{part}.csv").write_text("x,y\n" + lines)
    return stoker.open([tmp_path / "0.csv", tmp_path / "1.csv"], label="y")


def build(source, directory=None):
    builder = IndexBuilder(directory)
    for chunk in source.chunks(1 << 15):
        builder.add(chunk, chunk.checksums())
    return builder.finish(source.paths, [file.size for file in source.identity()])


def assert_same(left, right):
    for name in ARRAYS:
        assert np.array_equal(getattr(left, name), getattr(right, name)), name


def test_an_index_grown_on_disk_equals_one_in_memory(source, tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    kept, grown = build(source), build(source, folder)
    assert_same(kept, grown)
    assert_same(kept, RowIndex.load(folder))
    assert kept.num_records == 20_000
    assert kept.file_rows.tolist() == [0, 10_000, 20_000]
    assert [kept.file_of(row) for row in (0, 9_999, 10_000)] == [0, 0, 1]


def test_an_index_is_saved_and_mapped(source, tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    index = build(source)
    index.save(folder)
    assert_same(index, RowIndex.load(folder))


def test_an_anchor_stands_every_few_thousand_bytes(source):
    index = build(source)
    gaps = np.diff(index.anchor_offsets[: index.file_anchors[1]])
    assert gaps.min() >= 4_096
    assert gaps.max() < 4_096 + 16


def test_a_damaged_index_is_refused(source, tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    build(source).save(folder)
    (folder / "checksums.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"checksums\.npy.*cannot be read"):
        RowIndex.load(folder)
    np.save(folder / "checksums.npy", np.zeros(3, np.float32))
    with pytest.raises(DataError, match="damaged"):
        RowIndex.load(folder)


def test_check_finds_nothing_in_unchanged_files_and_reports_progress(source):
    seen = []
    build(source).check(source.paths, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == sum(file.size for file in source.identity())


@pytest.mark.parametrize(
    ("place", "message"), [(0, "first 4 bytes"), (50_000, r"bytes \d+ to \d+ \(rows \d+ to")]
)
def test_check_names_what_changed(source, place, message):
    index = build(source)
    with open(source.paths[1], "r+b") as file:
        file.seek(place)
        file.write(b"9")
    with pytest.raises(ChangedDataError, match=message):
        index.check(source.paths)


def test_chunks_must_come_in_order(source):
    chunks = list(source.chunks(1 << 15))
    builder = IndexBuilder()
    with pytest.raises(ValueError, match="when row 0 was due"):
        builder.add(chunks[1], chunks[1].checksums())
