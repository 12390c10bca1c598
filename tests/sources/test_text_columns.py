"""Columns opened as text are texts whatever they look like, and read as Python's csv module reads them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import index_of
from stoker.errors import ColumnError, OptionError
from stoker.sources.held import join_values, value_bounds
from stoker.sources.texts import decode_texts

TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=30)


def read_all(source, names):
    """Each column's texts, by chunks and by row ids, which must agree."""
    index, dtype = index_of(source, 1 << 14)
    parsed = [source.parse(chunk).rows.columns for chunk in source.chunks(1 << 14)]
    read = source.reader(index, None, dtype).read(np.arange(index.num_records)).columns
    columns = []
    for name in names:
        values = [value for rows in parsed for value in rows[name].to_pylist()]
        assert values == read[name].to_pylist()
        assert read[name].type == pa.large_string()
        columns.append(values)
    return columns


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=40))
def test_texts_are_those_of_the_csv_module(tmp_path, rows):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("label", "a", "b")])
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(("x", *row) for row in rows)
    path = tmp_path / "t.csv"
    path.write_text(out.getvalue(), "utf-8", newline="")
    source = stoker.open(path, label="label", text=["a", "b"], delimiter=",", quote='"', header=True)
    expected = list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    assert read_all(source, ["a", "b"]) == [[row[1] for row in expected], [row[2] for row in expected]]


def test_numbers_leading_zeros_blanks_and_null_spellings_are_texts(tmp_path):
    values = ["007", "12", "", "NA", "1e5", "-0.0", " ", "null"] * 4
    (tmp_path / "t.csv").write_text("y,text\n" + "".join(f"{row % 2},{v}\n" for row, v in enumerate(values)))
    source = stoker.open(tmp_path / "t.csv", label="y", text="text")
    assert source.is_text
    assert source.features == ("text",)
    assert read_all(source, ["text"]) == [values]
    assert not any(len(source.parse(chunk).issues) for chunk in source.chunks(1 << 14))


def test_bytes_that_are_not_utf8_become_replacement_characters_and_are_no_issue(tmp_path):
    data = b"kind,text\nno,caf\xe9\nyes,\xff\xfe and \xc3\xa9\nno,fine\n"
    (tmp_path / "t.csv").write_bytes(data)
    source = stoker.open(tmp_path / "t.csv", label="kind", text="text")
    expected = [line.split(b",")[1].decode("utf-8", "replace") for line in data.splitlines()[1:]]
    assert read_all(source, ["text"]) == [expected]
    assert not any(len(source.parse(chunk).issues) for chunk in source.chunks(1 << 14))


def test_a_ragged_row_is_a_bad_one_and_its_text_is_empty(tmp_path):
    (tmp_path / "t.csv").write_text("kind,text\nno,one\nyes\nno,three\n")
    source = stoker.open(tmp_path / "t.csv", label="kind", text="text")
    parsed = source.parse(next(source.chunks(1 << 14)))
    assert parsed.rows.columns["text"].to_pylist() == ["one", "", "three"]
    assert parsed.issues.rows.tolist() == [1]


def test_a_text_of_ten_megabytes_is_read_whole(tmp_path):
    long = "wörd, " * (10 << 20 >> 3)
    (tmp_path / "t.csv").write_text(f'kind,text\nno,short\nyes,"{long}"\nno,short\n')
    source = stoker.open(tmp_path / "t.csv", label="kind", text="text")
    assert read_all(source, ["text"]) == [["short", long, "short"]]


def test_columns_without_names_are_texts_too_and_come_in_file_order(tmp_path):
    (tmp_path / "t.csv").write_text('"1","2","3"\n"2","",""\n')
    source = stoker.open(tmp_path / "t.csv", label="#0", text=["#2", "#1"], header=False)
    assert source.features == ("#1", "#2")
    assert read_all(source, ["#1", "#2"]) == [["2", ""], ["3", ""]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"text": "text", "columns": ["text"]}, "text names the features, so columns has no effect"),
        ({"text": "text", "drop": ["id"]}, "text names the features, so drop has no effect"),
        ({"text": []}, "text: name at least one column"),
        ({"text": ["text", "label"]}, "'label' is the label"),
        ({"text": "text", "types": {"text": "int"}}, "'text' is text (text=), not 'int'"),
        ({"text": ["text", "text"]}, "named twice"),
    ],
)
def test_what_contradicts_text_is_refused(tmp_path, options, said):
    (tmp_path / "t.csv").write_text("label,id,text\na,1,x\nb,2,y\n")
    with pytest.raises(OptionError) as error:
        stoker.open(tmp_path / "t.csv", label="label", **options)
    assert said in str(error.value)


def test_an_absent_text_column_is_named_with_the_nearest(tmp_path):
    (tmp_path / "t.csv").write_text("label,review\na,x\nb,y\n")
    with pytest.raises(ColumnError, match="did you mean 'review'"):
        stoker.open(tmp_path / "t.csv", label="label", text="reviews")


@given(values=st.lists(st.lists(TEXTS, max_size=5), max_size=5), large=st.booleans())
def test_joined_texts_are_the_texts_and_their_parts_are_let_go(values, large):
    kind = pa.large_string() if large else pa.string()
    parts = [pa.array(["skipped", *part], kind)[1:] for part in values]
    joined = join_values(parts, pa.large_string() if large else pa.string())
    assert parts == []
    assert joined.type == kind
    assert joined.to_pylist() == [value for part in values for value in part]
    assert np.diff(value_bounds(joined)).tolist() == [len(v.encode()) for part in values for v in part]


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_decoding_replaces_as_python_does(values):
    decoded = decode_texts(pa.array(values, pa.binary()))
    assert decoded.to_pylist() == [value.decode("utf-8", "replace") for value in values]
