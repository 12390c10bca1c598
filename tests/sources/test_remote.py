"""Files elsewhere are read as files here, whatever the server does."""

import socket
import time
import traceback

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from reading import PACK, index_of
from remote_tables import assert_rows, content_of, noise, table
from stoker.errors import ChangedDataError, DataError, OptionError
from stoker.sources.files import open_reader
from stoker.sources.remote import is_remote, retrying
from stoker.sources.remote import reader as remote
from stoker.sources.remote.blocks import BlockCache
from stoker.sources.remote.names import BLOCK_BYTES
from stoker.sources.remote.retrying import Refused
from stoker.survey import survey

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]


def test_a_table_on_a_web_server_is_read_by_row(server):
    values, content = table()
    assert_rows(stoker.open(server.put("train.csv", content), label="label"), values)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_table_on_a_web_server_is_read(server, suffix):
    values, content = table()
    source = stoker.open(server.put(f"train.csv{suffix}", PACK[suffix](content)), label="label")
    found = survey(source, stored=False, keep_bytes=1 << 20)
    assert np.allclose(found.statistics.mean, values[:, 1:].mean(axis=0))


def test_parquet_and_json_on_a_web_server_are_read(server):
    values, _ = table(500)
    frame = pa.table({name: values[:, place] for place, name in enumerate(["label", "a", "b", "c", "d"])})
    sink = pa.BufferOutputStream()
    pq.write_table(frame, sink)
    assert_rows(stoker.open(server.put("t.parquet", sink.getvalue().to_pybytes()), label="label"), values)
    lines = "\n".join(f'{{"label": {y}, "a": {a}, "b": {b}, "c": {c}, "d": {d}}}' for y, a, b, c, d in values)
    assert_rows(stoker.open(server.put("t.jsonl", lines.encode()), label="label"), values)


@pytest.mark.parametrize("suffix", [".arrow", ".arrows"])
def test_arrow_on_a_web_server_is_read(server, suffix):
    values, _ = table(500)
    frame = pa.table({name: values[:, place] for place, name in enumerate(["label", "a", "b", "c", "d"])})
    sink = pa.BufferOutputStream()
    new = pa.ipc.new_file if suffix == ".arrow" else pa.ipc.new_stream
    with new(sink, frame.schema) as writer:
        writer.write_table(frame, max_chunksize=100)
    source = stoker.open(server.put(f"t{suffix}", sink.getvalue().to_pybytes()), label="label")
    found = survey(source, stored=False, keep_bytes=1 << 20)
    assert np.allclose(found.statistics.mean, values[:, 1:].mean(axis=0))
    if suffix == ".arrow":
        assert_rows(source, values)


@pytest.mark.parametrize("trouble", ["drop", "stall", "short", "500", "503", "429"])
def test_a_request_that_goes_wrong_is_made_again(server, trouble, monkeypatch):
    if trouble == "stall":
        monkeypatch.setenv("STOKER_REMOTE_SECONDS", "0.5")
    content = noise(3 * BLOCK_BYTES + 17)
    url = server.put("noise.bin", content)
    server.troubles.extend([trouble, trouble])
    with open_reader(url, in_order=True) as file:
        out = np.empty(len(content), np.uint8)
        assert file.read_into(out, 0) == len(content)
    assert out.tobytes() == content


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("drop", r"reading bytes 0 to 1,000 failed 5 times"),
        ("short", r"failed 5 times in \d+ s .*500 bytes came where 1,000 were asked for"),
        ("stall", r"failed 5 times in"),
        ("500", r"failed 5 times in"),
        ("403", "permission denied"),
    ],
)
def test_what_goes_wrong_each_time_is_an_error_within_seconds(server, monkeypatch, trouble, said):
    if trouble == "stall":
        monkeypatch.setenv("STOKER_REMOTE_SECONDS", "0.2")
    url = server.put("noise.bin", noise(1_000))
    reader = open_reader(url)
    server.always["noise.bin"] = trouble
    began = time.monotonic()
    with pytest.raises(DataError, match=said):
        reader.read_into(np.empty(1_000, np.uint8), 0)
    assert time.monotonic() - began < 15


def test_a_server_that_gives_no_ranges_is_told(server):
    url = server.put("train.csv", table()[1])
    server.always["train.csv"] = "whole"
    with pytest.raises(DataError, match=r"gives no parts of it.*download it first"):
        stoker.open(url, label="label")


