import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import OptionError
from stoker.sources.dialect import Dialect, detect, split_records


def found(head: bytes, format_name: str = "csv", delimiter: str | None = None, quote: str | None = None):
    dialect = detect(head, format_name=format_name, delimiter=delimiter, quote=quote)
    return dialect.delimiter, dialect.quote


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_with_the_most_consistent_records_is_found(delimiter):
    rows = [["name", "size", "kind"], ["a b", "1", "x"], ["c", "2", "y"]]
    head = "\n".join(delimiter.join(row) for row in rows).encode()
    assert found(head) == (delimiter, '"')


def test_decimal_commas_do_not_hide_a_semicolon():
    assert found(b"a;b\n1,5;2\n1,75;3\n0;4\n") == (";", '"')


def test_a_tab_is_tried_first_in_a_tsv_file():
    assert found(b"1,2\t3,4\n5,6\t7,8\n", "tsv") == ("\t", '"')


def test_a_single_column_keeps_the_format_s_delimiter():
    assert found(b"a\n1\n2\n") == (",", '"')
    assert found(b"a\n1\n2\n", "tsv") == ("\t", '"')


def test_quoted_delimiters_and_newlines_do_not_count():
    assert found(b'a,b\n"x;y;z\n1;2;3",1\n"p;q;r",2\n') == (",", '"')


def test_stray_quotes_mean_no_quoting():
    head = b"height\tnote\n" + b'5\t"tall\n6\tplain\n' * 20 + b"7\tx\n"
    assert found(head, "tsv") == ("\t", "")


def test_single_quotes_around_a_column_are_quotes():
    assert found(b"a,b\n1,'x, y'\n2,'z'\n") == (",", "'")


def test_apostrophes_are_no_quotes():
    assert found(b"a,b\n1,it's\n2,'tis\n3,x\n") == (",", '"')


def test_what_the_user_says_is_taken():
    assert found(b"a,b\n1,2\n", delimiter="tab", quote="") == ("\t", "")
    assert found(b"a b\n1 2\n", delimiter="space", quote="'") == (" ", "'")


@pytest.mark.parametrize("delimiter", ["", ",,", "\n", "5", ".", "é"])
def test_a_delimiter_is_one_character_that_stands_in_no_number(delimiter):
    with pytest.raises(OptionError, match=r"delimiter must be one ASCII character.*semicolon"):
        found(b"a,b\n", delimiter=delimiter)


def test_delimiter_and_quote_must_differ():
    with pytest.raises(OptionError, match="both ','"):
        found(b"a,b\n", delimiter=",", quote=",")


def test_an_unfinished_last_record_of_a_sample_is_left_out():
    dialect = Dialect(delimiter=",", quote='"')
    for text, place in (("a,b\n1,2", 4), ('"a",b\n1,"2', 6), ('"a",b\r\n1,', 7)):
        assert split_records(text, dialect, complete=False) == ([["a", "b"]], place)


def test_blank_lines_are_no_records():
    for quote in ('"', ""):
        records, _ = split_records("\n\na,b\r\n\r\n\r1,2", Dialect(delimiter=",", quote=quote))
        assert records == [["a", "b"], ["1", "2"]]


@given(text=st.text("a,\n", max_size=12), limit=st.none() | st.integers(0, 4), complete=st.booleans())
def test_lines_without_quotes_are_those_between_line_feeds(text, limit, complete):
    found = [each for each in re.finditer(r"([^\n]+)(\n|\Z)", text) if complete or each[2]][:limit]
    records, place = split_records(text, Dialect(delimiter=",", quote=""), limit=limit, complete=complete)
    assert records == [each[1].split(",") for each in found]
    assert place == (found[-1].end() if found else 0)


@settings(max_examples=examples(300))
@given(
    rows=st.lists(st.lists(st.text('a1,"\n\r ;', max_size=4), min_size=2, max_size=4), max_size=6),
    terminator=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_records_are_split_as_python_s_csv_does(rows, terminator):
    stream = io.StringIO()
    csv.writer(stream, lineterminator=terminator, quoting=csv.QUOTE_ALL).writerows(rows)
    records, place = split_records(stream.getvalue(), Dialect(delimiter=",", quote='"'))
    assert records == rows
    assert place == len(stream.getvalue())


def test_names_that_the_user_speaks_of_outweigh_ragged_rows():
    text = b"y,a,b\n1\n2\n3\n4\n1,2,3\n"
    dialect = detect(text, format_name="csv", delimiter=None, quote=None, expected=("y",))
    assert dialect.delimiter == ","


def test_a_long_field_where_the_sample_ends_does_not_speak_against_its_quotes():
    short = [f'{row},"first line\nsecond ""line"", {row}",{row % 3}\n' for row in range(40)]
    long = '41,"' + 'a text that goes on and on, with ""quotes"",\nlines and commas; ' * 2_000 + '",1\n'
    assert found(("id,text,kind\n" + "".join(short) + long).encode()) == (",", '"')


def test_a_quote_that_nothing_closes_means_no_quoting_however_many_rows_precede_it():
    rows = [f"{row},plain,{row % 3}\n" for row in range(40)] + [f'{row},"open,1\n' for row in range(100)]
    assert found(("id,text,kind\n" + "".join(rows)).encode()) == (",", "")
