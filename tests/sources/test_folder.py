"""A folder of texts by class is a source like any other: a file a row, in the bytewise order of the paths."""

from __future__ import annotations

import os
import tarfile

import numpy as np
import pytest

import stoker
from reading import index_of
from stoker.errors import ChangedDataError, ColumnError, DataError, OptionError
from stoker.survey import survey
from stoker.survey.whereabouts import first_unknown


@pytest.fixture
def write(tmp_path):
    def make(files, folder="train"):
        for name, content in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / folder

    return make


FILES = {
    "pos/10_9.txt": "good\n",
    "pos/2_7.txt": 'fine, "really"',
    "neg/1_3.txt": "bad\0",
    "neg/0_1.txt": "",
    "neg/é.txt": b"caf\xe9",
}


def read(source):
    batches = list(source.text_batches())
    labels = [] if source.label is None else [v for batch in batches for v in batch.labels.to_pylist()]
    return [text for batch in batches for text in batch.texts.to_pylist()], labels


def test_rows_are_the_files_in_the_order_of_their_paths(write):
    source = stoker.open(write(FILES))
    assert (source.features, source.label, source.label_kind, source.is_text) == (
        ("text",),
        "label",
        "text",
        True,
    )
    texts, labels = read(source)
    assert texts == ["", "bad\0", "caf\ufffd", "good\n", 'fine, "really"']
    assert labels == ["neg"] * 3 + ["pos"] * 2


def test_survey_and_any_rows_by_id(write):
    source = stoker.open(write(FILES)).keeping(["file"])
    found = survey(source)
    assert (found.num_slots, found.labels.counts, found.problems) == (5, (3, 2), ())
    rows = found.reader().read(np.array([1, 3]))
    assert rows.columns["text"].to_pylist() == ["bad\0", "good\n"]
    assert rows.columns["file"].to_pylist() == ["neg/1_3.txt", "pos/10_9.txt"]
    assert survey(stoker.open(source.paths[0]).keeping(["file"])).seconds == 0


def test_rows_by_id_are_found_when_the_process_has_gone_elsewhere(write, tmp_path, monkeypatch):
    write(FILES)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    reader = survey(stoker.open("train")).reader()
    os.chdir("elsewhere")
    assert reader.read(np.array([1, 3])).columns["text"].to_pylist() == ["bad\0", "good\n"]
    (tmp_path / "train" / "pos" / "10_9.txt").unlink()
    with pytest.raises(ChangedDataError, match=r"^train/pos/10_9\.txt was there"):
        reader.read(np.array([3]))


def test_what_is_hidden_unlabelled_or_beside_the_classes_is_passed_over(write):
    folder = write({**FILES, "unsup/5_0.txt": "x", "urls_pos.txt": "y", ".git/a": "z", "pos/.DS_Store": "z"})
    assert survey(stoker.open(folder)).labels.classes == ("neg", "pos")
    assert len(read(stoker.open(folder))[0]) == 5


def test_several_folders_are_one_source(write):
    paths = [write(FILES), write({"pos/a.txt": "more", "neg/b.txt": "less"}, "test")]
    source = stoker.open(paths)
    texts, _ = read(source)
    assert texts[-2:] == ["less", "more"]
    index, _ = index_of(source)
    assert index.file_rows.tolist() == [0, 5, 7]
    rows = source.reader(index).read(np.array([4, 6]))
    assert rows.columns["text"].to_pylist() == [texts[4], "more"]


def test_other_folders_are_read_alike_and_may_lack_the_classes(write):
    source = stoker.open(write(FILES))
    assert read(source.like(write({"pos/a.txt": "x", "neg/b.txt": "y"}, "test"), with_label=True))[0] == [
        "y",
        "x",
    ]
    new = write({"b.txt": "two", "a.txt": "one"}, "new")
    assert read(source.like(new, with_label=False)) == (["one", "two"], [])
    with pytest.raises(DataError, match="holds no folders"):
        source.like(new, with_label=True)


def test_labels_that_are_unknown_are_told_with_their_file(write):
    held = stoker.open(write({**FILES, "zzz/9.txt": "odd"}))
    place, label = first_unknown(survey(held, role="valid"), "label", ["neg", "pos"])
    assert place.endswith("train/zzz/9.txt")
    assert label == "zzz"


