"""Files that are missing, empty, of another kind, or do not go together."""

import gzip
import os

import pytest


def test_a_missing_file_is_named_with_the_folder_looked_in(refused, here):
    said = refused("plan", "nowhere.csv", "--label", "kind")
    assert said == f"nowhere.csv: no such file (looked from {here}); check the path"


def test_a_missing_validation_file_is_named(refused, write):
    assert "nowhere.csv: no such file" in refused(
        "plan", write("t.csv"), "--label", "kind", "--valid", "nowhere.csv"
    )


def test_a_directory_is_told_from_a_file_with_the_pattern_that_names_its_files(refused, here):
    (here / "data").mkdir()
    assert refused("plan", "data", "--label", "kind") == (
        "data is a directory, not a file; name its files, for example 'data/*.csv' with the quotes"
    )


def test_a_pipe_is_refused_and_never_waited_for(refused, here):
    os.mkfifo(here / "pipe.csv")
    assert refused("plan", "pipe.csv", "--label", "kind") == (
        "pipe.csv is a pipe or a device, and rows are read many times; write it to a file"
    )
    assert "no file matches this pattern" in refused("plan", "pip*.csv", "--label", "kind")


@pytest.mark.parametrize("content", [b"", b"\n\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_named_with_its_size(refused, here, content):
    (here / "empty.csv").write_bytes(content)
    assert refused("plan", "empty.csv", "--label", "kind") == (
        f"empty.csv is empty ({len(content)} bytes); give a file with a header and rows"
    )


def test_a_header_without_rows_is_shown(refused, write):
    said = refused("plan", write("head.csv", 0), "--label", "kind")
    assert said.startswith(
        "head.csv: there is a header (a, b, kind) and no row below it; give a file with rows"
    )
    assert "--no-header" in said


def test_files_with_different_headers_are_named_with_what_differs(refused, write):
    other = write("other.csv", header="a,c,kind")
    assert refused("plan", write("t.csv"), other, "--label", "kind") == (
        "t.csv and other.csv have different headers: other.csv lacks 'b' and has 'c' instead; "
        "files of one source must have the same columns"
    )


def test_a_name_that_is_written_nearly_like_one_that_lacks_is_offered(refused, write):
    said = refused("plan", write("t.csv"), write("other.csv", header="a,b,kinds"), "--label", "kind")
    assert "lacks 'kind' and has 'kinds' instead ('kinds' may be meant for 'kind'); files of one" in said


def test_a_header_longer_than_the_rows_is_told(refused, write):
    assert "t.csv: the header names 4 columns and the rows below it have 3 fields" in refused(
        "plan", write("t.csv", header="a,b,kind,more"), "--label", "kind"
    )


def test_a_file_with_one_column_more_is_named(refused, here, write):
    (here / "wide.csv").write_text("a,b,kind,more\n1,2,no,3\n4,5,yes,6\n")
    said = refused("plan", write("t.csv"), "wide.csv", "--label", "kind")
    assert "t.csv and wide.csv have different headers: wide.csv has 'more' besides" in said


def test_the_same_columns_in_another_order_are_no_mistake(accepted, here, write):
    (here / "other.csv").write_text("kind,b,a\n" + "yes,1,2\nno,3,4\n" * 20)
    assert "140 rows" in accepted("plan", write("t.csv"), "other.csv", "--label", "kind")


def test_validation_files_without_a_feature_or_the_label_are_named(refused, write, here):
    table = write("t.csv")
    (here / "v.csv").write_text("a,kind\n1,yes\n")
    (here / "w.csv").write_text("a,b\n1,2\n")
    assert "v.csv: the feature column 'b' is absent; its columns are 'a', 'kind'" in refused(
        "plan", table, "--label", "kind", "--valid", "v.csv"
    )
    assert "w.csv: the label column 'kind' is absent; its columns are 'a', 'b'" in refused(
        "plan", table, "--label", "kind", "--valid", "w.csv"
    )


def test_a_header_that_is_not_utf8_comes_with_the_command_that_converts_it(refused, here):
    (here / "latin.csv").write_bytes("a,größe,kind\n1,2,no\n3,4,yes\n".encode("latin-1"))
    said = refused("plan", "latin.csv", "--label", "kind")
    assert said == (
        "latin.csv: the header is not UTF-8; convert the file first: "
        "iconv -f WINDOWS-1252 -t UTF-8 latin.csv > utf8.csv"
    )


def test_utf16_comes_with_the_command_that_converts_it(refused, here):
    (here / "wide.csv").write_text("a,b,kind\n1,2,no\n", encoding="utf-16")
    said = refused("plan", "wide.csv", "--label", "kind")
    assert "wide.csv is UTF-16, and stoker reads UTF-8" in said
    assert "iconv -f UTF-16" in said


def test_binary_data_under_a_csv_name_is_told(refused, here):
    (here / "picture.csv").write_bytes(bytes(range(256)) * 8)
    assert refused("plan", "picture.csv", "--label", "kind") == (
        "picture.csv holds zero bytes (first at byte 0) and 9 % of its first bytes are control characters, "
        "so it is no delimited text; check that it is a CSV or TSV file"
    )


def test_an_archive_comes_with_the_command_that_unpacks_it(refused, here):
    (here / "t.tar.gz").write_bytes(gzip.compress(b"a,kind\n1,no\n"))
    assert refused("plan", "t.tar.gz", "--label", "kind").endswith("unpack it first: tar -xf t.tar.gz")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("*.csv", "no file matches this pattern (looked in "),
        ("-", "standard input cannot be trained on: rows are read many times; write it to a file"),
        ("", "a path must be a non-empty string, got ''"),
        ("s3://me:hidden@bucket/t.csv", "s3://…@bucket/t.csv: an address is written down with a run"),
        ("/dev/null", "/dev/null is a pipe or a device, and rows are read many times; write it to a file"),
    ],
)
def test_what_is_no_file_is_told(refused, path, words):
    assert words in refused("plan", path, "--label", "kind")


