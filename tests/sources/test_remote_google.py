"""Buckets of Google Cloud Storage: of an emulator, and of a server that misbehaves."""

import json
import threading
import time

import numpy as np
import pytest

import google_emulator
import stoker
from google_emulator import write
from google_server import GoogleServer
from remote_tables import PARTITIONS, assert_partitions, assert_rows, content_of, parquet, table
from stoker.errors import ChangedDataError, DataError
from stoker.sources.files import open_reader
from stoker.sources.remote.listing import remote_matches
from stoker.survey import survey

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """Its address."""
    with google_emulator.running(tmp_path_factory.mktemp("gs") / "log") as address:
        yield address


@pytest.fixture
def bucket(emulator, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    monkeypatch.setenv("STOKER_REMOTE_SECONDS", "10")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    return emulator


def test_tables_in_a_bucket_are_matched_and_read(bucket):
    values, content = table()
    head, *lines = content.splitlines(keepends=True)
    for name, part in (("b", lines[1_500:]), ("a", lines[:1_500])):
        write(bucket, f"data/{name}.csv", head + b"".join(part))
    source = stoker.open("gs://bucket/data/*.csv", label="label")
    assert source.paths == ("gs://bucket/data/a.csv", "gs://bucket/data/b.csv")
    assert_rows(source, values)
    with pytest.raises(DataError, match="no object matches this pattern"):
        stoker.open("gs://bucket/data/*.tsv", label="label")


def test_a_folder_of_texts_in_a_bucket_is_read(bucket):
    for name, content in (("pos/1.txt", b"good"), ("neg/1.txt", b"bad")):
        write(bucket, f"reviews/{name}", content)
    source = stoker.open("gs://bucket/reviews/")
    found = survey(source, stored=False, keep_bytes=1 << 20)
    assert found.num_rows == 2


def test_a_folder_of_columns_in_a_bucket_is_read_with_what_its_folders_tell(bucket):
    for name, values in PARTITIONS.items():
        write(bucket, f"clicks/{name}", parquet(values) if values else b"x")
    assert_partitions(stoker.open("gs://bucket/clicks/", label="y"))
    with pytest.raises(DataError, match="no such folder"):
        stoker.open("gs://bucket/none/", label="y")
    with pytest.raises(DataError, match=r"this is a folder; .*all of it as gs://bucket/clicks/"):
        stoker.open("gs://bucket/clicks", label="y", format="parquet")


def test_names_of_classes_stand_beside_a_table_in_a_bucket(bucket):
    url = write(bucket, "news/train.csv", b'"1","a"\n"2","b"\n')
    assert stoker.open(url, format="zhang").class_names is None
    write(bucket, "news/classes.txt", b"World\nSports\n")
    assert stoker.open(url, format="zhang").class_names == ("World", "Sports")


def test_patterns_are_matched_level_by_level(bucket):
    for name in ("top/a.csv", "top/b.txt", "top/1/a.csv", "top/1/2/a.csv", "top/3/b.csv"):
        write(bucket, name, b"x")
    assert remote_matches("gs://bucket/top/*.csv") == ["gs://bucket/top/a.csv"]
    assert remote_matches("gs://bucket/top/[12]/?.csv") == ["gs://bucket/top/1/a.csv"]
    assert len(remote_matches("gs://bucket/top/**/a.csv")) == 3


def test_an_object_of_the_same_size_is_another_one(bucket):
    for content in (b"one", b"two"):
        assert content_of(write(bucket, "same.bin", content)) == content
    reader = open_reader(write(bucket, "same.bin", b"ten"))
    write(bucket, "same.bin", b"ant")
    with pytest.raises(ChangedDataError, match="changed while it was read"):
        reader.read_into(np.empty(3, np.uint8), 0)


def test_what_is_not_there_is_told(bucket):
    write(bucket, "here/a.csv", b"x")
    with pytest.raises(DataError, match=r"none\.csv: no such object, or no such bucket"):
        stoker.open("gs://bucket/none.csv", label="label")
    for url in ("gs://nobucket/a.csv", "gs://nobucket/*.csv"):
        with pytest.raises(DataError, match="no such bucket; check the address"):
            stoker.open(url, label="label")
    with pytest.raises(DataError, match=r"this is a folder; name its objects, for example gs://bucket/here/"):
        open_reader("gs://bucket/here")


@pytest.fixture
def server(monkeypatch):
    made = GoogleServer()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", made.host)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    yield made
    made.closing.set()
    made.shutdown()
    made.server_close()
    thread.join(10)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("401", "permission denied; give credentials .*GOOGLE_APPLICATION_CREDENTIALS"),
        ("403", "permission denied; give credentials .*GOOGLE_APPLICATION_CREDENTIALS"),
        ("500", r"failed 5 times in .*the server answers 500"),
        ("429", r"failed 5 times in .*the server answers 429"),
        ("silent", r"failed 5 times in \d+ s .*[Tt]imeout"),
    ],
)
@pytest.mark.parametrize("when", ["opening", "reading", "listing"])
def test_a_server_that_refuses_or_does_not_answer_is_told(server, monkeypatch, trouble, said, when):
    if trouble == "silent":
        monkeypatch.setenv("STOKER_REMOTE_SECONDS", "0.2")
    server.objects["a.bin"] = (1, b"one")
    reader = open_reader("gs://bucket/a.bin")
    ask = {
        "opening": lambda: open_reader("gs://bucket/a.bin"),
        "reading": lambda: reader.read_into(np.empty(3, np.uint8), 0),
        "listing": lambda: remote_matches("gs://bucket/*.bin"),
    }[when]
    server.trouble = trouble
    began = time.monotonic()
    with pytest.raises(DataError, match=said) as error:
        ask()
    assert "hidden" not in str(error.value)
    assert time.monotonic() - began < 10


