import os
import threading
from pathlib import Path

import numpy as np
import pytest

import stoker
from stoker.errors import BadRowError, ChangedDataError, OptionError
from stoker.given import given
from stoker.sources import IndexBuilder, csv_reader, files
from stoker.sources.files import FilePool, FileReader

NUM_ROWS = 20_000


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x,y\n" + "".join(f"{row % 251},{row}\n" for row in range(NUM_ROWS)))
    return file


def index_of(source):
    builder = IndexBuilder()
    for chunk in source.chunks(1 << 16):
        builder.add(chunk, chunk.checksums())
    return builder.finish(source.paths, [file.size for file in source.identity()])


def reader_of(path, excluded=None, **options):
    source = stoker.open(path, label="y")
    return source.reader(index_of(source), excluded, np.uint8, **options)


EVERY = np.arange(NUM_ROWS)


def test_ids_must_be_ascending_and_known(path):
    reader = reader_of(path)
    for ids in ([3, 2], [1, 1]):
        with pytest.raises(OptionError, match="strictly ascending"):
            reader.read(np.array(ids))
    with pytest.raises(OptionError, match=rf"\[0, {NUM_ROWS}\), got 5 to {NUM_ROWS}"):
        reader.read(np.array([5, NUM_ROWS]))


def test_a_changed_byte_is_named_with_file_bytes_and_rows(path):
    reader = reader_of(path)
    data = bytearray(path.read_bytes())
    place = data.index(b",12000\n") + 1
    data[place] = ord("9")
    path.write_bytes(data)
    with pytest.raises(ChangedDataError, match=r"a\.csv changed .* bytes \d+ to \d+ \(rows \d+ to \d+\)"):
        reader.read(np.array([12_000]))
    assert reader.read(np.array([3])).columns["y"].tolist() == [3]


def test_checksums_may_be_left_out(path):
    reader = reader_of(path, verify=False)
    data = path.read_bytes()
    path.write_bytes(data.replace(b",12000\n", b",92000\n"))
    assert reader.read(np.array([12_000])).columns["y"].tolist() == [92_000]


@pytest.mark.parametrize("most_rows", [1, 700, 1 << 14])
def test_the_pieces_in_which_rows_are_read_change_nothing(path, monkeypatch, most_rows):
    whole = reader_of(path).read(EVERY)
    monkeypatch.setattr(csv_reader, "PIECE_BYTES", 1)
    monkeypatch.setattr(csv_reader, "_PIECE_ROWS", most_rows)
    reader = reader_of(path)
    for ids in (EVERY, EVERY[5::7], EVERY[[0, 1, 2, 9_000, 9_001, NUM_ROWS - 1]]):
        rows = reader.read(ids)
        assert rows.matrix.values.tolist() == whole.matrix.values[ids].tolist()
        assert rows.columns["y"].tolist() == ids.tolist()


@pytest.mark.parametrize(("change", "word"), [(-100, "shrank"), (+7, "grew")])
def test_another_size_is_noticed_before_anything_is_parsed(path, change, word):
    reader = reader_of(path)
    reader.read(EVERY[:3])
    size = path.stat().st_size
    os.truncate(path, size + change)
    with pytest.raises(
        ChangedDataError, match=f"{word} since it was surveyed, from {size} to {size + change}"
    ):
        reader.read(EVERY[:3])


def test_a_vanished_file_is_noticed_whether_open_or_not(path):
    reader, fresh = reader_of(path), reader_of(path)
    reader.read(EVERY[:3])
    path.unlink()
    with pytest.raises(ChangedDataError, match=r"deleted or replaced"):
        reader.read(EVERY[:3])
    with pytest.raises(ChangedDataError, match=r"cannot be opened now \(No such file"):
        fresh.read(EVERY[:3])


def test_a_replaced_file_is_noticed(path):
    reader = reader_of(path)
    reader.read(EVERY[:3])
    other = path.with_name("other.csv")
    other.write_bytes(path.read_bytes())
    os.replace(other, path)
    with pytest.raises(ChangedDataError, match="deleted or replaced"):
        reader.read(EVERY[:3])


