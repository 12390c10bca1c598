"""The cache holds the rows bit for bit, is readable by anyone, and is whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pyarrow as pa
import pytest

import stoker
from stoker import cache
from stoker.cache import filling, mapped, places, writing
from stoker.errors import ChangedDataError, DataError, OptionError
from stoker.ledger import Ledger
from stoker.survey import Survey, survey

NUM_ROWS = 2_345


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch) -> Path:
    """The user's cache directory, away from the real one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return tmp_path / "user-cache"


def write_bytes(folder: Path) -> Survey:
    values = np.random.default_rng(1).integers(0, 256, (NUM_ROWS, 12))
    return write(folder, "y," + ",".join(f"p{place}" for place in range(11)), values.tolist())


def write_floats(folder: Path) -> Survey:
    rng = np.random.default_rng(2)
    rows = [[rng.normal(), "" if row % 7 == 0 else rng.normal()] for row in range(NUM_ROWS)]
    return write(folder, "y,a", rows, na="mean")


def write_texts(folder: Path) -> Survey:
    rows = [[f"kind-{'äbc'[row % 3]}", row % 200 * 300, row % 7 - 3] for row in range(NUM_ROWS)]
    return write(folder, "y,a,b", rows)


def write_bad_rows(folder: Path) -> Survey:
    rows = [[["no", "yes"][row % 2], row % 200, "" if row % 50 == 0 else row % 9] for row in range(NUM_ROWS)]
    rows[0] = rows[77] = rows[-1] = ["no"]
    return write(folder, "y,a,b", rows, na="drop-row", on_bad_row="skip")


def write(folder: Path, header: str, rows: list[list], **options) -> Survey:
    text = "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    (folder / "t.csv").write_text(text)
    return survey(stoker.open(folder / "t.csv", label="y"), stored=False, **options)


TABLES = {"bytes": write_bytes, "floats": write_floats, "texts": write_texts, "bad rows": write_bad_rows}


@pytest.fixture(params=sorted(TABLES))
def found(request, tmp_path) -> Survey:
    return TABLES[request.param](tmp_path)


def dense(rows) -> tuple[np.ndarray, list]:
    places = rows.places(np.arange(rows.num_rows))
    matrix = rows.matrix
    starts = matrix.starts[places // matrix.rows_per_piece]
    starts = starts + places % matrix.rows_per_piece * matrix.num_columns
    labels = rows.columns["y"]
    labels = labels[places].tolist() if isinstance(labels, np.ndarray) else labels.take(places).to_pylist()
    return matrix.values[starts[:, None] + np.arange(matrix.num_columns)], labels


def sound_ids(found: Survey) -> np.ndarray:
    return np.setdiff1d(np.arange(found.num_slots), found.excluded)


def assert_same(cached: cache.CachedRows, found: Survey, ids: np.ndarray) -> None:
    (one, labels), (other, expected) = dense(cached.read(ids)), dense(found.reader().read(ids))
    assert one.dtype == other.dtype == found.dtype
    assert one.tobytes() == other.tobytes()
    assert np.array(labels).tobytes() == np.array(expected).tobytes()


@pytest.mark.parametrize("piece_bytes", [1 << 10, 1 << 22])
@pytest.mark.parametrize("workers", [0, 2])
def test_every_row_is_that_of_the_file_bit_for_bit(found, monkeypatch, piece_bytes, workers):
    monkeypatch.setattr(filling, "_PIECE_BYTES", piece_bytes)
    cached = cache.build(found, found.reader(), workers=workers)
    ids = sound_ids(found)
    assert cached.num_slots == NUM_ROWS
    assert_same(cached, found, ids)
    rng = np.random.default_rng(3)
    for share in (0.0, 0.01, 0.3):
        assert_same(cached, found, ids[rng.random(len(ids)) < share])


def test_rows_kept_in_memory_and_rows_of_the_file_make_the_same_cache(tmp_path):
    raw = write_bad_rows(tmp_path)
    kept = survey(raw.source, stored=False, na="drop-row", on_bad_row="skip", keep_bytes=1 << 20)
    assert kept.kept is not None
    built = [cache.build(found, found.reader()).path.read_bytes() for found in (raw, kept)]
    assert built[0] == built[1]


def test_anyone_with_pyarrow_can_read_it(tmp_path):
    found = write_texts(tmp_path)
    path = cache.build(found, found.reader()).path
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    assert table.num_rows == NUM_ROWS
    assert table.column("y").to_pylist()[:3] == ["kind-ä", "kind-b", "kind-c"]
    assert table.column("features").to_pylist()[1] == [300, -2]
    assert table.schema.metadata[b"stoker.features"] == b'["a", "b"]'


def test_the_matrix_is_the_mapped_file_and_no_copy(tmp_path):
    found = write_bytes(tmp_path)
    cached = cache.build(found, found.reader())
    one, other = cached.read(np.arange(5)), cached.read(np.array([3, 9]))
    assert one.matrix.values.size == cached.num_bytes
    assert np.shares_memory(one.matrix.values, other.matrix.values)
    assert not one.matrix.values.flags.writeable


def test_it_is_found_again_and_only_by_the_same_data(tmp_path):
    found = write_bytes(tmp_path)
    assert cache.find(found) is None
    cache.build(found, found.reader())
    assert_same(cache.find(found), found, sound_ids(found))
    other_view = survey(found.source.split(0.5)[0], stored=False)
    assert cache.find(other_view) is not None
    assert cache.find(write_texts(tmp_path)) is None


def test_the_size_is_known_before(found):
    cached = cache.build(found, found.reader())
    assert cached.num_bytes <= cache.expected_bytes(found) < 1.6 * cached.num_bytes + 70_000


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"something else altogether"),
        lambda path: os.truncate(path, path.stat().st_size - 1),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: path.write_bytes(path.read_bytes().replace(b"stoker.data", b"stoker.dxta")),
        lambda path: path.write_bytes(
            path.read_bytes()[:1_000] + b"\xff" * 64 + path.read_bytes()[1_064:-10]
        ),
    ],
)
def test_a_damaged_cache_is_not_found_and_can_be_built_anew(tmp_path, spoil):
    found = write_bytes(tmp_path)
    spoil(cache.build(found, found.reader()).path)
    assert cache.find(found) is None
    assert_same(cache.build(found, found.reader()), found, sound_ids(found))


