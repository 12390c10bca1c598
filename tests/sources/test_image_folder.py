"""A folder of images by class is a source like any other: what is no image is known when it was surveyed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import stoker
from pictures import encode, write_classes
from stoker.errors import BadRowError, DataError, OptionError
from stoker.survey import survey
from stoker.survey.finding import find_rows
from stoker.types import ColumnSpec


@pytest.fixture
def photos(tmp_path):
    return write_classes(tmp_path / "photos", 3)


def spoil(photos):
    """Three files that are no images, two of which are told apart by their names alone."""
    (photos / "day" / "000.png").write_bytes(b"")
    (photos / "day" / "001.png").write_bytes(b"<html>no such page</html>")
    whole = (photos / "night" / "002.png").read_bytes()
    (photos / "night" / "002.png").write_bytes(whole[:-20])


def test_a_row_is_a_file_as_it_stands(photos):
    source = stoker.open(photos)
    assert source.columns == (ColumnSpec(name="image", kind="bytes"), ColumnSpec(name="label", kind="text"))
    assert (source.is_text, source.has_lines, source.text_features) == (False, False, ())
    rows = source.keeping(["file"]).peek(6)
    assert rows.columns["file"].to_pylist() == [
        f"{name}/00{n}.png" for name in ("day", "night") for n in (0, 1, 2)
    ]
    assert rows.columns["image"].type == pa.large_binary()
    assert rows.columns["image"][4].as_py() == (photos / "night" / "001.png").read_bytes()
    assert rows.columns["label"].to_pylist() == ["day"] * 3 + ["night"] * 3


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.webp", "a.gif", "a.BMP"])
def test_suffixes_tell_images_in_any_case(photos, name):
    (photos / "day" / name).write_bytes(encode(4, 3))
    (photos / "day" / "Thumbs.db").write_bytes(b"left by Windows")
    assert stoker.open(photos).peek(9).num_rows == 7


def test_texts_and_images_do_not_stand_in_one_folder(photos, tmp_path):
    (photos / "night" / "notes.txt").write_text("x")
    with pytest.raises(
        DataError, match=r"holds texts \(night/notes.txt\) and images \(day/000.png\), and the files"
    ):
        stoker.open(photos)
    (photos / "night" / "notes.txt").unlink()
    for name in ("a", "b"):
        (tmp_path / "texts" / name).mkdir(parents=True)
        (tmp_path / "texts" / name / "1.txt").write_text("x")
    with pytest.raises(DataError, match=r"texts holds texts, and .*photos images: folders of one source"):
        stoker.open([photos, tmp_path / "texts"])
    with pytest.raises(DataError, match=r"texts holds texts, and the folders before it images"):
        stoker.open(photos).like(tmp_path / "texts", with_label=True)


def test_a_folder_without_classes_is_for_prediction_alone(photos):
    with pytest.raises(
        DataError, match="holds no folders, and texts or images by class stand in a folder for each"
    ):
        stoker.open(photos / "day")
    new = stoker.open(photos).like(photos / "day", with_label=False)
    assert new.label is None
    assert new.keeping(["file"]).peek(9).columns["file"].to_pylist() == ["000.png", "001.png", "002.png"]


def test_files_that_are_no_images_are_told_before_training(photos):
    spoil(photos)
    with pytest.raises(BadRowError) as told:
        survey(stoker.open(photos), texts="given")
    said = str(told.value)
    assert "column 'image': 3 values that are no images, first at " in said
    assert "photos/day/000.png (row 0), 'it is empty': on_bad_row='skip' or on_bad_row='quarantine'" in said
    assert "drop=" not in said


def test_files_that_are_no_images_are_left_out_where_that_is_asked_for(photos):
    spoil(photos)
    found = survey(stoker.open(photos), texts="given", on_bad_row="skip")
    assert found.excluded.tolist() == [0, 1, 5]
    assert found.view.num_rows == 3
    rows = list(find_rows(found.source, found.excluded, with_values=False))
    assert [row.file.rpartition("photos/")[2] for row in rows] == [
        "day/000.png",
        "day/001.png",
        "night/002.png",
    ]
    assert [row.problems[0][2].partition(": ")[2] for row in rows[:2]] == [
        "it is empty",
        "it is no PNG, JPEG, WebP, GIF or BMP: it begins with '<html>no suc'",
    ]
    assert rows[2].problems[0][:2] == ("image", True)
    assert [row.text for row in rows[:2]] == ["0 bytes", "25 bytes"]


def test_rows_are_read_and_kept_as_the_files_have_them(photos):
    found = survey(stoker.open(photos), texts="given", keep_bytes=1 << 20, stored=False)
    assert found.kept is not None
    for reader in (found.reader(), found.source.reader(found.index)):
        rows = reader.read(np.array([1, 5]))
        images = rows.columns["image"].take(pa.array(rows.places(np.arange(2)))).to_pylist()
        assert images == [(photos / name).read_bytes() for name in ("day/001.png", "night/002.png")]


def test_options_that_do_not_apply_are_refused(photos):
    with pytest.raises(OptionError, match="header has no effect on a folder of texts or images"):
        stoker.open(photos, header=True)
    with pytest.raises(DataError, match=r"a folder of images has the columns image .*'x' is not the image"):
        stoker.open(photos, text="x")
    with pytest.raises(DataError, match="a folder of images has the columns image, label, file, not 'id'"):
        stoker.open(photos).keeping(["id"])


def test_a_file_is_taken_by_its_name_where_no_class_is_needed(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos / "night")
    source = stoker.open(photos).like(["002.png", "../day/001.png"], with_label=False)
    assert source.paths == ("002.png", "../day/001.png")
    found = survey(source.keeping(["file"]), role="predict", stored=False)
    rows = found.reader().read(np.arange(2))
    assert rows.columns["file"].to_pylist() == ["002.png", "001.png"]
    assert rows.columns["image"][1].as_py() == (photos / "day" / "001.png").read_bytes()
    with pytest.raises(DataError, match=r"002.png is a file, and the files of a class .* folder: \."):
        stoker.open(photos).like("002.png", with_label=True)
    with pytest.raises(DataError, match=r"002.png is an image: open the folder .*predict"):
        stoker.open("002.png")


def test_a_file_elsewhere_is_taken_by_its_name(photos, server, own_cache):
    url = server.put("a.png", (photos / "day" / "001.png").read_bytes())
    source = stoker.open(photos).like(url, with_label=False)
    assert source.paths == (url,)
    assert source.keeping(["file"]).peek(1).columns["file"].to_pylist() == ["a.png"]
    assert survey(source, role="predict", stored=False).num_rows == 1
