import os
from pathlib import Path

import pytest

import stoker
from stoker.errors import ColumnError, DataError, OptionError


@pytest.fixture
def write(tmp_path):
    def make(content: str | bytes, name: str = "a.csv") -> Path:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    return make


def kinds(source) -> dict[str, str]:
    return {column.name: column.kind for column in source.columns}


def test_columns_come_in_file_order_with_their_kinds(write):
    source = stoker.open(write("size,name,label,height\n1,ada,0,1.5\n2,bob,1,2\n"), label="label")
    assert source.features == ("size", "name", "height")
    assert source.numeric_features == ("size", "height")
    assert source.text_features == ("name",)
    assert kinds(source) == {"size": "int", "name": "text", "height": "float", "label": "int"}
    assert (source.label, source.label_kind) == ("label", "int")


def test_columns_without_a_header_are_numbered(write):
    source = stoker.open(write("1,2.5,a\n3,4.5,b\n"), label="#2")
    assert source.features == ("#0", "#1")
    assert source.peek().columns["#2"].to_pylist() == ["a", "b"]


def test_a_negative_number_is_no_column(write):
    with pytest.raises(OptionError, match=r"'#-1'.*counted from the left, from #0 on"):
        stoker.open(write("1,2\n3,4\n"), label="#-1")


def test_a_numbered_column_of_a_file_with_header_is_named(write):
    with pytest.raises(ColumnError, match="its column 1 is called 'b'"):
        stoker.open(write("a,b\n1,2\n"), label="#1", header=True)


def test_a_header_may_be_denied_and_demanded(write):
    file = write("a,b\nc,d\n")
    assert stoker.open(file, header=True).features == ("a", "b")
    assert stoker.open(file, header=False).features == ("#0", "#1")
    assert stoker.open(write("2019,2020\n1,2\n"), header=True).features == ("2019", "2020")


def test_byte_order_mark_and_crlf_leave_no_trace(write):
    source = stoker.open(write(b"\xef\xbb\xbfa,b\r\n1,2\r\n"), label="a")
    assert source.features == ("b",)
    assert source.peek().columns["a"].tolist() == [1]


def test_leading_zeros_stay_text_unless_a_type_is_given(write):
    file = write("zip,y\n01234,0\n98765,1\n")
    assert kinds(stoker.open(file, label="y"))["zip"] == "text"
    source = stoker.open(file, label="y", types={"zip": "int"})
    assert kinds(source)["zip"] == "int"
    assert source.peek().matrix.values.tolist() == [1234, 98765]


def test_a_type_may_be_given(write):
    file = write("zip,y\n1234,0\n98765,1\n")
    source = stoker.open(file, label="y", types={"zip": "text", "y": "float"})
    assert kinds(source) == {"zip": "text", "y": "float"}
    assert source.peek().columns["zip"].to_pylist() == ["1234", "98765"]
    assert source.peek().columns["y"].tolist() == [0.0, 1.0]


def test_columns_are_chosen_or_dropped(write):
    file = write("a,b,c,y\n1,2,3,4\n")
    assert stoker.open(file, label="y", columns=["c", "a"]).features == ("a", "c")
    assert stoker.open(file, label="y", drop=["b"]).features == ("a", "c")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "lable"}, "label column 'lable' is absent; did you mean 'label'?"),
        ({"drop": ["Size"]}, "drop: column 'Size' is absent; did you mean 'size'?"),
        ({"columns": ["sizes"]}, "column 'sizes' is absent; did you mean 'size'?"),
        ({"types": {"hight": "int"}}, "'hight' is absent; did you mean 'height'?"),
        ({"label": "qqq"}, "its columns are 'size', 'height', 'label'"),
    ],
)
def test_an_absent_column_is_named_with_file_and_nearest_name(write, options, message):
    file = write("size,height,label\n1,2,3\n")
    with pytest.raises(ColumnError) as error:
        stoker.open(file, **options)
    assert message in str(error.value)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "a", "drop": ["a"]}, "'a' is the label"),
        ({"columns": ["a"], "drop": ["a"]}, "both in columns and in drop"),
        ({"columns": ["a", "a"]}, "named twice"),
        ({"drop": ["b"], "types": {"b": "text"}}, "its type has no effect"),
        ({"types": {"b": "number"}}, "must be int, float, text, bytes, ints or floats, got 'number'"),
        ({"columns": "a"}, r"takes a list of names"),
        ({"label": 3}, "a column's name must be a non-empty string, got 3"),
        ({"format": "xlsx"}, "format must be one of csv, tsv, zhang, folder, lines, .*, got 'xlsx'"),
    ],
)
def test_options_that_cannot_be_are_refused(write, options, message):
    with pytest.raises(OptionError, match=message):
        stoker.open(write("a,b\n1,2\n"), **options)