def test_a_file_that_is_not_there_is_told_at_once(server):
    url = server.put("a.csv", b"")
    with pytest.raises(DataError, match=r"b\.csv: no such file; check the address"):
        stoker.open(url.replace("a.csv", "b.csv"), label="label")


def test_an_endpoint_that_does_not_answer_is_told(server, monkeypatch):
    monkeypatch.setenv("STOKER_REMOTE_SECONDS", "0.05")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(DataError, match=r"asking for the size failed 5 times"):
            stoker.open(f"http://127.0.0.1:{silent.getsockname()[1]}/train.csv", label="label")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("seed", range(3))
def test_any_ranges_are_the_files_bytes(server, seed, monkeypatch):
    content = noise(5 * BLOCK_BYTES + 123)
    rng = np.random.default_rng(seed)
    with open_reader(server.put("noise.bin", content)) as file:
        for _ in range(20):
            start, count = int(rng.integers(0, len(content))), int(rng.integers(0, 2 * BLOCK_BYTES))
            out = np.empty(count, np.uint8)
            read = file.read_into(out, start)
            assert out[:read].tobytes() == content[start : start + count]


def test_reading_in_order_asks_ahead_and_for_several_blocks_at_once(server):
    server.together = 2
    content = noise(16 * BLOCK_BYTES)
    with open_reader(server.put("noise.bin", content), in_order=True) as file:
        out = np.empty(100_000, np.uint8)
        pieces = []
        while count := file.read_into(out, sum(map(len, pieces))):
            pieces.append(out[:count].tobytes())
    assert b"".join(pieces) == content
    assert len(server.asked) == 4
    assert server.most_at_once > 1


def test_what_came_once_comes_from_the_disk_afterwards(server):
    values, content = table()
    url = server.put("train.csv", content)
    assert_rows(stoker.open(url, label="label"), values)
    before = len(server.asked)
    assert_rows(stoker.open(url, label="label"), values)
    assert len(server.asked) == before


def test_another_version_of_a_file_is_not_taken_for_the_one_before(server):
    values, content = table()
    url = server.put("train.csv", content)
    source = stoker.open(url, label="label")
    index, dtype = index_of(source)
    changed = content[:-1] + (b"1" if content[-1:] != b"1" else b"2")
    server.put("train.csv", changed, tag='"two"')
    with pytest.raises(ChangedDataError, match="changed"):
        source.reader(index, None, dtype).read(np.arange(len(values)))


def test_a_cache_that_cannot_be_written_keeps_nothing_and_harms_nobody(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(remote, "shared_cache", lambda: BlockCache(tmp_path / "file" / "x", 1 << 20))
    values, content = table()
    assert_rows(stoker.open(server.put("train.csv", content), label="label"), values)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hidden@host/train.csv",
        "s3://key:hidden@bucket/train.csv",
        "https://host/train.csv?X-Amz-Signature=hidden",
        "https://host/train.csv?sv=1&sig=hidden",
        "https://host/train.csv?apikey=hidden",
        "https://host/train.csv?v=2&accessToken=hidden",
        "https://host/train.csv?pwd=hidden",
        "HTTPS://host/train.csv?auth=hidden",
        "https://host/train.csv?code=hidden",
        "https://host/train.csv?my_sas=hidden",
    ],
)
def test_secrets_in_an_address_are_refused_and_not_repeated(url):
    with pytest.raises(OptionError, match="written down") as error:
        stoker.open(url, label="label")
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("modified", [True, False])
def test_without_a_tag_the_time_tells_versions_apart_and_without_both_nothing_is_kept(server, modified):
    for day, content in enumerate([b"one", b"two"], 1):
        server.extra = {"Last-Modified": f"Mon, 0{day} Jan 2024 00:00:00 GMT"} if modified else {}
        assert content_of(server.put("a.bin", content, tag="")) == content
        before = len(server.asked)
        assert content_of(server.put("a.bin", content, tag="")) == content
        assert len(server.asked) - before == (0 if modified else 1)


def test_a_table_whose_versions_cannot_be_told_apart_is_read(server):
    values, content = table()
    assert_rows(stoker.open(server.put("train.csv", content, tag=""), label="label"), values)


def test_no_more_is_taken_than_was_asked_for(server):
    url = server.put("noise.bin", noise(32 * BLOCK_BYTES))
    with open_reader(url) as reader:
        server.always["noise.bin"] = "whole"
        with pytest.raises(DataError, match="gives no parts of it any more"):
            reader.read_into(np.empty(1_000, np.uint8), 0)
        with pytest.raises(DataError, match="gives no parts of it"):
            open_reader(url)
    assert server.sent < 16 * BLOCK_BYTES


