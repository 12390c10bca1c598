"""What is wanted of an archive comes out of it; an archive that reaches out of its folder gives nothing."""

from __future__ import annotations

import gzip
import random
import stat
import tarfile
import tracemalloc
import zipfile
from io import BytesIO

import pytest
from made_archives import imdb_files, tar_of, zhang_files, zip_of

from stoker.datasets.entries import Kept
from stoker.datasets.unpack import unpack
from stoker.errors import FetchError

pytestmark = pytest.mark.timeout(60)

CSV = (Kept(pattern="train.csv"), Kept(pattern="test.csv"), Kept(pattern="classes.txt", required=False))


@pytest.fixture
def take(tmp_path):
    def run(content, packing="tar", kept=CSV, limit=100_000, name="made.tgz"):
        archive = tmp_path / name
        archive.write_bytes(content)
        target = tmp_path / "target"
        target.mkdir(exist_ok=True)
        unpack(archive, packing, target, kept=kept, limit=limit)
        return {
            path.relative_to(target).as_posix(): path.read_bytes()
            for path in target.rglob("*")
            if path.is_file()
        }

    return run


@pytest.fixture
def refused(take, tmp_path):
    """An archive that is refused, with the reason; nothing may appear outside of the target."""

    def run(content, reason, **how):
        with pytest.raises(FetchError, match=reason):
            take(content, **how)
        assert {path.name for path in tmp_path.iterdir()} == {how.get("name", "made.tgz"), "target"}

    return run


def _member(name, kind, target=""):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


FILES = zhang_files("ag_news_csv", 2, 6, 4)
WANTED = {name: FILES[f"ag_news_csv/{name}"] for name in ("train.csv", "test.csv", "classes.txt")}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_the_wanted_files_of_a_tar_are_taken_and_no_other(take, mode):
    assert take(tar_of(FILES, mode)) == WANTED


def test_the_wanted_files_of_a_zip_are_taken_and_no_other(take):
    assert take(zip_of(FILES), "zip") == WANTED


def test_a_compressed_file_is_unpacked_under_its_own_name(take):
    assert take(gzip.compress(b"one\n"), "gzip", name="words.gz") == {"words": b"one\n"}


def test_folders_are_kept_where_the_pattern_has_them(take):
    kept = tuple(Kept(pattern=f"train/{label}/*.txt") for label in ("neg", "pos"))
    taken = take(tar_of(imdb_files(3)), kept=kept)
    assert sorted(taken) == [
        f"train/{label}/{place}_{place}.txt" for label in ("neg", "pos") for place in range(3)
    ]


def test_a_file_may_be_given_another_name(take):
    assert take(tar_of({"x/a.neg": b"no"}), kept=(Kept(pattern="a.neg", name="s/neg.txt"),)) == {
        "s/neg.txt": b"no"
    }


def test_modes_and_owners_are_not_taken_over(take, tmp_path):
    member = tarfile.TarInfo("train.csv")
    member.size, member.mode, member.uid = 3, 0o6777, 4711
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(member, BytesIO(b"1,a"))
    take(packed.getvalue(), kept=CSV[:1])
    mode = (tmp_path / "target" / "train.csv").stat().st_mode
    assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR)


@pytest.mark.parametrize(
    "name", ["../train.csv", "/tmp/train.csv", "a/../../train.csv", "..", "C:/train.csv", "a\\..\\train.csv"]
)
@pytest.mark.parametrize(("pack", "packing"), [(tar_of, "tar"), (zip_of, "zip")])
def test_a_path_out_of_the_folder_is_refused(refused, pack, packing, name):
    refused(pack({**FILES, name: b"evil"}), "a path out of the folder", packing=packing)