def test_a_file_of_labels_alone_has_no_feature(write):
    with pytest.raises(ColumnError, match="no feature column is left"):
        stoker.open(write("a\n1\n"), label="a")


def test_a_used_name_that_stands_twice_is_refused(write):
    with pytest.raises(ColumnError, match=r"'b' stands 2 times in the header \(fields 2, 3\)"):
        stoker.open(write("a,b,b\n1,2,3\n"), label="a")
    assert stoker.open(write("a,b,b,c\n1,2,3,4\n"), label="a", columns=["c"]).features == ("c",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\xef\xbb\xbf\r\n\n", "is empty"),
        (b"a,b\n", r"there is a header \(a, b\) and no row below it"),
        (b"\xff\xfea\0,\0b\0", "is UTF-16"),
        (b"a\xe9,b\n1,2\n", "the header is not UTF-8.*iconv -f WINDOWS-1252"),
        (b'"a,b\n1,2\n', "a quote is opened and never closed"),
    ],
)
def test_what_is_no_table_is_refused(write, content, message):
    with pytest.raises(DataError, match=message):
        stoker.open(write(content), quote='"')


def test_a_header_of_another_width_than_the_rows_is_refused(write):
    with pytest.raises(
        ColumnError, match=r"names 2 columns.*have 3 fields; the delimiter was taken to be ','"
    ):
        stoker.open(write("a,b\n1,2,3\n4,5,6\n"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        stoker.open(tmp_path / "nowhere.csv")


def test_a_directory_is_refused_with_the_pattern_to_write(tmp_path):
    with pytest.raises(DataError, match=r"is a directory.*\*\.csv"):
        stoker.open(tmp_path)


def test_a_pattern_without_match_names_where_it_looked(tmp_path):
    with pytest.raises(DataError, match="no file matches") as error:
        stoker.open(tmp_path / "no-*.csv")
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.tar.gz", r"is an archive.*unpack it first: tar -xf .*a\.tar\.gz"),
        ("a.zip", "unzip"),
        ("a.orc", r"suffix '\.orc'; known are \.csv"),
        ("a", 'no suffix.*format="csv"'),
    ],
)
def test_unknown_and_compressed_suffixes_name_the_way_out(write, name, message):
    with pytest.raises(DataError, match=message):
        stoker.open(write("a,b\n1,2\n", name))


def test_a_format_settles_an_unknown_suffix(write):
    assert stoker.open(write("a\tb\n1\t2\n", "data"), format="tsv").features == ("a", "b")


def test_standard_input_and_nothing_are_refused():
    with pytest.raises(OptionError, match="standard input"):
        stoker.open("-")
    with pytest.raises(OptionError, match="no file was given"):
        stoker.open([])


def test_a_pattern_s_files_come_in_bytewise_order(write, tmp_path):
    for name in ("b.csv", "a10.csv", "a2.csv", "B.csv"):
        write("x,y\n1,2\n", name)
    names = [os.path.basename(path) for path in stoker.open(str(tmp_path / "*.csv"), label="y").paths]
    assert names == ["B.csv", "a10.csv", "a2.csv", "b.csv"]