def test_a_large_text_is_one_row(write):
    long = "word " * (2 << 20)
    source = stoker.open(write({"a/1.txt": long, "a/2.txt": "x", "b/1.txt": "y"}))
    assert read(source)[0] == [long, "x", "y"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pos/1.txt": "x", "neg/.hidden": "y"}, "neg is empty: a class needs files"),
        ({"pos/1.txt": "x", "neg/sub/2.txt": "y"}, "is a folder within a class's folder"),
        ({"pos/1.txt": "x", "neg/2.csv": "y"}, r"2\.csv has the suffix '\.csv', and texts"),
        ({"pos/1.txt": "x", "neg/2.txt.gz": "y"}, r"2\.txt\.gz is compressed, .* unpack them: find "),
        ({"pos/1.txt": "x", "neg/2.txt": b"x" * ((64 << 20) + 1)}, "one file may have 64 MiB"),
    ],
)
def test_folders_that_are_none_of_texts_are_refused(write, files, said):
    with pytest.raises(DataError, match=said):
        stoker.open(write(files))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a directory, not a file"):
        stoker.open(tmp_path)
    with pytest.raises(DataError, match="holds no folders"):
        stoker.open(tmp_path, format="folder")


def test_one_class_alone_is_refused_by_the_survey(write):
    with pytest.raises(DataError, match="all of one class"):
        survey(stoker.open(write({"pos/1.txt": "x", "pos/2.txt": "y"})))


def test_columns_and_options_that_do_not_apply_are_refused(write):
    folder = write(FILES)
    with pytest.raises(ColumnError, match=r"the columns text .*'stars' is not the label"):
        stoker.open(folder, label="stars")
    with pytest.raises(ColumnError, match="'review' is not the text"):
        stoker.open(folder, text="review")
    with pytest.raises(OptionError, match="header has no effect on a folder of texts or images"):
        stoker.open(folder, header=True)
    with pytest.raises(ColumnError, match="columns text, label, file, not 'id'"):
        stoker.open(folder).keeping(["id"])


def test_a_file_that_changes_is_noticed_by_name(write):
    folder = write(FILES)
    found = survey(stoker.open(folder))
    (folder / "pos" / "2_7.txt").write_text('FINE, "really"')
    with pytest.raises(ChangedDataError, match=r"2_7\.txt changed since it was surveyed"):
        found.reader().read(np.arange(5))
    (folder / "pos" / "2_7.txt").write_text("longer than before, or is it")
    with pytest.raises(ChangedDataError, match=r"2_7\.txt changed since its folder was opened"):
        found.reader().read(np.arange(5))
    with pytest.raises(ChangedDataError, match="open it again"):
        next(found.source.chunks(1 << 14))
    (folder / "pos" / "2_7.txt").unlink()
    with pytest.raises(ChangedDataError, match=r"2_7\.txt was there"):
        found.reader().read(np.arange(5))


def test_a_text_that_moves_to_another_class_makes_another_survey(write):
    folder = write({"a/1.txt": "x", "a/2.txt": "y", "b/3.txt": "z", "b/4.txt": "u"})
    assert survey(stoker.open(folder)).labels.counts == (2, 2)
    os.rename(folder / "a" / "2.txt", folder / "b" / "2.txt")
    found = survey(stoker.open(folder))
    assert found.seconds > 0
    assert found.labels.counts == (1, 3)


def test_the_movie_reviews_are_read(shared_data, tmp_path):
    archive = shared_data / "imdb" / "aclImdb-sample.tar.gz"
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    folder = tmp_path / "aclImdb" / "train"
    source = stoker.open(folder)
    texts, labels = read(source)
    names = sorted(os.fsencode(p.relative_to(folder)) for p in folder.rglob("*.txt") if p.parent != folder)
    assert texts == [(folder / os.fsdecode(name)).read_bytes().decode() for name in names]
    assert labels == [os.fsdecode(name).split("/")[0] for name in names]
    with pytest.raises(DataError, match="is a folder within a class's folder"):
        stoker.open(tmp_path / "aclImdb")


def test_a_pipe_in_a_class_folder_is_told(tmp_path):
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(name)
    os.mkfifo(tmp_path / "pos" / "2.txt")
    with pytest.raises(DataError, match=r"pos/2\.txt is a pipe or a device"):
        stoker.open(tmp_path)