@pytest.mark.parametrize("size", [1_000, 999, 1_001])
def test_a_file_that_changes_while_it_is_read_is_told(server, size):
    url = server.put("noise.bin", noise(1_000))
    with open_reader(url) as reader:
        server.put("noise.bin", bytes(size), tag='"two"')
        with pytest.raises(ChangedDataError, match="changed while it was read"):
            reader.read_into(np.empty(1_000, np.uint8), 0)


@pytest.mark.parametrize("trouble", ["403", "404", "500", "drop", "whole"])
def test_where_a_server_redirects_to_is_not_repeated(server, trouble):
    target = server.put("target.bin", noise(1_000))
    server.redirects["a.bin"] = f"{target}?X-Amz-Signature=hidden"
    reader = open_reader(target.replace("target", "a"))
    server.always["target.bin"] = trouble
    with pytest.raises(DataError) as error:
        reader.read_into(np.empty(1_000, np.uint8), 0)
    assert "hidden" not in "".join(traceback.format_exception(error.value))
    found: BaseException | None = error.value
    while found is not None:
        assert "hidden" not in repr(found)
        found = found.__context__


def test_a_server_that_drips_is_given_up(server, monkeypatch):
    monkeypatch.setattr(retrying, "_LEAST_BYTES_A_SECOND", 1e9)
    monkeypatch.setenv("STOKER_REMOTE_SECONDS", "0.2")
    reader = open_reader(server.put("noise.bin", noise(1_000)))
    server.always["noise.bin"] = "drip"
    with pytest.raises(DataError, match=r"failed 5 times in .*TimeoutError"):
        reader.read_into(np.empty(1_000, np.uint8), 0)


def test_an_empty_file_is_looked_at(server):
    assert open_reader(server.put("a.bin", b"")).size == 0


def test_a_schemes_case_does_not_matter(server):
    values, content = table()
    url = server.put("train.csv", content)
    source = stoker.open(url.replace("http", "HTTP"), label="label")
    assert source.paths == (url,)
    assert_rows(source, values)
    assert is_remote("S3://bucket/train.csv")
    assert not is_remote("C:/train.csv")


def test_reading_in_order_may_go_back(server):
    content = noise(6 * BLOCK_BYTES)
    with open_reader(server.put("noise.bin", content), in_order=True) as file:
        for start, stop in [(0, 3.5), (3.2, 4.5), (3.9, 4.2), (1.5, 5), (4.5, 4.6), (0, 6)]:
            low, high = int(start * BLOCK_BYTES), int(stop * BLOCK_BYTES)
            out = np.empty(high - low, np.uint8)
            assert file.read_into(out, low) == high - low
            assert out.tobytes() == content[low:high]


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("reading 'part-00403.csv' in bucket 'b': AWS Error SLOW_DOWN during GetObject", None),
        ("reading 'AccessDenied/x.csv': AWS Error NETWORK_CONNECTION during HeadObject", None),
        ("reading 'x.csv': AWS Error ACCESS_DENIED during HeadObject operation", "permission denied"),
        ("reading 'x.csv': AWS Error UNKNOWN (HTTP status 403) during HeadObject", "permission denied"),
        ("reading 'x.csv': AWS Error INVALID_ACCESS_KEY_ID during ListObjectsV2", "credentials"),
        ("reading 'x.csv': AWS Error NO_SUCH_BUCKET during ListObjectsV2", "no such bucket"),
    ],
)
def test_what_a_store_answers_is_told_from_what_an_object_is_called(said, refused):
    def ask() -> None:
        raise OSError(said)

    with pytest.raises(Refused if refused else OSError, match=refused):
        retrying.told(ask, "~/.aws")


def test_patterns_need_a_store_that_lists(server):
    with pytest.raises(DataError, match="lists no files there"):
        stoker.open(server.put("a.csv", b"").replace("a.csv", "*.csv"), label="label")


def test_folders_need_a_store_that_lists(server):
    with pytest.raises(DataError, match="lists no files there"):
        stoker.open(server.put("reviews/", b""))


def test_a_scheme_that_nobody_knows_is_told():
    with pytest.raises(OptionError, match="nothing:// cannot be read"):
        stoker.open("nothing://bucket/train.csv", label="label")
