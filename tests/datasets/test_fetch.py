"""A data set is there whole and verified, or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple

import msgspec
import pytest
from made_archives import idx_of, imdb_files, made_up, tar_of, zhang_csv, zhang_files

import stoker
from stoker import datasets, folders
from stoker.datasets import CATALOGUE
from stoker.datasets.entries import Address, Download, Split
from stoker.errors import FetchError, OptionError

pytestmark = pytest.mark.timeout(60)

ARCHIVE = tar_of(zhang_files("tiny_csv", 2, 40, 10))
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


def _fetch(name="tiny", **how):
    return datasets.fetch(name, progress="none", **how)


@pytest.fixture
def tiny(server, root, known):
    """A small data set whose digest is stated."""
    url = server.put("tiny.tgz", ARCHIVE)
    return known(made_up(url, num_bytes=len(ARCHIVE), sha256=SHA256))


@pytest.fixture
def unstated(server, root, known):
    return known(made_up(server.put("tiny.tgz", ARCHIVE)))


def _left(root):
    """What lies in the folder of all data sets, but for locks."""
    return sorted(path.name for path in root.iterdir() if path.name != ".fetching")


def test_a_data_set_is_downloaded_verified_and_unpacked(tiny, root):
    fetched = _fetch()
    assert fetched.fresh
    assert fetched.folder == root / "tiny"
    assert fetched.rows == {"train": 40, "test": 10}
    assert fetched.downloads[0].held_to == "sha256, the test"
    assert sorted(path.name for path in fetched.folder.iterdir()) == [
        "classes.txt",
        "fetched.json",
        "readme.txt",
        "test.csv",
        "train.csv",
    ]
    assert (fetched.folder / "train.csv").read_bytes() == zhang_csv(2, 40)
    assert _left(root) == ["tiny"]
    assert [path.name for path in (root / ".fetching").iterdir()] == ["tiny.lock"]


def test_what_is_there_and_verifies_is_left_alone(tiny, root, server):
    first = _fetch()
    again = _fetch()
    assert not again.fresh
    assert (again.rows, again.num_bytes, again.downloads) == (first.rows, first.num_bytes, first.downloads)
    assert server.counts["tiny.tgz"] == 1


def test_another_directory_may_be_given(tiny, root, tmp_path):
    assert _fetch(directory=tmp_path / "else").folder == tmp_path / "else" / "tiny"
    assert not (root / "tiny").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "train.csv").write_bytes(b"1"), "train.csv was .* bytes and is 1 bytes"),
        (lambda folder: (folder / "test.csv").unlink(), "test.csv is gone"),
        (
            lambda folder: (folder / "train.csv").write_bytes(zhang_csv(2, 40).replace(b"He", b"Hi")),
            "train.csv holds other bytes than it did",
        ),
    ],
)
def test_what_was_changed_is_told_and_fetched_anew_only_by_force(tiny, spoil, said):
    folder = _fetch().folder
    spoil(folder)
    with pytest.raises(FetchError, match=f"changed since it was fetched: {said}; --force fetches it anew"):
        _fetch()
    assert _fetch(force=True).fresh
    assert not _fetch().fresh


def test_a_folder_of_somebody_else_is_not_touched(tiny, root):
    (root / "tiny").mkdir(parents=True)
    (root / "tiny" / "thesis.txt").write_text("ten years of work")
    with pytest.raises(FetchError, match="is there already, and stoker did not fetch it"):
        _fetch()
    assert (root / "tiny" / "thesis.txt").exists()


def test_a_wrong_digest_is_told_with_its_source_and_the_file_removed(server, root, known):
    known(made_up(server.put("tiny.tgz", ARCHIVE), sha256="0" * 64))
    with pytest.raises(FetchError) as refused:
        _fetch()
    said = str(refused.value)
    assert f"sha256 {SHA256}, expected {'0' * 64} (stated by the test)" in said
    assert "was removed" in said
    assert _left(root) == []
    assert not list((root / ".fetching").rglob("*.tgz"))


def test_an_md5_holds_too(server, root, known):
    digest = hashlib.md5(ARCHIVE, usedforsecurity=False).hexdigest()
    known(made_up(server.put("tiny.tgz", ARCHIVE), md5=digest))
    assert _fetch().downloads[0].held_to == "md5, the test"


def test_without_a_stated_digest_the_first_download_is_recorded_and_later_ones_held_to_it(
    unstated, root, server
):
    assert _fetch().downloads[0].held_to == ""
    assert json.loads((root / "tiny.digests.json").read_text())[server.url("tiny.tgz")]["sha256"] == SHA256
    assert _fetch(force=True).downloads[0].held_to == "sha256, the first download, recorded beside the data"
    server.put("tiny.tgz", tar_of(zhang_files("other_csv", 2, 40, 10)))
    with pytest.raises(FetchError, match=f"expected {SHA256} .stated by the first download"):
        _fetch(force=True)
    assert not _fetch().fresh  # what was there stays


def test_the_next_address_is_tried(server, root, known):
    entry = made_up(server.url("nothing"))
    mirror = Address(url=server.put("mirror.tgz", ARCHIVE), sha256=SHA256, stated_by="the test")
    wanted = msgspec.structs.replace(entry.routes[0][0], addresses=(*entry.routes[0][0].addresses, mirror))
    known(msgspec.structs.replace(entry, routes=((wanted,),)))
    assert _fetch().downloads[0].url == mirror.url


def test_the_next_way_is_tried_and_plain_files_need_no_unpacking(server, root, known):
    entry = made_up(server.url("nothing"))
    plain = tuple(
        Download(
            name=f"{split}.csv", addresses=(Address(url=server.put(f"{split}.csv", zhang_csv(2, rows))),)
        )
        for split, rows in (("train", 40), ("test", 10))
    )
    known(msgspec.structs.replace(entry, routes=(*entry.routes, plain)))
    fetched = _fetch()
    assert (fetched.folder / "classes.txt").read_text() == "class 0\nclass 1\n"
    assert [one.url for one in fetched.downloads] == [server.url("train.csv"), server.url("test.csv")]


def test_where_no_address_helps_all_refusals_are_told(server, root, known):
    entry = made_up(server.url("nothing"))
    known(msgspec.structs.replace(entry, routes=(*entry.routes, made_up(server.url("no")).routes[0])))
    with pytest.raises(FetchError, match=r"(?s)nothing: the server says 404.*no: the server says 404"):
        _fetch()
    assert _left(root) == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (zhang_files("t", 2, 38, 10), "train split has 38 rows, and the catalogue says 40"),
        (zhang_files("t", 2, 40, 12), "test split has 12 rows, and the catalogue says 10"),
        (
            zhang_files("t", 4, 40, 10, names=False),
            "train split has 4 classes, and the catalogue says 2",
        ),
        (
            zhang_files("t", 2, 40, 10) | {"t/train.csv": zhang_csv(2, 39) + b'"1","a","b"\n'},
            "every class should have 20",
        ),
        (zhang_files("t", 2, 40, 10) | {"t/classes.txt": b"one\n"}, "does not name 2 classes"),
    ],
)
def test_other_rows_or_classes_are_refused_and_nothing_is_kept(server, root, known, files, said):
    known(made_up(server.put("tiny.tgz", tar_of(files))))
    with pytest.raises(FetchError, match=said):
        _fetch()
    assert _left(root) == []


def test_an_unsafe_archive_leaves_nothing(server, root, known, tmp_path):
    files = zhang_files("t", 2, 40, 10) | {"../../evil": b"evil"}
    known(made_up(server.put("tiny.tgz", tar_of(files))))
    with pytest.raises(FetchError, match="a path out of the folder"):
        _fetch()
    assert _left(root) == []
    assert not list(tmp_path.rglob("evil"))


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(OptionError, match=r"no data set 'agnews' in the catalogue; did you mean ag_news\?"):
        _fetch("agnews")
    with pytest.raises(OptionError, match="the catalogue has ag_news, dbpedia"):
        _fetch("xyzzy")


def test_two_at_once_are_refused(tiny, root):
    with folders.alone(root / ".fetching" / "tiny.lock") as free:
        assert free
        with pytest.raises(FetchError, match=r"is being fetched into .* by another process"):
            _fetch()
    assert _fetch().fresh


def test_room_on_the_disk_is_asked_for_beforehand(tiny, root, server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6, 1000))
    with pytest.raises(FetchError, match=r"needs about 0 MB, and .* has 0 MB left; make room, or say where"):
        _fetch()
    assert server.counts["tiny.tgz"] == 0


def test_a_disk_that_becomes_full_is_told_and_leaves_no_half_data_set(tiny, root, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("stoker.datasets.fetching.unpack", full)
    with pytest.raises(FetchError, match=r"the disk of .* is full"):
        _fetch()
    assert _left(root) == []


_KILLED = """
import os, signal, sys
from types import MappingProxyType
import msgspec
from stoker import datasets
from stoker.datasets import places, unpack
from stoker.datasets.entries import Dataset
entry = msgspec.json.decode(sys.argv[1], type=Dataset)
places.CATALOGUE = MappingProxyType({entry.name: entry})
import stoker.datasets.fetching as fetching
fetching.count_rows = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
datasets.fetch(entry.name, progress="none")
"""


def test_a_killed_fetch_leaves_nothing_under_the_name_and_its_download_is_used(tiny, root, server):
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, msgspec.json.encode(tiny).decode()], timeout=60, check=False
    )
    assert done.returncode == -9
    (half,) = root.glob(".building-tiny-*")
    assert _left(root) == [half.name]
    os.utime(half, (0, 0))
    assert _fetch().fresh
    assert server.counts["tiny.tgz"] == 1
    assert _left(root) == ["tiny"]


def test_reviews_in_folders_are_taken_without_the_unlabelled_ones(server, root, known):
    url = server.put("imdb.tgz", tar_of(imdb_files(5)))
    entry = CATALOGUE["imdb"]
    wanted = Download(name="aclImdb_v1.tar.gz", packing="tar", addresses=(Address(url=url),))
    known(
        msgspec.structs.replace(
            entry,
            routes=((wanted,),),
            train=Split(paths=("train",), num_rows=10),
            test=Split(paths=("test",), num_rows=10),
        )
    )
    folder = _fetch("imdb").folder
    assert sorted(path.name for path in folder.iterdir()) == ["README", "fetched.json", "test", "train"]
    assert sorted(path.name for path in (folder / "train").iterdir()) == ["neg", "pos"]
    assert _texts_of("imdb")[:2] == (10, {"neg", "pos"})
    (folder / "train" / "pos" / "3_3.txt").write_text("Changed.")
    with pytest.raises(FetchError, match=r"train/pos was [0-9,]+ bytes in 5 files and is"):
        _fetch("imdb")


def test_the_real_layout_of_the_reviews_is_taken(shared_data, server, root, known):
    packed = (shared_data / "imdb" / "aclImdb-sample.tar.gz").read_bytes()
    url = server.put("imdb.tgz", packed)
    wanted = Download(name="aclImdb_v1.tar.gz", packing="tar", addresses=(Address(url=url),))
    known(
        msgspec.structs.replace(
            CATALOGUE["imdb"],
            routes=((wanted,),),
            train=Split(paths=("train",), num_rows=1000),
            test=Split(paths=("test",), num_rows=1000),
        )
    )
    assert _fetch("imdb").rows == {"train": 1000, "test": 1000}


def test_sentences_become_utf_8(server, root, known):
    files = {
        "rt-polaritydata/rt-polarity.pos": "a caf\xe9 delight \n".encode("latin-1") * 3,
        "rt-polaritydata/rt-polarity.neg": b"dull . \n" * 3,
        "rt-polaritydata.README.1.0.txt": b"About.\n",
    }
    url = server.put("rt.tgz", tar_of(files))
    wanted = Download(name="rt.tar.gz", packing="tar", addresses=(Address(url=url),))
    known(
        msgspec.structs.replace(
            CATALOGUE["rotten_tomatoes"],
            routes=((wanted,),),
            train=Split(paths=("sentences/neg.txt", "sentences/pos.txt"), num_rows=6),
        )
    )
    fetched = _fetch("rotten_tomatoes")
    assert fetched.rows == {"train": 6}
    assert _texts_of("rotten_tomatoes")[:2] == (6, {"neg", "pos"})
    assert (fetched.folder / "sentences" / "pos.txt").read_text("utf-8") == "a café delight \n" * 3


def test_images_become_csv(server, root, known):
    downloads = []
    for stem, rows in (("train", 30), ("t10k", 10)):
        images = bytes(range(256)) * 100
        for kind, packed in (
            ("images-idx3", idx_of((rows, 28, 28), images[: rows * 784])),
            ("labels-idx1", idx_of((rows,), bytes(row % 10 for row in range(rows)))),
        ):
            name = f"{stem}-{kind}-ubyte.gz"
            address = Address(url=server.put(name, packed))
            downloads.append(Download(name=name, packing="gzip", addresses=(address,)))
    known(
        msgspec.structs.replace(
            CATALOGUE["mnist"],
            routes=(tuple(downloads),),
            train=Split(paths=("train.csv",), num_rows=30),
            test=Split(paths=("test.csv",), num_rows=10),
        )
    )
    folder = _fetch("mnist").folder
    header, first, *_ = (folder / "train.csv").read_text().splitlines()
    assert header.startswith("label,pixel0,pixel1,")
    assert first == "0," + ",".join(str(value % 256) for value in range(784))
    assert sorted(path.name for path in folder.iterdir()) == ["fetched.json", "test.csv", "train.csv"]


def _texts_of(name):
    """Rows, labels and a text, as `stoker.open` reads what was located."""
    found = datasets.locate(name)
    source = stoker.open(found.train, format=found.format, label=found.label, text=found.text)
    batches = list(source.text_batches())
    labels = [label for batch in batches for label in batch.labels.tolist()]
    return len(labels), set(labels), source.class_names, batches[0].texts[0].as_py()


def test_the_format_of_zhang_opens_as_it_is_located(server, root, known):
    names = zhang_files("t", 2, 40, 10, names=False)
    known(made_up(server.put("tiny.tgz", tar_of(names))))
    _fetch()
    assert _texts_of("tiny") == (
        40,
        {1, 2},
        ("class 0", "class 1"),
        'Title, 0 He said "no" to row 0;\\nthen he left.',
    )


def test_a_fetched_data_set_is_located(tiny, root):
    with pytest.raises(FetchError, match="tiny was not fetched yet; stoker fetch tiny fetches it"):
        datasets.locate("@tiny")
    _fetch()
    found = datasets.locate("@tiny")
    assert found.train == (root / "tiny" / "train.csv",)
    assert found.test == (root / "tiny" / "test.csv",)
    assert (found.format, found.label, found.text) == ("zhang", "#0", ("#1", "#2"))
    (root / "tiny" / "test.csv").unlink()
    with pytest.raises(FetchError, match=r"test.csv is gone; stoker fetch tiny --force"):
        datasets.locate("tiny")
