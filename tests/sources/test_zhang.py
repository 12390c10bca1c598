"""The files of Zhang et al. are read as by Python's csv module, and classes.txt names their classes."""

from __future__ import annotations

import csv

import pytest

import stoker
from stoker.errors import DataError, OptionError
from stoker.survey import survey

ROWS = [
    ("3", "Fears for T N pension", 'Unions say they are "disappointed" after\\news, social\\network'),
    ("1", "", 'Line one\\nline two, with \\""quotes""\\'),
    ("2", "12", "Ünïcode, commas"),
]


@pytest.fixture
def write(tmp_path):
    def make(rows=ROWS, names=("World", "Sports", "Business"), copies=20):
        with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([*rows] * copies)
        if names is not None:
            (tmp_path / "classes.txt").write_text("\n".join(names) + "\n")
        return tmp_path / "train.csv"

    return make


def texts(source):
    return [text for batch in source.text_batches() for text in batch.texts.to_pylist()]


def test_columns_label_and_class_names_need_no_telling(write):
    source = stoker.open(write(), format="zhang")
    assert source.features == ("#1", "#2")
    assert source.is_text
    assert (source.label, source.label_kind) == ("#0", "int")
    assert source.class_names == ("World", "Sports", "Business")
    assert survey(source).labels.classes == (1, 2, 3)


def test_texts_are_given_as_they_stand_backslashes_included(write):
    source = stoker.open(write(copies=1), format="zhang")
    assert texts(source) == [" ".join(row[1:]) for row in ROWS]


def test_some_columns_may_be_chosen(write):
    path = write()
    assert stoker.open(path, format="zhang", text="#2").features == ("#2",)
    assert stoker.open(path, format="zhang", drop=["#1"]).features == ("#2",)
    assert stoker.open(path, format="zhang", label="#2").features == ("#0", "#1")


def test_without_classes_txt_there_are_no_names(write):
    source = stoker.open(write(names=None), format="zhang")
    assert source.class_names is None
    assert survey(source).num_rows == 60


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("World", "Sports"), "names 2 classes.*has 3 different labels: the label 3 of"),
        (
            ("World", "Sports", "Business", "Sci/Tech"),
            "names 4 classes.*has 3 different labels: none is 'Sci/Tech'",
        ),
    ],
)
def test_a_wrong_number_of_names_is_refused_with_both_files(write, names, said):
    path = write(names=names)
    with pytest.raises(DataError, match=said) as error:
        survey(stoker.open(path, format="zhang"))
    assert str(path) in str(error.value)
    assert str(path.with_name("classes.txt")) in str(error.value)


def test_a_class_may_be_absent_where_nothing_is_learned(write):
    path = write(rows=ROWS[1:])
    assert survey(stoker.open(path, format="zhang"), role="valid").num_rows == 40


def test_a_class_without_a_name_is_refused(write):
    with pytest.raises(DataError, match=r"classes\.txt, line 2: a class of .*train\.csv has no name"):
        stoker.open(write(names=("World", "", "Business")), format="zhang")


@pytest.mark.parametrize("option", [{"header": True}, {"delimiter": ";"}, {"quote": "'"}])
def test_what_the_format_says_already_is_refused(write, option):
    with pytest.raises(OptionError, match="has no effect with format='zhang'"):
        stoker.open(write(), format="zhang", **option)


def test_files_to_predict_on_may_lack_the_class(write, tmp_path):
    source = stoker.open(write(), format="zhang")
    (tmp_path / "new.csv").write_text('"title","text, with comma"\n' * 3)
    held = source.like(tmp_path / "new.csv", with_label=False)
    assert texts(held) == ["title text, with comma"] * 3
    assert held.class_names == source.class_names


def test_ag_news_is_read_as_by_the_csv_module(shared_data):
    path = shared_data / "ag_news" / "test.csv"
    source = stoker.open(path, format="zhang")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert texts(source) == [f"{row[1]} {row[2]}" for row in rows]
    found = survey(source, stored=False)
    assert found.labels.counts == (1_900,) * 4
    assert source.class_names == ("World", "Sports", "Business", "Sci/Tech")


def test_names_of_classes_that_nobody_may_look_for_are_told(server, own_cache, caplog):
    url = server.put("train.csv", b'"1","a"\n"2","b"\n')
    server.put("classes.txt", b"one\ntwo\n")
    assert stoker.open(url, format="zhang").class_names == ("one", "two")
    server.always["classes.txt"] = "403"
    assert stoker.open(url, format="zhang").class_names is None
    assert "classes.txt: the server answers 403: permission denied; classes have no names" in caplog.text