def test_a_list_that_begins_anew_is_ended(server):
    server.trouble = "again"
    with pytest.raises(DataError, match="gives the same page of its list again and again; name the files"):
        remote_matches("gs://bucket/*.bin")


@pytest.mark.parametrize("now", [(2, b"two"), None])
def test_a_generation_that_is_gone_is_told(server, now):
    server.objects["a.bin"] = (1, b"one")
    reader = open_reader("gs://bucket/a.bin")
    assert len(server.asked) == 1
    if now is None:
        server.objects.clear()
    else:
        server.objects["a.bin"] = now
    with pytest.raises(ChangedDataError, match="changed while it was read"):
        reader.read_into(np.empty(3, np.uint8), 0)


def test_an_objects_name_may_hold_anything(server):
    for name in ("a b/ä%2F+#.csv", "x?y&z=1.bin"):
        server.objects[name] = (1, name.encode())
        assert content_of(f"gs://bucket/{name}") == name.encode()


def credentials(tmp_path, monkeypatch, address: str) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    told = {
        "type": "service_account",
        "client_email": "me@example.com",
        "private_key": key.decode(),
        "token_uri": address,
    }
    (tmp_path / "key.json").write_text(json.dumps(told))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))


def test_credentials_are_found_where_googles_tools_look(server, tmp_path, monkeypatch):
    credentials(tmp_path, monkeypatch, f"{server.host}/token")
    server.objects["a.bin"] = (1, b"one")
    assert content_of("gs://bucket/a.bin") == b"one"
    assert set(server.shown) == {"Bearer hidden"}


@pytest.mark.parametrize("content", ["", "{}", "absent"])
def test_credentials_that_cannot_be_used_are_told(server, tmp_path, monkeypatch, content):
    if content != "absent":
        (tmp_path / "key.json").write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(DataError, match="GOOGLE_APPLICATION_CREDENTIALS cannot be used"):
        open_reader("gs://bucket/a.bin")
