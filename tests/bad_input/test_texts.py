"""Compressed files, folders and files of texts that are not what they are taken for."""

import bz2
import gc
import gzip

import pytest

TABLE = b"a,kind\n" + b"1,no\n2,yes\n" * 50_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv.gz", gzip.compress(TABLE)[:-400], "the gzip data are cut off at byte"),
        ("t.csv.gz", gzip.compress(TABLE) + b"more", "something that is no gzip data follows at byte"),
        ("t.csv.gz", TABLE, "t.csv.gz is called gzip by its suffix and holds no such data"),
        ("t.csv.xz", bz2.compress(TABLE), "t.csv.xz is called xz by its suffix and holds bzip2 data"),
        ("t.csv", gzip.compress(TABLE), "rename it to t.csv.gz"),
        ("t.gz", gzip.compress(TABLE), "has no suffix before that of its compression; known are .csv"),
        ("t.csv.gz", gzip.compress(b""), "t.csv.gz is empty"),
        ("t.csv.gz", gzip.compress(b"a,kind\n"), "no row below it"),
        ("t.csv.gz", gzip.compress(b"\0\1\2" * 99), "holds zero bytes"),
    ],
    ids=[
        "cut off",
        "with more behind it",
        "not packed",
        "packed otherwise",
        "packed without the suffix",
        "with one suffix alone",
        "of nothing",
        "of a header",
        "of zero bytes",
    ],
)
def test_a_compressed_file_that_is_none_is_told_with_its_trouble(refused, here, name, content, words):
    (here / name).write_bytes(content)
    assert words in refused("plan", name, "--label", "kind")


def test_damage_that_comes_to_light_in_the_survey_leaves_nothing_behind(refused, here):
    rows = b"".join(b"%d,%s\n" % (row * row % 9_973, (b"no", b"yes")[row % 2]) for row in range(300_000))
    data = bytearray(gzip.compress(b"a,kind\n" + rows))
    data[-9_000:-8_900] = b"\xff" * 100
    (here / "t.csv.gz").write_bytes(data)
    assert "t.csv.gz: the gzip data are " in refused("plan", "t.csv.gz", "--label", "kind")
    assert [path.name for path in (here / ".stoker").iterdir()] == [".gitignore"]


def test_without_a_cache_a_compressed_file_that_is_too_large_for_memory_is_refused(refused, here):
    rows = b"".join(b"%d,%d,%s\n" % (row * 999_983, row, (b"no", b"yes")[row % 2]) for row in range(300_000))
    (here / "t.csv.gz").write_bytes(gzip.compress(b"a,b,kind\n" + rows, 1))
    said = refused(
        "train", "t.csv.gz", "--label", "kind", "--memory", "8MB", "--cache", "never", "--run", "run"
    )
    assert "t.csv.gz is compressed, so that its rows cannot be read by position" in said
    assert "--cache" in said


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["pos/1.txt", "neg/"], "neg is empty: a class needs files"),
        (["pos/1.csv", "neg/2.csv"], "has the suffix '.csv', and texts"),
        (["train/pos/1.txt", "train/neg/1.txt"], "is a folder within a class's folder"),
        (["a b/1.txt.gz", "neg/2.txt"], "find 'texts/a b' -name '*.gz' -exec gunzip {} +"),
        (["neg/1.txt", "pos/2.txt.XZ"], "2.txt.XZ is compressed, and texts in the folders of their classes"),
    ],
)
def test_a_folder_that_is_none_of_texts_is_told_with_its_trouble(refused, here, files, words):
    for name in files:
        path = here / "texts" / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("a text")
    assert words in refused("plan", "texts")


def test_what_is_unpacked_is_said_by_plan_and_gone_afterwards(accepted, here):
    rows = b"".join(b"%d,%d,%s\n" % (row * 999_983, row, (b"no", b"yes")[row % 2]) for row in range(300_000))
    (here / "t.csv.gz").write_bytes(gzip.compress(b"a,b,kind\n" + rows, 1))
    said = accepted("plan", "t.csv.gz", "--label", "kind", "--memory", "8MB")
    size = len(b"a,b,kind\n" + rows)
    assert f"unpacked to .stoker ({size:,} bytes) until nobody reads it any more" in " ".join(
        said.split()
    ).replace(f"{here}/", "")
    gc.collect()
    assert not list((here / ".stoker").glob("unpacked-*"))