def test_a_bad_row_that_was_not_excluded_is_named_with_its_line(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x,y\n" + "".join(f"{row},{row}\n" for row in range(2_000)) + "oops,1\n5,6\n")
    source = stoker.open(file, label="y")
    index = index_of(source)
    good = source.reader(index, np.array([2_000]), np.int16)
    assert good.read(np.array([1_999, 2_000, 2_001])).matrix.values.tolist() == [1_999, 0, 5]
    with pytest.raises(BadRowError, match=r"line 2002 \(row 2000\): column 'x' holds 'oops'"):
        source.reader(index, None, np.int16).read(np.array([10, 2_000]))


def test_a_value_wider_than_the_held_type_is_a_change(path):
    source = stoker.open(path, label="y", columns=["x"], types={"x": "int"})
    index = index_of(source)
    path.write_bytes(path.read_bytes().replace(b"\n250,", b"\n999,"))
    with pytest.raises(ChangedDataError, match="need int16, and the survey found uint8"):
        source.reader(index, None, np.uint8, verify=False).read(EVERY)


def test_reads_work_without_positional_reads(path, monkeypatch):
    expected = reader_of(path).read(EVERY[::7]).columns["y"]
    monkeypatch.setattr(files, "_HAS_PREADV", False)
    assert np.array_equal(reader_of(path).read(EVERY[::7]).columns["y"], expected)


def test_a_pool_keeps_few_files_open_and_reopens_the_others(tmp_path):
    paths = []
    for number in range(6):
        paths.append(str(tmp_path / str(number)))
        Path(paths[-1]).write_bytes(bytes([number]))
    pool, byte = FilePool(paths, limit=2), np.empty(1, np.uint8)
    for _ in range(2):
        for number in range(6):
            with pool.lease(number) as file:
                file.read_into(byte, 0)
            assert byte[0] == number
            assert len(pool._open) <= 2
    pool.close()
    assert not pool._open


def test_a_pool_finds_its_files_when_the_process_has_gone_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "one").write_bytes(b"\x07")
    monkeypatch.chdir(tmp_path)
    pool, byte = FilePool([given("one"), given("other")]), np.empty(1, np.uint8)
    os.chdir("elsewhere")
    with pool.lease(0) as file:
        file.read_into(byte, 0)
        assert (byte[0], file.path) == (7, "one")
    with pytest.raises(ChangedDataError, match=r"^other was there when it was surveyed"):
        pool.lease(1).__enter__()
    pool.close()


def test_a_file_in_use_is_not_closed_under_its_reader(tmp_path):
    paths = [str(tmp_path / str(number)) for number in range(3)]
    for path in paths:
        Path(path).write_bytes(b"x")
    pool, byte = FilePool(paths, limit=1), np.empty(1, np.uint8)
    with pool.lease(0) as held:
        for number in (1, 2):
            with pool.lease(number):
                pass
        pool.close()
        assert held.read_into(byte, 0) == 1
    pool.close()
    assert not pool._open


def test_reading_stops_at_the_end_of_the_file(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    out = np.zeros(8, np.uint8)
    with FileReader(str(file)) as reader:
        assert reader.read_into(out, 2) == 3
        assert reader.read_into(out, 9) == 0
        assert reader.read_into(out[:0], 0) == 0
    assert out[:3].tobytes() == b"345"


def test_a_file_that_does_not_open_keeps_nobody_from_another(tmp_path):
    paths = [str(tmp_path / name) for name in "ab"]
    for path in paths:
        Path(path).write_bytes(b"x")
    asked, answered = threading.Event(), threading.Event()

    def locate(index: int) -> str:
        if not index:
            asked.set()
            assert answered.wait(10)
        return paths[index]

    pool, byte = FilePool(paths, locate=locate), np.zeros(1, np.uint8)

    def read(index: int) -> None:
        with pool.lease(index) as file:
            file.read_into(byte, 0)

    slow = threading.Thread(target=read, args=(0,))
    slow.start()
    assert asked.wait(10)
    read(1)
    assert byte[0] == ord("x")
    answered.set()
    slow.join(10)
    pool.close()


def test_files_elsewhere_stay_open_for_they_hold_no_descriptor(server, own_cache):
    urls = [server.put(f"{number}.bin", b"x") for number in range(4)]
    pool = FilePool(urls, limit=1)
    for _ in range(2):
        for number in range(4):
            with pool.lease(number):
                pass
    assert len(server.methods) == 4
    pool.close()
    assert not pool._open