@pytest.mark.parametrize(
    ("member", "what"),
    [
        (_member("train.csv", tarfile.SYMTYPE, "/etc/passwd"), "a link to '/etc/passwd'"),
        (_member("a/link", tarfile.SYMTYPE, "../.."), r"a link to .*"),
        (_member("train.csv", tarfile.LNKTYPE, "../x"), r"a link to .*"),
        (_member("a/null", tarfile.CHRTYPE), "a device"),
        (_member("a/disk", tarfile.BLKTYPE), "a device"),
        (_member("a/pipe", tarfile.FIFOTYPE), "a device|a special file"),
    ],
)
def test_links_and_devices_are_refused_wanted_or_not(refused, member, what):
    refused(tar_of({member.name: member, **FILES}), f"{what} and no plain file")


def test_a_link_in_a_zip_is_refused(refused):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("train.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    refused(packed.getvalue(), "a link or special file", packing="zip")


@pytest.mark.parametrize(("pack", "packing"), [(tar_of, "tar"), (zip_of, "zip")])
def test_an_archive_that_announces_too_much_is_refused_before_it_is_unpacked(
    refused, tmp_path, pack, packing
):
    refused(
        pack({"unwanted": bytes(10**6), **FILES}), r"announces 1,\d+,\d+ bytes|1,000,000", packing=packing
    )
    assert not list((tmp_path / "target").iterdir())


def test_a_zip_that_announces_less_than_it_holds_is_refused(refused):
    packed = bytearray(zip_of({"train.csv": bytes(90_000), "test.csv": b"1"}))
    size = (90_000).to_bytes(4, "little")
    assert packed.count(size) == 2
    for _ in range(2):
        place = packed.index(size)
        packed[place : place + 4] = (100).to_bytes(4, "little")
    refused(bytes(packed), "broken|more than the 100", packing="zip")


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
@pytest.mark.parametrize("first", [True, False])
def test_a_note_on_a_file_that_would_fill_the_memory_is_refused_unread(refused, kind, first):
    note = _member("train.csv", kind)
    note.size = 40 << 20
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        if not first:
            archive.addfile(_member("test.csv", tarfile.REGTYPE))
        archive.addfile(note, BytesIO(bytes(note.size)))
    tracemalloc.start()
    try:
        refused(packed.getvalue(), "a note of 41,943,040 bytes")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_a_compressed_file_that_grows_beyond_the_limit_is_refused(refused):
    refused(gzip.compress(bytes(10**7)), "more than the 100,000 bytes", packing="gzip", name="zeros.gz")


@pytest.mark.parametrize("cut", [10, 100, 200])
def test_a_tar_that_ends_early_is_broken(refused, cut):
    refused(tar_of(FILES)[:-cut], "it is broken|it lacks")


@pytest.mark.parametrize("packing", ["tar", "zip", "gzip"])
def test_what_is_no_archive_is_broken(refused, packing):
    refused(b"<html>Not found</html>" * 50, "it is broken", packing=packing)


def test_a_damaged_archive_is_broken(refused):
    packed = bytearray(tar_of(FILES))
    packed[len(packed) // 2] ^= 0xFF
    refused(bytes(packed), "it is broken|it lacks")


@pytest.mark.parametrize("method", ["bz2", "xz"])
def test_a_damaged_archive_of_another_packing_is_broken(refused, method):
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{method}") as archive:
        member = tarfile.TarInfo("train.csv")
        member.size = 80_000
        archive.addfile(member, BytesIO(random.Random(7).randbytes(member.size)))
    damaged = bytearray(packed.getvalue())
    damaged[len(damaged) // 2] ^= 0xFF
    refused(bytes(damaged), "it is broken")


def test_a_damaged_zip_is_broken(refused):
    packed = bytearray(zip_of(FILES))
    packed[80] ^= 0xFF
    refused(bytes(packed), "it is broken", packing="zip")


def test_an_archive_that_lacks_something_says_what(refused):
    refused(tar_of({"x/train.csv": b"1"}), "it lacks test.csv")


def test_an_archive_with_a_file_twice_is_refused(refused):
    refused(tar_of({**FILES, "other/train.csv": b"1"}), "it holds train.csv twice")
