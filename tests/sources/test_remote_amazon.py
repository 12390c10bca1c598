"""Buckets of S3, of a server in a process of its own that speaks as S3 does."""

import os
import subprocess
import sys

import numpy as np
import pytest

import stoker
from reading import PACK
from remote_tables import PARTITIONS, assert_partitions, assert_rows, content_of, parquet, table
from stoker.errors import ChangedDataError, DataError
from stoker.sources.files import open_reader
from stoker.sources.remote import amazon, listing
from stoker.sources.remote.abandoning import Late
from stoker.sources.remote.listing import remote_matches
from stoker.survey import survey

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]


def test_tables_in_a_bucket_are_matched_and_read(bucket, own_cache):
    values, content = table()
    head, *lines = content.splitlines(keepends=True)
    for name, part in (("b", lines[1_500:]), ("a", lines[:1_500])):
        with bucket.open_output_stream(f"bucket/data/{name}.csv") as file:
            file.write(head + b"".join(part))
    source = stoker.open("s3://bucket/data/*.csv", label="label")
    assert source.paths == ("s3://bucket/data/a.csv", "s3://bucket/data/b.csv")
    assert_rows(source, values)
    feed = stoker.Feed(source, batch_size=256)
    assert sum(batch.size for batch in feed.epoch(0)) == 3_000
    assert any(own_cache.rglob("*"))
    with pytest.raises(DataError, match="no object matches this pattern"):
        stoker.open("s3://bucket/data/*.tsv", label="label")
    with pytest.raises(DataError, match="no such object"):
        stoker.open("s3://bucket/none.csv", label="label")


def write(bucket, name: str, content: bytes) -> str:
    with bucket.open_output_stream(f"bucket/{name}", compression=None) as file:
        file.write(content)
    return f"s3://bucket/{name}"


def test_a_compressed_table_in_a_bucket_is_read(bucket):
    values, content = table()
    source = stoker.open(write(bucket, "train.csv.gz", PACK[".gz"](content)), label="label")
    found = survey(source, stored=False, keep_bytes=1 << 20)
    assert np.allclose(found.statistics.mean, values[:, 1:].mean(axis=0))


def test_an_object_of_the_same_size_in_a_bucket_is_another_one(bucket):
    for content in (b"one", b"two", b"six"):
        assert content_of(write(bucket, "same.bin", content)) == content
    reader = open_reader(write(bucket, "same.bin", b"ten"))
    write(bucket, "same.bin", b"ant")
    with pytest.raises(ChangedDataError, match="changed while it was read"):
        reader.read_into(np.empty(3, np.uint8), 0)


def test_a_folder_of_texts_in_a_bucket_is_read(bucket):
    for name, content in (("pos/1.txt", b"good"), ("neg/1.txt", b"bad")):
        write(bucket, f"reviews/{name}", content)
    source = stoker.open("s3://bucket/reviews/")
    found = survey(source, stored=False, keep_bytes=1 << 20)
    assert found.num_rows == 2


def test_a_folder_of_columns_in_a_bucket_is_read_with_what_its_folders_tell(bucket):
    for name, values in PARTITIONS.items():
        write(bucket, f"clicks/{name}", parquet(values) if values else b"x")
    assert_partitions(stoker.open("s3://bucket/clicks/", label="y"))
    with pytest.raises(DataError, match="no such folder"):
        stoker.open("s3://bucket/none/", label="y")
    with pytest.raises(DataError, match=r"this is a folder; .*all of it as s3://bucket/clicks/"):
        stoker.open("s3://bucket/clicks", label="y", format="parquet")


def test_names_of_classes_stand_beside_a_table_in_a_bucket(bucket):
    url = write(bucket, "news/train.csv", b'"1","a"\n"2","b"\n')
    assert stoker.open(url, format="zhang").class_names is None
    write(bucket, "news/classes.txt", b"World\nSports\n")
    assert stoker.open(url, format="zhang").class_names == ("World", "Sports")


def test_patterns_are_matched_level_by_level(bucket, monkeypatch):
    for name in ("top/a.csv", "top/b.txt", "top/1/a.csv", "top/1/2/a.csv", "top/3/b.csv"):
        write(bucket, name, b"x")
    listed = []
    matching = listing.match_level_by_level

    def told(pattern, ask):
        return matching(pattern, lambda folder, **how: listed.append(folder) or ask(folder, **how))

    monkeypatch.setattr(listing, "match_level_by_level", told)
    assert remote_matches("s3://bucket/top/*.csv") == ["s3://bucket/top/a.csv"]
    assert listed == ["bucket/top"]
    assert remote_matches("s3://bucket/top/[12]/?.csv") == ["s3://bucket/top/1/a.csv"]
    assert listed[1:] == ["bucket/top", "bucket/top/1"]
    assert len(remote_matches("s3://bucket/top/**/a.csv")) == 3


def test_a_range_is_asked_for_without_a_look_before(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.put("", b"").rstrip("/"))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    server.put("bucket/a.bin", bytes(1_000))
    content_of("s3://bucket/a.bin")
    assert server.methods == ["HEAD", "GET", "HEAD"]


_DRIPPED = """
import time
import numpy as np
from stoker.errors import DataError
from stoker.sources.files import open_reader
from stoker.sources.remote import retrying

retrying._LEAST_BYTES_A_SECOND, retrying._FIRST_PAUSE = 1e9, 0.01
reader = open_reader("s3://bucket/a.bin")
began = time.monotonic()
try:
    reader.read_into(np.empty(1_000, np.uint8), 0)
except DataError as error:
    print(error)
assert time.monotonic() - began < 10
raise SystemExit(3)
"""


def test_a_server_that_drips_is_given_up_and_nobody_waits_for_it(server):
    settings = {
        "STOKER_REMOTE_SECONDS": "0.2",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    server.put("bucket/a.bin", bytes(1_000))
    server.always["bucket/a.bin"] = "drip"
    told = subprocess.run(
        [sys.executable, "-c", _DRIPPED],
        env={**os.environ, **settings, "AWS_ENDPOINT_URL": server.put("", b"").rstrip("/")},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "reading bytes 0 to 1,000 failed 5 times" in told.stdout
    assert "it was not whole within 0 s" in told.stdout
    assert (told.returncode, told.stderr) == (3, "")


def test_where_nobody_says_a_region_the_buckets_own_is_asked(monkeypatch):
    from pyarrow import fs

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fs, "resolve_s3_region", {"far": "eu-north-1"}.__getitem__)
    assert amazon.S3Store("far", 1.0)._fs.region == "eu-north-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert amazon.S3Store("far", 1.0)._fs.region == "eu-west-1"


def test_a_list_of_a_bucket_that_trickles_is_given_up_and_not_asked_for_again(bucket, monkeypatch):
    asked = []

    def late(ask, seconds):
        asked.append(seconds)
        raise Late(f"it was not whole within {seconds:.0f} s")

    url = write(bucket, "late/a.csv", b"x")
    monkeypatch.setattr(amazon, "within", late)
    with pytest.raises(
        DataError, match=r"late/: the list of its files: it was not whole within \d+ s; name its"
    ):
        listing.remote_files(url.removesuffix("a.csv"))
    assert len(asked) == 1
