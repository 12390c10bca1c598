import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.errors import DataError, OptionError
from stoker.sources import IndexBuilder, IssueKind
from stoker.sources.csv_open import Written
from stoker.sources.csv_scan import scan_file
from stoker.sources.dialect import Dialect
from stoker.sources.files import line_of
from stoker.sources.schema import FileLayout


def open_bytes(folder: Path, data: bytes, **options):
    file = folder / "a.csv"
    file.write_bytes(data)
    return stoker.open(file, **options)


def parse_all(source, target_bytes=1 << 14, dtype=np.uint8):
    return [source.parse(chunk, dtype) for chunk in source.chunks(target_bytes)]


def only(source):
    (parsed,) = parse_all(source)
    return parsed


def table(parsed):
    return parsed.rows.matrix.values.reshape(parsed.num_records, -1)


def test_quoted_newlines_blank_lines_and_a_missing_last_newline(tmp_path):
    data = b'text,x,y\r\n"two\nlines",1,0\r\n\r\n\n"say ""hi""",2,1\r\n"",3,0'
    parsed = only(open_bytes(tmp_path, data, label="y"))
    assert parsed.rows.columns["text"].to_pylist() == ["two\nlines", 'say "hi"', ""]
    assert table(parsed).tolist() == [[1], [2], [3]]
    assert len(parsed.issues) == 0


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["0", "255"], np.uint8),
        (["-1", "255"], np.int16),
        (["40000"], np.int32),
        (["3000000000"], np.int64),
        (["1", "0.5"], np.float64),
    ],
)
def test_the_matrix_has_the_narrowest_type_that_fits(tmp_path, values, dtype):
    data = "x,y\n" + "".join(f"{value},1\n" for value in values)
    parsed = only(open_bytes(tmp_path, data.encode(), label="y"))
    assert parsed.dtype == parsed.rows.matrix.values.dtype == dtype
    assert table(parsed)[:, 0].tolist() == [float(value) for value in values]


def test_the_matrix_is_never_narrower_than_asked_for(tmp_path):
    source = open_bytes(tmp_path, b"x,y\n1,2\n", label="y")
    (parsed,) = parse_all(source, dtype=np.int32)
    assert parsed.dtype == np.int32


def test_an_inferred_integer_feature_may_turn_out_fractional(tmp_path):
    data = b"x,y\n" + b"1,0\n" * 300_000 + b"0.5,1\n"
    source = open_bytes(tmp_path, data, label="y")
    last = parse_all(source, 1 << 20)[-1]
    assert source.kind_of("x") == "int"
    assert (last.dtype, len(last.issues), table(last)[-1, 0]) == (np.float64, 0, 0.5)


def test_each_kind_of_issue_is_found_and_located(tmp_path):
    lines = [
        b"x,z,name,y",
        b"1,1,a,0",
        b",1,b,0",
        b"x1,1,c,0",
        b"inf,1,d,0",
        b"1e400,1,d,0",
        b"1,2",
        b"1,1,\xff,1",
        b'"1"2,1,e,1',
        b"0012,1,f,1",
        b"1,1,g,1.5",
        b"1,1,h,",
    ]
    data = b"\n".join(lines)
    source = open_bytes(tmp_path, data, label="y", types={"x": "int", "z": "float", "y": "int"})
    issues = only(source).issues
    kinds = [IssueKind(int(kind)).name for kind in issues.kinds]
    seen = [
        (int(row), issues.column(place), kinds[place], issues.text(place))
        for place, row in enumerate(issues.rows)
    ]
    assert seen == [
        (1, "x", "BLANK", ""),
        (2, "x", "NOT_A_NUMBER", "x1"),
        (3, "x", "NOT_FINITE", "inf"),
        (4, "x", "NOT_FINITE", "1e400"),
        (5, None, "RAGGED", "1,2"),
        (6, "name", "BAD_TEXT", "\\xff"),
        (7, "x", "NOT_A_NUMBER", '"1"2'),
        (9, "y", "NOT_A_NUMBER", "1.5"),
        (10, "y", "BLANK", ""),
    ]
    assert issues.bad_rows().tolist() == [2, 3, 4, 5, 6, 7, 9]
    for place in (1, 2, 3, 4, 7):
        offset, length = int(issues.offsets[place]), int(issues.lengths[place])
        assert data[offset : offset + length].decode() == issues.text(place)
    assert source.line_of(0, int(issues.offsets[1])) == 4
    assert issues.explain(1) == "column 'x' holds 'x1', which is not a number"
    assert issues.explain(4) == "the record has 2 fields instead of 4: '1,2'"


def test_leading_zeros_are_explained(tmp_path):
    data = b"x,y\n" + b"1,0\n" * 300_000 + b"007,1\n"
    issues = parse_all(open_bytes(tmp_path, data, label="y"), 1 << 20)[-1].issues
    assert "'007', a number with leading zeros" in issues.explain(0)


def test_rows_around_a_bad_one_stay_aligned(tmp_path):
    data = b"t,x,y\nA,1,0\nB\nC,3,1\nD,4,1,5\nE,5,0\n"
    parsed = only(open_bytes(tmp_path, data, label="y"))
    assert parsed.num_records == 5
    assert parsed.rows.columns["t"].to_pylist() == ["A", "", "C", "", "E"]
    assert table(parsed).tolist() == [[1], [0], [3], [0], [5]]
    assert parsed.rows.columns["y"].tolist() == [0, 0, 1, 0, 0]


def test_blanks_become_nan_and_a_blank_label_0_with_an_issue(tmp_path):
    parsed = only(open_bytes(tmp_path, b"x,y\nNA,1\n2,\n", label="y"))
    assert np.isnan(table(parsed)[0, 0])
    assert parsed.rows.columns["y"].tolist() == [1, 0]
    assert parsed.issues.kinds.tolist() == [IssueKind.BLANK, IssueKind.BLANK]


