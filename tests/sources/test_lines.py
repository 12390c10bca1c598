"""A file of texts for each class is a source of a line a row."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.errors import ColumnError, DataError, OptionError
from stoker.survey import survey


def read(source):
    batches = list(source.text_batches())
    labels = [] if source.label is None else [v for batch in batches for v in batch.labels.to_pylist()]
    return [text for batch in batches for text in batch.texts.to_pylist()], labels


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rt.pos").write_bytes(b'good , "really"\r\n\r\ncaf\xe9 , fine\n')
    (tmp_path / "rt.neg").write_bytes(b"\xef\xbb\xbfbad\nworse")
    return tmp_path


def test_the_suffix_names_the_class_and_lines_are_texts(folder):
    source = stoker.open(folder / "rt.*")
    assert source.is_text
    assert read(source) == (
        ["bad", "worse", 'good , "really"', "caf\ufffd , fine"],
        ["neg"] * 2 + ["pos"] * 2,
    )
    found = survey(source)
    assert found.labels.classes == ("neg", "pos")
    assert found.problems == ()


def test_compressed_files_are_named_by_what_they_hold(folder):
    (folder / "packed").mkdir()
    for name in ("rt.pos", "rt.neg"):
        (folder / "packed" / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    assert read(stoker.open(folder / "packed" / "*")) == read(stoker.open(folder / "rt.*"))


def test_text_files_are_named_by_their_stems(folder):
    (folder / "spam.txt").write_text("buy, now\n")
    (folder / "ham.txt").write_text("see you\n")
    source = stoker.open([folder / "spam.txt", folder / "ham.txt"], format="lines")
    assert read(source) == (["buy, now", "see you"], ["spam", "ham"])
    held = source.like(folder / "rt.pos", with_label=False)
    assert read(held) == (['good , "really"', "caf\ufffd , fine"], [])


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1), min_size=1))
def test_lines_are_read_whatever_they_hold(tmp_path, lines):
    (tmp_path / "a.pos").write_text("\n\r\n".join(lines), "utf-8", newline="")
    lines[0] = lines[0].removeprefix("\ufeff")
    source = stoker.open(tmp_path / "a.pos")
    assert read(source)[0] == [line for line in lines if line]


def test_what_does_not_apply_is_refused(folder):
    (folder / "empty.neg").write_text("\n\n")
    with pytest.raises(DataError, match=r"empty\.neg is empty"):
        stoker.open([folder / "rt.pos", folder / "empty.neg"])
    with pytest.raises(OptionError, match="delimiter has no effect on files of a text a line"):
        stoker.open(folder / "rt.*", delimiter=",")
    with pytest.raises(ColumnError, match="'stars' is not the label"):
        stoker.open(folder / "rt.*", label="stars")
    with pytest.raises(ColumnError, match="columns text and label, not 'id'"):
        stoker.open(folder / "rt.*").keeping(["id"])