def test_a_cache_that_is_cut_off_while_it_is_used_is_an_error_and_not_the_end_of_the_process(tmp_path):
    found = write_bytes(tmp_path)
    cached = cache.build(found, found.reader())
    size = cached.path.stat().st_size
    assert_same(cached, found, sound_ids(found))
    os.truncate(cached.path, size // 2)
    words = rf"rows-.*\.arrow was cut off .* had {size:,} bytes and has {size // 2:,}: .* made anew"
    with pytest.raises(ChangedDataError, match=words):
        cached.read(np.arange(NUM_ROWS))
    assert cache.find(found) is None
    assert_same(cache.build(found, found.reader()), found, sound_ids(found))


def test_pieces_that_were_read_are_looked_at_again_when_somebody_wrote_to_the_file(tmp_path):
    found = write_bytes(tmp_path)
    cached = cache.build(found, found.reader())
    assert_same(cached, found, sound_ids(found))
    stamp = cached.path.stat().st_mtime_ns + 10**9
    os.utime(cached.path, ns=(stamp, stamp))  # as whoever else uses it notes
    assert_same(cached, found, sound_ids(found))
    place = cached.read(np.arange(1)).matrix.starts[0]
    with cached.path.open("r+b") as file:
        file.seek(place + 5)
        file.write(b"\xee")
    os.utime(cached.path, ns=(stamp + 1, stamp + 1))
    with pytest.raises(ChangedDataError, match=r"piece 0 of the cache is damaged .*delete the file"):
        cached.read(np.arange(NUM_ROWS))


def test_a_piece_that_somebody_writes_to_while_it_is_looked_at_is_looked_at_again(tmp_path, monkeypatch):
    monkeypatch.setattr(filling, "_PIECE_BYTES", 1 << 10)
    found = write_bytes(tmp_path)
    cached = cache.build(found, found.reader())
    first, last = np.arange(1), np.array([NUM_ROWS - 1])
    places_of_first = iter(cache.find(found).read(first).matrix.starts.tolist())
    checksum_of = mapped.checksum_of

    def looked_at(buffers):
        known = checksum_of(buffers)
        for place in places_of_first:  # the first time
            with cached.path.open("r+b") as file:
                file.seek(place + 5)
                file.write(b"\xee")
            stamp = cached.path.stat().st_mtime_ns + 10**9
            os.utime(cached.path, ns=(stamp, stamp))
            cached.read(last)  # as another thread does meanwhile
        return known

    monkeypatch.setattr(mapped, "checksum_of", looked_at)
    cached.read(first)
    with pytest.raises(ChangedDataError, match="piece 0 of the cache is damaged"):
        cached.read(first)


def test_a_cache_whose_place_another_takes_is_used_on(tmp_path):
    found = write_bytes(tmp_path)
    cached = cache.build(found, found.reader())
    other = cached.path.with_suffix(".other")
    other.write_bytes(b"of somebody else")
    other.replace(cached.path)
    assert_same(cached, found, sound_ids(found))


def test_nothing_of_a_cache_stays_open(tmp_path):
    found = write_bytes(tmp_path)
    path = cache.build(found, found.reader()).path
    path.write_bytes(path.read_bytes()[:-10])
    assert cache.find(found) is None
    assert not [file.path for file in psutil.Process().open_files() if str(tmp_path) in file.path]


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, monkeypatch):
    found = write_bytes(tmp_path)
    before = Path(found.paths[0]).read_bytes()
    real = pa.ipc.RecordBatchFileWriter.write_batch

    def fill_up(self, batch, **metadata):
        real(self, batch, **metadata)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pa.ipc.RecordBatchFileWriter, "write_batch", fill_up)
    with pytest.raises(DataError) as error:
        cache.build(found, found.reader())
    assert "No space left on device" in str(error.value)
    assert "cache='never'" in str(error.value)
    assert f"{cache.expected_bytes(found):,} bytes" in str(error.value)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"t.csv", ".gitignore"}
    assert Path(found.paths[0]).read_bytes() == before


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    found = write_bytes(tmp_path)
    monkeypatch.setattr(places.shutil, "disk_usage", lambda path: SimpleNamespace(free=17))
    monkeypatch.setattr(writing.folders, "staged_file", None)
    with pytest.raises(DataError, match="17 bytes are free"):
        cache.build(found, found.reader())


