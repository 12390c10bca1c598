"""Compressed files are read whole, in any pieces, and what is broken is told with its byte."""

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from property_examples import examples
from reading import PACK
from stoker.errors import DataError
from stoker.sources.packing import PACKINGS, PackedStream, packing_of, read_head


@pytest.fixture(params=sorted(PACK))
def suffix(request):
    return request.param


def write(folder, suffix, *members, tail=b""):
    path = folder / f"t.csv{suffix}"
    path.write_bytes(b"".join(map(PACK[suffix], members)) + tail)
    return str(path)


def read(path, sizes=(1 << 16,)):
    found, turn = [], 0
    with PackedStream(path) as stream:
        while True:
            buffer = np.empty(sizes[turn % len(sizes)], np.uint8)
            count = stream.read_into(buffer)
            found.append(buffer[:count].tobytes())
            turn += 1
            if count < len(buffer):
                return b"".join(found)


def noise(size):
    return np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()


MEMBERS = st.one_of(st.binary(max_size=40), st.integers(1, 400_000).map(noise))


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.lists(
        st.one_of(st.binary(max_size=40), st.integers(1, 400_000).map(noise)), min_size=1, max_size=4
    ),
    sizes=st.lists(st.integers(1, 1 << 18), min_size=1, max_size=3),
)
def test_all_members_are_read_in_any_pieces(tmp_path, suffix, members, sizes):
    assert read(write(tmp_path, suffix, *members), [*sizes, 1 << 18]) == b"".join(members)


def test_a_long_run_of_the_same_byte_comes_in_bounded_pieces(tmp_path, suffix):
    data = b"a" * (20 << 20)
    path = write(tmp_path, suffix, data)
    assert read(path, (3 << 20,)) == data


def test_the_head_is_unpacked_and_says_whether_it_is_all(tmp_path, suffix):
    path = write(tmp_path, suffix, b"one,two\n", b"1,2\n")
    assert read_head(path, 5) == (b"one,t", False)
    assert read_head(path, 12) == (b"one,two\n1,2\n", True)
    assert read_head(path, 100) == (b"one,two\n1,2\n", True)


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.001])
def test_a_file_that_is_cut_off_is_told_with_the_byte(tmp_path, suffix, kept):
    path = write(tmp_path, suffix, noise(300_000))
    whole = Path(path).read_bytes()
    size = max(20, int(len(whole) * kept))
    Path(path).write_bytes(whole[:size])
    with pytest.raises(DataError, match=rf"t\.csv{suffix}: the \w+ data are cut off at byte {size:,}"):
        read(path)


def test_damage_is_told_with_the_file_and_the_byte(tmp_path, suffix):
    path = write(tmp_path, suffix, b"the quick brown fox\n" * 20_000)
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8] = b"\0\xff" * 4
    Path(path).write_bytes(data)
    with pytest.raises(DataError, match=rf"t\.csv{suffix}: the \w+ data are (damaged near|cut off at) byte"):
        read(path)


def test_something_else_behind_the_data_is_an_error(tmp_path, suffix):
    path = write(tmp_path, suffix, b"a,b\n1,2\n", tail=b"something else\n")
    with pytest.raises(DataError, match=r"no \w+ data follows at byte|damaged near"):
        read(path)


@pytest.mark.parametrize("padded", [".gz", ".bz2", ".xz"])
def test_zero_bytes_behind_the_data_are_padding(tmp_path, padded):
    path = write(tmp_path, padded, b"a,b\n", tail=b"\0" * 512 + PACK[padded](b"1,2\n") + b"\0" * 1024)
    assert read(path) == b"a,b\n1,2\n"


def test_a_wrong_checksum_is_damage(tmp_path):
    path = tmp_path / "t.csv.gz"
    data = bytearray(gzip.compress(b"a,b\n1,2\n"))
    data[-8:-4] = zlib.crc32(b"other").to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(DataError, match="incorrect data check"):
        read(str(path))


def test_the_suffix_is_confirmed_by_the_first_bytes(tmp_path, suffix):
    assert packing_of(write(tmp_path, suffix, b"a,b\n")) == PACKINGS[suffix]
    path = tmp_path / f"plain.csv{suffix}"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match="by its suffix and holds no such data"):
        packing_of(str(path))
    path.write_bytes(PACK[".gz" if suffix != ".gz" else ".xz"](b"a,b\n"))
    with pytest.raises(DataError, match=r"by its suffix and holds (gzip|xz) data"):
        packing_of(str(path))
    path = tmp_path / "t.csv"
    path.write_bytes(PACK[suffix](b"a,b\n"))
    with pytest.raises(DataError, match=rf"rename it to .*t\.csv{suffix}$"):
        packing_of(str(path))


def test_plain_text_that_begins_like_bzip2_is_plain(tmp_path):
    (tmp_path / "t.csv").write_text("BZh9,b\n1,2\n")
    assert packing_of(str(tmp_path / "t.csv")) == ""
    assert packing_of(str(tmp_path)) == ""


def test_an_empty_member_is_nothing(tmp_path, suffix):
    assert read(write(tmp_path, suffix, b"")) == b""
    assert packing_of(write(tmp_path, suffix, b"")) == PACKINGS[suffix]