def test_an_unknown_suffix_comes_with_the_known_ones(refused, write):
    said = refused("plan", write("t.xlsx"), "--label", "kind")
    assert "t.xlsx has the suffix '.xlsx'; known are .csv, .tsv, .tab, .txt, .jsonl, " in said


def test_a_file_given_twice_is_told_under_both_names(refused, write):
    assert "./t.csv is given twice (first as t.csv)" in refused(
        "plan", write("t.csv"), "./t.csv", "--label", "kind"
    )


def test_carriage_returns_and_a_byte_order_mark_are_no_mistake(accepted, here, write):
    write("t.csv", end="\r\n")
    (here / "t.csv").write_bytes(b"\xef\xbb\xbf" + (here / "t.csv").read_bytes())
    assert "label kind" in accepted("plan", "t.csv", "--label", "kind")
    assert "label a" in accepted("plan", "t.csv", "--label", "a", "--drop", "kind")


def test_a_file_without_header_has_numbered_columns(accepted, refused, write):
    table = write("t.csv", header=None)
    assert "label #2" in accepted("plan", table, "--label", "#2")
    assert "its columns are called #0 to #2; if its first line holds names, say --header" in refused(
        "plan", table, "--label", "kind"
    )
    assert "the file has no header, so its columns are called #0 to #2" in refused(
        "plan", table, "--label", "#3"
    )
    assert "counted from the left, from #0 on" in refused("plan", table, "--label", "#-1")


def test_a_wrong_delimiter_is_suspected(refused, write):
    said = refused("plan", write("t.csv"), "--label", "kind", "--delimiter", ";")
    assert "its only column is called #0" in said
    assert "the delimiter was taken to be ';' (--delimiter)" in said


def test_a_table_of_the_label_alone_is_told(refused, here):
    (here / "one.csv").write_text("kind\n" + "yes\nno\n" * 20)
    assert "one.csv: no feature column is left beside the label" in refused(
        "plan", "one.csv", "--label", "kind"
    )


def test_two_columns_of_one_name_are_named_with_their_places(refused, write):
    assert "t.csv: column 'a' stands 2 times in the header (fields 1, 2)" in refused(
        "plan", write("t.csv", header="a,a,kind"), "--label", "kind"
    )