def test_where_the_folder_cannot_be_written_the_users_cache_serves(tmp_path, user_cache):
    found = write_bytes(tmp_path)
    (tmp_path / ".stoker").write_text("a file is in the way")
    cached = cache.build(found, found.reader())
    assert user_cache in cached.path.parents
    assert cache.find(found).path == cached.path


def test_rows_in_the_users_cache_go_when_they_are_old_or_too_many_and_those_in_use_stay(
    tmp_path, monkeypatch
):
    found = write_bytes(tmp_path)
    (tmp_path / ".stoker").write_text("a file is in the way")
    cached = cache.build(found, found.reader())
    now, day = cached.path.stat().st_mtime_ns, 86_400 * 10**9
    others = {}
    for name, age, size in (("old", 31, 1), ("first", 9, 400), ("second", 5, 400), ("later", -400, 400)):
        path = cached.path.parent.parent / name / f"rows-{name}.arrow"
        path.parent.mkdir()
        path.write_bytes(bytes(size))
        os.utime(path, ns=(now - age * day, now - age * day))
        others[name] = path
    monkeypatch.setenv("STOKER_ROWS_CACHE", str(cached.num_bytes + 1_200))
    assert cache.find(found) is not None
    assert [name for name, path in others.items() if path.exists()] == ["first", "second", "later"]
    monkeypatch.setenv("STOKER_ROWS_CACHE", str(cached.num_bytes + 900))
    cache.build(found, found.reader())
    assert [name for name, path in others.items() if path.exists()] == ["second", "later"]
    monkeypatch.setenv("STOKER_ROWS_CACHE", "0")
    assert cache.find(found) is not None
    assert cached.path.exists()
    assert not any(path.exists() for path in others.values())
    monkeypatch.setenv("STOKER_ROWS_CACHE", "much")
    with pytest.raises(OptionError, match="STOKER_ROWS_CACHE must be a number of bytes"):
        cache.find(found)


def test_rows_beside_the_data_are_never_removed_for_others(tmp_path, monkeypatch):
    found = write_bytes(tmp_path)
    monkeypatch.setenv("STOKER_ROWS_CACHE", "0")
    cached = cache.build(found, found.reader())
    other = cached.path.parent / "rows-other.arrow"
    other.write_bytes(b"x")
    os.utime(other, ns=(0, 0))
    assert cache.find(found) is not None
    assert other.exists()


def test_a_file_that_changed_since_its_survey_is_not_cached(tmp_path):
    found = write_bytes(tmp_path)
    path = Path(found.paths[0])
    data = bytearray(path.read_bytes())
    data[-2] = ord("1") if data[-2] != ord("1") else ord("2")
    path.write_bytes(data)
    with pytest.raises(ChangedDataError, match="changed since it was surveyed"):
        cache.build(found, found.reader())
    assert [path.name for path in (tmp_path / ".stoker").iterdir()] == [".gitignore"]


def test_progress_ends_with_all_rows_and_pieces_are_charged(tmp_path):
    found = write_bytes(tmp_path)
    ledger, seen = Ledger(limit=1 << 20), []
    cache.build(found, found.reader(), ledger=ledger, progress=lambda *done: seen.append(done))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (NUM_ROWS, NUM_ROWS)
    assert 0 < ledger.peak < 1 << 19
    assert ledger.current == 0


def test_a_chosen_directory_is_used(tmp_path):
    found = write_bytes(tmp_path)
    cached = cache.build(found, found.reader(), directory=tmp_path / "elsewhere")
    assert cached.path.parent == tmp_path / "elsewhere"
    assert cache.find(found) is None
    assert cache.find(found, directory=tmp_path / "elsewhere") is not None
