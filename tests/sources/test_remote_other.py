"""Stores that only fsspec knows: how they tell versions apart, and what becomes of those that do not."""

import os
import time

import fsspec
import numpy as np
import pytest

import stoker
from reading import index_of
from remote_tables import assert_rows, content_of, table
from stoker.errors import ChangedDataError, DataError
from stoker.sources.files import identify, open_reader
from stoker.sources.remote import other, retrying
from stoker.sources.remote.listing import remote_files, remote_matches

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]


@pytest.fixture(params=["memory", "file"])
def place(request, tmp_path):
    """Writes files to a store; gives their addresses."""
    base = f"memory://{tmp_path.name}" if request.param == "memory" else f"file://{tmp_path}/files"
    files = fsspec.filesystem(request.param)
    files.makedirs(base.partition("://")[2], exist_ok=True)

    def write(name: str, content: bytes) -> str:
        files.makedirs(f"{base}/{name}".rpartition("/")[0], exist_ok=True)
        files.pipe_file(f"{base}/{name}", content)
        return f"{base}/{name}"

    yield write
    files.rm(base, recursive=True)


def test_tables_are_matched_and_read(place):
    values, content = table()
    url = place("train.csv", content)
    place("train.txt", b"")
    assert [content_of(found) for found in remote_matches(url.replace("train", "*"))] == [content]
    assert_rows(stoker.open(url, label="label"), values)


def test_a_file_of_the_same_size_is_another_one(place):
    for content in (b"one", b"two"):
        assert content_of(place("same.bin", content)) == content
    reader = open_reader(place("same.bin", b"ten"))
    place("same.bin", b"ant")
    with pytest.raises(ChangedDataError, match="changed while it was read"):
        reader.read_into(np.empty(3, np.uint8), 0)


def test_what_is_not_there_or_is_a_folder_is_told(place):
    url = place("below/a.csv", b"x")
    for wrong, said in ((f"{url}x", "no such"), (url.removesuffix("/a.csv"), "this is a folder")):
        with pytest.raises(DataError, match=said):
            open_reader(wrong)


@pytest.mark.parametrize(
    "told",
    [
        {"etag": "e"}, {"ETag": '"e"'}, {"generation": "7"}, {"mtime": 1.5}, {"last_modified": "x"},
        {"modify": "20240101"}, {"modificationTime": 17}, {"blob_id": "b"}, {"created": "x"},
    ],
)  # fmt: skip
def test_whatever_a_store_tells_of_a_version_counts(place, monkeypatch, told):
    url = place("a.bin", b"one")
    said = {"type": "file", "size": 3, "name": "a.bin"}
    files = type(fsspec.filesystem(url.partition("://")[0]))
    monkeypatch.setattr(files, "info", lambda self, path, **_: {**said, **told})
    reader = open_reader(url)
    assert identify(url) == identify(url)
    told.update({key: f"{value}0" for key, value in told.items()})
    with pytest.raises(ChangedDataError, match="changed while it was read"):
        reader.read_into(np.empty(3, np.uint8), 0)


def test_a_store_that_tells_no_version_is_warned_of_and_nothing_is_kept(place, monkeypatch, caplog):
    url = place("a.bin", b"one")
    files = type(fsspec.filesystem(url.partition("://")[0]))
    monkeypatch.setattr(files, "info", lambda self, path, **_: {"type": "file", "size": 3})
    monkeypatch.setenv("STOKER_REMOTE_SECONDS", "0.7")  # a store of the test's own
    assert content_of(url) == b"one"
    place("a.bin", b"two")
    assert content_of(url) == b"two"
    assert identify(url) != identify(url)
    assert caplog.text.count("tells neither a version nor a time") == 1


def test_a_store_that_does_not_answer_is_given_up(place, monkeypatch):
    url = place("a.bin", b"one")
    files = type(fsspec.filesystem(url.partition("://")[0]))
    monkeypatch.setattr(files, "cat_file", lambda *_, **__: time.sleep(8))
    monkeypatch.setattr(other, "limit_of", lambda seconds, count: 0.1)
    monkeypatch.setattr(retrying, "ATTEMPTS", 2)
    reader = open_reader(url)
    with pytest.raises(DataError, match=r"failed 2 times .*not whole within"):
        reader.read_into(np.empty(3, np.uint8), 0)


def test_a_list_that_does_not_come_in_time_is_asked_for_once(place, monkeypatch):
    url, asked = place("below/a.csv", b"x").removesuffix("a.csv"), []
    files = type(fsspec.filesystem(url.partition("://")[0]))
    with monkeypatch.context() as patch:
        patch.setattr(files, "find", lambda *_, **__: asked.append(1) or time.sleep(3) or {})
        patch.setattr(other, "limit_of", lambda seconds, count: 0.1)
        with pytest.raises(DataError, match=r"the list of its files: .* not whole within .*; name its fol"):
            remote_files(url)
    assert len(asked) == 1


def test_the_limit_of_a_list_is_that_of_32_mib(monkeypatch):
    assert 11 * 60 < retrying.limit_of(20, retrying.listed_within(lambda count: count)) < 12 * 60


def test_a_time_that_was_set_back_does_not_hide_another_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    assert content_of(f"file://{path}") == b"one"
    (tmp_path / "b.bin").write_bytes(b"two")
    os.utime(tmp_path / "b.bin", ns=times)
    os.replace(tmp_path / "b.bin", path)
    assert content_of(f"file://{path}") == b"two"


def texts(place) -> str:
    """A folder of texts by class, in a store; gives its address."""
    urls = [
        place(f"reviews/{name}", content)
        for name, content in (
            ("pos/1.txt", b"good"),
            ("pos/2.txt", b""),
            ("neg/1.txt", b"bad"),
            ("README", b"x"),
            (".x/1.txt", b"x"),
        )
    ]
    return urls[0].removesuffix("pos/1.txt")


def test_a_folder_of_texts_by_class_is_read(place):
    source = stoker.open(texts(place))
    index, dtype = index_of(source)
    rows = source.keeping(["file"]).reader(index, None, dtype).read(np.array([0, 1, 2]))
    assert rows.columns["file"].to_pylist() == ["neg/1.txt", "pos/1.txt", "pos/2.txt"]
    assert rows.columns["text"].to_pylist() == ["bad", "good", ""]
    assert rows.columns["label"].to_pylist() == ["neg", "pos", "pos"]


@pytest.mark.parametrize("content", [b"worse", b"poo"])
def test_a_text_that_changes_is_told(place, content):
    source = stoker.open(texts(place))
    index, dtype = index_of(source)
    reader = source.reader(index, None, dtype)
    before = source.identity()
    place("reviews/neg/1.txt", content)
    assert source.identity() != before
    with pytest.raises(ChangedDataError, match=r"neg/1\.txt changed since"):
        reader.read(np.array([0, 1]))


def test_folders_that_cannot_be_read_are_told(place):
    for name, said in (("none/", "no such folder, or no file in it"), ("reviews/pos/", "holds no folders")):
        with pytest.raises(DataError, match=said):
            stoker.open(texts(place).replace("reviews/", name))
    url = texts(place)
    place("reviews/pos/deep/1.txt", b"x")
    with pytest.raises(DataError, match="pos/deep is a folder within a class's folder"):
        stoker.open(url)