def test_one_file_twice_is_refused(write):
    file = write("x,y\n1,2\n")
    with pytest.raises(OptionError, match="given twice"):
        stoker.open([file, file], label="y")


def test_files_with_the_same_names_in_another_order_are_matched_by_name(write):
    source = stoker.open([write("x,y\n1,2\n"), write("y,x\n4,3\n", "b.csv")], label="y")
    parsed = [source.parse(chunk) for chunk in source.chunks(1 << 16)]
    assert [part.rows.matrix.values.tolist() for part in parsed] == [[1], [3]]
    assert [part.rows.columns["y"].tolist() for part in parsed] == [[2], [4]]


def test_different_headers_name_both_files_and_the_difference(write):
    first, second = write("x,size,y\n1,2,3\n"), write("x,sizes,y\n1,2,3\n", "b.csv")
    with pytest.raises(ColumnError) as error:
        stoker.open([first, second], label="y")
    message = str(error.value)
    assert str(first) in message
    assert str(second) in message
    assert "lacks 'size' and has 'sizes' instead" in message


def test_files_without_header_must_have_as_many_columns(write):
    with pytest.raises(ColumnError, match=r"has 2 columns and .* has 3"):
        stoker.open([write("1,2\n"), write("1,2,3\n", "b.csv")], label="#0")


def test_one_column_is_told_in_the_singular(write):
    with pytest.raises(ColumnError, match=r"has 1 column and .* has 3"):
        stoker.open([write("1\n"), write("1,2,3\n", "b.csv")], label="#0", header=False)


def test_other_files_are_opened_with_held_columns(write):
    source = stoker.open(write("a,b,y\n1,2.5,x\n"), label="y")
    other = source.like(write("note;b;a\nhi;1;7\n", "b.csv"), with_label=False)
    assert (other.features, other.label) == (("a", "b"), None)
    assert kinds(other) == {"a": "int", "b": "float"}
    assert other.peek().matrix.values.tolist() == [7, 1]


def test_a_file_that_lacks_a_feature_or_the_wanted_label_is_refused(write):
    source = stoker.open(write("a,b,y\n1,2.5,x\n"), label="y")
    file = write("a,bb\n1,2\n", "b.csv")
    with pytest.raises(ColumnError, match=r"b\.csv: the feature column 'b' is absent; did you mean 'bb'"):
        source.like(file, with_label=False)
    file = write("a,b\n1,2\n", "b.csv")
    with pytest.raises(ColumnError, match=r"b\.csv: the label column 'y' is absent"):
        source.like(file, with_label=True)


def test_a_headerless_file_to_predict_on_may_lack_the_label(write):
    source = stoker.open(write("0,1,2\n1,3,4\n"), label="#0")
    other = source.like(write("5,6\n", "b.csv"), with_label=False)
    assert other.features == ("#1", "#2")
    assert other.peek().matrix.values.tolist() == [5, 6]
    with pytest.raises(ColumnError, match="matched by their places"):
        source.like(write("5\n", "c.csv"), with_label=False)


def test_kept_columns_come_as_text_whatever_they_hold(write):
    source = stoker.open(write("id,a,y\n007,1.50,0\n"), label="y", drop=["id"])
    rows = source.without_label().keeping(["id", "a", "y"]).peek()
    assert {name: values.to_pylist() for name, values in rows.columns.items()} == {
        "id": ["007"],
        "a": ["1.50"],
        "y": ["0"],
    }
    assert rows.matrix.values.tolist() == [1.5]
    with pytest.raises(ColumnError, match="keep=: column 'ids' is absent; did you mean 'id'"):
        source.keeping(["ids"])
    with pytest.raises(OptionError, match="comes along as numbers"):
        source.keeping(["y"])


def test_views_are_new_sources(write):
    source = stoker.open(write("a,y\n1,2\n"), label="y")
    first, _ = source.split(0.5)
    assert first.whole.view == source.view
    assert first.view != source.view
    assert first.take([0]).shard(0, 1).describe()["view"]["steps"][2] == {
        "kind": "shard",
        "index": 0,
        "count": 1,
    }
