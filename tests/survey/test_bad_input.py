"""Each kind of bad input by its message: what, where, and the flag that settles it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import stoker
from stoker.errors import BadRowError, ChangedDataError, ColumnError, DataError
from stoker.survey import Survey, describe_problems, survey


@pytest.fixture
def write(tmp_path: Path):
    """Write a table and open it with the label ``y``."""

    def write(text: str | bytes, **options) -> stoker.sources.Source:
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return stoker.open(path, **{"label": "y", **options})

    return write


def look(source, **options) -> Survey:
    return survey(source, stored=False, **options)


def refusal(source, kind: type[Exception], **options) -> str:
    with pytest.raises(kind) as error:
        look(source, **options)
    assert type(error.value) is kind
    return str(error.value)


def numbers(num_rows: int, **changed: str) -> str:
    """Rows ``row % 2, row % 7, row % 5`` below ``y,a,b``, single lines replaced: ``line_9="…"``."""
    lines = ["y,a,b"] + [f"{row % 2},{row % 7},{row % 5}" for row in range(num_rows)]
    for name, text in changed.items():
        lines[int(name.removeprefix("line_")) - 1] = text
    return "\n".join(lines) + "\n"


def test_text_among_numbers_is_named_with_line_and_row(write):
    source = write(numbers(40_000, line_31339="0,abc,1"))
    message = refusal(source, BadRowError)
    assert "table.csv cannot be used as it is" in message
    assert "column 'a': 1 value that is no number, first at" in message
    assert (
        "line 31,339 (row 31,337), 'abc': on_bad_row='skip' or on_bad_row='quarantine' or drop=['a']"
        in message
    )


def test_a_ragged_row_is_named_with_file_and_line(write):
    message = refusal(write(numbers(300, line_100="1,2", line_200="1,2,3,4")), BadRowError)
    assert "2 rows with a wrong number of fields, first at" in message
    assert "table.csv, line 100 (row 98), '1,2': on_bad_row='skip' or on_bad_row='quarantine'" in message


def test_skipped_rows_are_recorded_and_counted(write):
    found = look(write(numbers(300, line_100="1,2", line_200="1,x,3")), on_bad_row="skip", keep_bytes=10_000)
    assert found.excluded.tolist() == [98, 198]
    assert (found.num_skipped, found.num_dropped, found.num_rows) == (2, 0, 298)
    assert found.statistics.num_rows == 298
    assert found.view_labels.num_rows == 298
    assert [problem.remedy for problem in found.problems] == ["their rows are skipped"] * 2
    assert 98 not in found.view.ids(0, 298)


def test_more_bad_rows_than_allowed_are_refused_with_both_numbers(write):
    source = write(numbers(300, line_100="1,2", line_200="1,x,3"))
    assert look(source, on_bad_row="skip", max_bad_rows=2).num_skipped == 2
    message = refusal(source, BadRowError, on_bad_row="skip", max_bad_rows=1)
    assert "2 rows cannot be parsed, and at most 1 may be skipped (max_bad_rows=)" in message
    assert "line 100 (row 98)" in message


def test_infinities_are_named(write):
    message = refusal(write(numbers(50, line_10="0,inf,1e400", line_11="1,-inf,2")), BadRowError)
    assert "column 'a': 2 values that are not finite, first at" in message
    assert "line 10 (row 8), 'inf'" in message
    assert "column 'b': 1 value that is not finite" in message
    assert "'1e400'" in message


@pytest.mark.parametrize("blank", ["", "NaN", "NA", "null"])
def test_blanks_are_named_with_every_way_out(write, blank):
    message = refusal(write(numbers(50, line_10=f"0,{blank},1", line_20=f"1,{blank},3")), ColumnError)
    assert "column 'a': 2 blank values, first at" in message
    assert "line 10 (row 8)" in message
    assert ": na={'a': 'mean'}, na={'a': 'zero'}, na={'a': 'drop-row'} or drop=['a']" in message


@pytest.mark.parametrize("word", ["mean", "zero"])
def test_blanks_that_a_transform_fills_stay_in_the_view(write, word):
    found = look(write(numbers(50, line_10="0,,1", line_20="1,,3")), na=word)
    assert found.num_rows == 50
    assert found.dtype == np.float64
    assert found.statistics.blanks.tolist() == [2, 0]
    assert not found.problems[0].blocking
    assert found.problems[0].count == 2


def test_rows_with_a_blank_are_dropped_column_by_column(write):
    source = write(numbers(50, line_10="0,,1", line_20="1,2,", line_30="1,,"))
    found = look(source, na={"a": "drop-row", "b": "zero"})
    assert found.excluded.tolist() == [8, 28]
    assert (found.num_skipped, found.num_dropped) == (0, 2)
    message = refusal(source, ColumnError, na={"a": "drop-row"})
    assert "column 'b': 2 blank values" in message
    assert "column 'a'" not in message


def test_a_column_without_a_value_has_no_mean(write):
    source = write("y,a,b\n0,,1\n1,,2\n0,,5\n", types={"a": "float"})
    message = refusal(source, ColumnError, na="mean")
    assert "column 'a': 3 blank values" in message
    assert "no row has a value: drop=['a']" in message


def test_for_a_label_without_a_value_another_column_is_asked(write):
    message = refusal(write("y,a\n,1\n,2\n,5\n", types={"y": "int"}), ColumnError)
    assert "column 'y': 3 blank values" in message
    assert message.endswith("(row 0): no row has a value: name another column with label=")


@pytest.mark.parametrize("kind", ["numeric", "text"])
def test_a_blank_label_can_only_be_dropped(write, kind):
    label = {"numeric": "01", "text": "nb"}[kind]
    lines = [f"{label[row % 2]},{row % 7}" for row in range(40)]
    lines[6] = ",3"
    source = write("y,a\n" + "\n".join(lines) + "\n")
    message = refusal(source, ColumnError, na="mean")
    assert "column 'y': 1 blank value, first at" in message
    assert "line 8 (row 6)" in message
    assert ": na={'y': 'drop-row'}" in message
    assert look(source, na="drop-row").excluded.tolist() == [6]
    skipped = look(source, on_bad_row="skip")
    assert skipped.excluded.tolist() == [6]
    assert skipped.labels.num_rows == 39


BEYOND = 190_000
"""A line behind the sample by which types are inferred."""


def far(text: str) -> str:
    return numbers(200_000, **{f"line_{BEYOND}": text})


def test_leading_zeros_among_numbers_name_the_type_that_takes_them(write):
    message = refusal(write(far("1,007,3")), BadRowError)
    assert (
        "'007': types={'a': 'int'} or on_bad_row='skip' or on_bad_row='quarantine' or drop=['a']" in message
    )


def test_a_fraction_among_integer_labels_names_the_type_that_takes_it(write):
    message = refusal(write(far("1.5,3,3")), BadRowError)
    assert "column 'y': 1 value that is no number" in message
    assert "'1.5': types={'y': 'float'} or on_bad_row='skip' or on_bad_row='quarantine'" in message
    assert "drop=" not in message


def test_text_among_number_labels_names_the_type_that_takes_it(write):
    message = refusal(write(far("other,3,3")), BadRowError)
    assert "'other': types={'y': 'text'} or on_bad_row='skip' or on_bad_row='quarantine'" in message


def test_invalid_utf8_in_a_text_label_is_named(write):
    lines = [b"%s,%d" % ([b"no", b"yes"][row % 2], row % 7) for row in range(40)]
    lines[30] = b"n\xff,3"
    source = write(b"y,a\n" + b"\n".join(lines))
    message = refusal(source, BadRowError)
    assert "column 'y': 1 value that is not UTF-8" in message
    assert "line 32 (row 30)" in message
    assert look(source, on_bad_row="skip").labels.classes == ("no", "yes")


def test_a_text_feature_is_refused_with_its_way_out(write):
    message = refusal(write("y,name,a\n0,ann,1\n1,bob,2\n"), ColumnError)
    assert "column 'name': 2 rows of text" in message
    assert "'ann': drop=['name'], or text=['name'] to learn from it alone" in message
    assert "types=" not in message  # 'ann' is no number, and declaring the column one would not help


def test_a_text_feature_of_padded_numbers_names_the_type_that_takes_them(write):
    message = refusal(write("y,zip,a\n0,12,1\n1,0412,2\n"), ColumnError)
    assert "(row 1), '0412': drop=['zip'], or types={'zip': 'int'}" in message


def test_every_blocking_problem_is_in_one_message(write):
    lines = [f"{row % 2},w{row % 3},{row % 7},{row % 5}" for row in range(300)]
    lines[10], lines[20], lines[30], lines[40] = "0,w,,1", "0,w,1,x", "0,w,1", "0,w,inf,1"
    message = refusal(write("y,word,a,b\n" + "\n".join(lines) + "\n"), ColumnError)
    for part in (
        "column 'word': 300 rows of text",
        "column 'a': 1 blank value",
        "column 'b': 1 value that is no number",
        "1 row with a wrong number of fields",
        "column 'a': 1 value that is not finite",
    ):
        assert part in message
    assert message.count("\n") == 5


def test_hundreds_of_problems_are_told_in_a_few_lines_and_each_is_named(write):
    header = "y," + ",".join(f"p{place}" for place in range(100))
    rows = [
        f"{row % 2}," + ",".join("" if row == 9 else str(row % 7) for _ in range(100)) for row in range(20)
    ]
    message = refusal(write("\n".join([header, *rows]) + "\n"), ColumnError)
    assert all(f"'p{place}'" in message for place in range(100))
    assert "88 more columns with blank values: 'p12' (1), 'p13' (1)" in message
    assert "for all columns at once: na='mean', na='zero' or na='drop-row'" in message
    assert message.count("\n") == 14


def test_what_is_offered_for_all_columns_at_once_settles_each_of_them(write):
    header = "y," + ",".join(f"p{place}" for place in range(14))
    rows = [f"{row % 2}," + ",".join("" if row == 9 else "1" for _ in range(14)) for row in range(20)]
    rows[7] = rows[7][1:]
    message = refusal(write("\n".join([header, *rows]) + "\n"), ColumnError)
    assert "column 'y': 1 blank value" in message
    assert message.endswith("for all columns at once: na='drop-row'")


@pytest.mark.parametrize("role", ["convert", "inspect"])
def test_who_converts_or_inspects_is_offered_to_skip_alone(write, role):
    source = write(numbers(50, line_10="0,x,1", line_20="1,2", line_30=",3,1"))
    message = refusal(source, ColumnError, role=role, na="zero")
    assert "'x': on_bad_row='skip' or drop=['a']" in message
    assert "'1,2': on_bad_row='skip'\n" in message
    assert message.endswith("table.csv, line 30 (row 28): on_bad_row='skip'")
    assert look(source, role=role, na="zero", on_bad_row="skip").excluded.tolist() == [8, 18, 28]


def test_a_file_that_vanished_since_it_was_opened_is_named(write, tmp_path):
    source = write(numbers(50))
    (tmp_path / "table.csv").unlink()
    assert "table.csv: cannot be read (No such file or directory)" in refusal(source, DataError)


def test_a_file_that_grew_since_it_was_opened_is_named(write, tmp_path):
    source = write(numbers(50))
    with open(tmp_path / "table.csv", "a") as file:
        file.write("1,2,3\n")
    assert "table.csv changed since it was opened" in refusal(source, ChangedDataError)


def test_one_class_only_is_refused(write):
    message = refusal(write("y,a\n3,1\n3,2\n3,5\n"), DataError)
    assert "column 'y': 3 rows, all of one class, '3'" in message
    assert "add rows of another class, or name another column with label=" in message


def test_one_class_in_the_view_only_is_refused(write):
    source = write("y,a\n3,1\n3,2\n3,5\n4,6\n").take([0, 1])
    message = refusal(source, DataError)
    assert "2 rows, all of one class" in message
    assert "split or take other rows" in message


def test_one_class_is_enough_to_validate_on(write):
    assert look(write("y,a\n3,1\n3,2\n"), role="valid").labels.classes == (3,)


def test_a_text_label_that_is_a_name_is_refused(write):
    rows = "".join(f"name-{row},{row % 7}\n" for row in range(200))
    message = refusal(write("y,a\n" + rows), ColumnError)
    assert "column 'y': 200 rows and nearly as many different values: name another column" in message


def test_a_numeric_label_with_many_values_is_left_to_the_task(write):
    rows = "".join(f"{row},{row % 7}\n" for row in range(20_000))
    found = look(write("y,a\n" + rows))
    assert found.labels.overflow
    assert (found.labels.minimum, found.labels.maximum) == (0, 19_999)


def test_constant_and_unique_columns_are_told_and_do_not_block(write):
    rows = "".join(f"{row % 2},{row + 17},4,4,{row % 9}\n" for row in range(500))
    found = look(write("y,id,one,other,a\n" + rows))
    kinds = [(problem.column, problem.kind, problem.remedy) for problem in found.problems]
    assert kinds == [
        ("one", "constant", "drop=['one']"),
        ("other", "constant", "drop=['other']"),
        ("id", "unique", "drop=['id']"),
    ]
    assert not any(problem.blocking for problem in found.problems)
    assert describe_problems(found.problems) == [
        "2 columns with the same value in every row: 'one', 'other', first at "
        f"{found.paths[0]}, line 2 (row 0): leave them out with drop=",
        f"column 'id': 500 rows, each with another value, first at {found.paths[0]}, line 2 (row 0): "
        "drop=['id']",
    ]


def test_integers_that_float64_rounds_are_told(write):
    rows = "".join(f"{row % 2},{2**53 + 8 * (row % 5)}.0,{2**60 + row % 5 * 1_000}\n" for row in range(100))
    found = look(write("y,a,b\n" + rows))
    assert [(problem.column, problem.kind) for problem in found.problems] == [("b", "large_integer")]
    place = f"first at {found.paths[0]}, line 2 (row 0)"
    said = f"column 'b': 100 integers beyond 2**53, which are rounded, {place}: drop=['b']"
    assert found.problems[0].describe() == said


def test_a_file_that_changes_meanwhile_is_refused(write, tmp_path):
    source = write(numbers(100_000))
    path = tmp_path / "table.csv"

    def meddle(done: int, total: int) -> None:
        if done == total:
            with open(path, "r+b") as file:
                file.seek(100)
                file.write(b"9")

    message = refusal(source, ChangedDataError, progress=meddle)
    assert "table.csv changed while it was surveyed" in message


def test_a_file_that_shrinks_meanwhile_is_refused(write, tmp_path, monkeypatch):
    monkeypatch.setattr("stoker.survey.scan.CHUNK_BYTES", 1 << 18)
    source = write(numbers(100_000))
    path = tmp_path / "table.csv"

    def shrink(done: int, total: int) -> None:
        with open(path, "r+b") as file:
            file.truncate(1_000)

    assert "shrank" in refusal(source, ChangedDataError, progress=shrink, workers=0)