def test_an_empty_text_label_is_a_blank_and_an_empty_text_is_none(tmp_path):
    parsed = only(open_bytes(tmp_path, b"t,y\n,a\nx,\nz,b\n", label="y", header=True))
    assert [(int(row), parsed.issues.column(0)) for row in parsed.issues.rows] == [(1, "y")]


def test_more_issues_than_expected_are_all_reported(tmp_path):
    data = b"a,b,c,d,y\n" + b",,,,1\n" * 5_000
    source = open_bytes(tmp_path, data, label="y")
    assert sum(len(parsed.issues) for parsed in parse_all(source, 1 << 20)) == 20_000


def test_a_quote_that_is_never_closed_names_its_line(tmp_path):
    data = b"t,x\n" + b'"a",1\n' * 20_000 + b'"open,2\n' + b"c,3\n" * 20_000
    source = open_bytes(tmp_path, data)
    with pytest.raises(
        DataError, match=r"line 20002: a quote \(\"\) is opened in this record and never closed"
    ):
        list(source.chunks(1 << 16))


def test_a_record_beyond_the_limit_names_its_line(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b"1,2\n" * 10 + b'"' + b"x" * 200_000 + b'",2\n')
    layout = FileLayout(
        path=str(file),
        dialect=Dialect(delimiter=",", quote='"'),
        has_header=False,
        names=("#0", "#1"),
        data_offset=0,
        size=file.stat().st_size,
    )
    with pytest.raises(DataError, match=r"line 11: a record is longer"):
        list(scan_file(layout, 0, 0, 1 << 14, max_record_bytes=50_000))


def test_a_record_longer_than_a_chunk_is_read_whole(tmp_path):
    text = "x" * 100_000
    data = "t,y\n" + "".join(f"{text},{row}\n" for row in range(5))
    parsed = parse_all(open_bytes(tmp_path, data.encode(), label="y"), 1 << 14)
    assert [value for part in parsed for value in part.rows.columns["t"].to_pylist()] == [text] * 5
    assert [value for part in parsed for value in part.rows.columns["y"].tolist()] == list(range(5))


def test_lines_are_counted_over_all_line_ends(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"1\n2\r\n3\r4\n\n6")
    assert [line_of(str(file), offset) for offset in (0, 2, 5, 7, 9, 10)] == [1, 2, 3, 4, 5, 6]


cells = st.one_of(
    st.integers(-(2**40), 2**40).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.just(""),
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cells, texts, texts), min_size=1, max_size=40),
    terminator=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_generated_tables_come_back_as_python_s_csv_and_pyarrow_read_them(tmp_path, rows, terminator):
    stream = io.StringIO()
    quoting = csv.QUOTE_MINIMAL if terminator == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(stream, lineterminator=terminator, quoting=quoting)
    writer.writerows([("number", "text", "label"), *rows])
    source = open_bytes(
        tmp_path,
        stream.getvalue().encode(),
        label="label",
        types={"number": "float", "text": "text", "label": "text"},
        header=True,
        delimiter=",",
        quote='"',
    )
    parsed = only(source)
    assert parsed.rows.columns["text"].to_pylist() == [row[1] for row in rows]
    assert parsed.rows.columns["label"].to_pylist() == [row[2] for row in rows]
    numbers = [float(row[0]) if row[0] else np.nan for row in rows]
    assert np.array_equal(table(parsed)[:, 0].astype(np.float64), numbers, equal_nan=True)

    arrow = pa.csv.read_csv(
        source.paths[0],
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types={"number": pa.float64(), "text": pa.string(), "label": pa.string()}
        ),
    )
    assert parsed.rows.columns["text"].to_pylist() == arrow["text"].to_pylist()
    assert parsed.rows.columns["label"].to_pylist() == arrow["label"].to_pylist()
    assert np.array_equal(numbers, arrow["number"].to_numpy(), equal_nan=True)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.lists(
        st.sampled_from([b"1", b",", b'"', b"\n", b"\r", b"a", b"\xff", b" ", b"-2.5"]), max_size=60
    ),
    text=st.booleans(),
)
def test_arbitrary_bytes_give_rows_issues_or_one_of_our_errors(tmp_path, body, text):
    data = b"x,y\n1,2\n" + b"".join(body)
    kinds = {"x": "text" if text else "float", "y": "float"}
    try:
        source = open_bytes(tmp_path, data, label="y", types=kinds, header=True, delimiter=",", quote='"')
        parsed = parse_all(source)
    except DataError:
        return
    index_builder = IndexBuilder()
    for chunk in source.chunks(1 << 14):
        index_builder.add(chunk, chunk.checksums())
    index = index_builder.finish(source.paths, [len(data)])
    assert index.num_records == sum(part.num_records for part in parsed)
    bad = np.unique(np.concatenate([part.issues.rows for part in parsed]))
    rows = source.reader(index, bad, parsed[-1].dtype).read(np.arange(index.num_records))
    assert np.array_equal(rows.columns["y"], parsed[-1].rows.columns["y"], equal_nan=True)


def test_what_the_user_says_of_the_file_is_plain():
    assert Written(delimiter=";") == Written(delimiter=";")


def test_only_the_kernel_s_types_are_taken(tmp_path):
    source = open_bytes(tmp_path, b"x,y\n1,2\n", label="y")
    with pytest.raises(
        OptionError, match="dtype must be one of uint8, int16, int32, int64, float64, got float32"
    ):
        source.parse(next(source.chunks(1 << 14)), np.float32)
