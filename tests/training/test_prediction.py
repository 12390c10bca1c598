"""Predictions on disk: whose fault it is where they fail, and one rule for every line of a file."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.errors import RunError
from stoker.training.prediction import Encoded, prediction_format, write_predictions

SCHEMA = pa.schema([("name", pa.string())])


def encoded(tables, path):
    return [Encoded.of(table, prediction_format(path)) for table in tables]


def test_an_input_that_cannot_be_read_is_not_blamed_on_the_output(tmp_path):
    def parts():
        yield from encoded([pa.table({"name": ["a"]}, SCHEMA)], "out.csv")
        raise PermissionError(13, "Permission denied", "rows.csv")

    with pytest.raises(PermissionError, match=r"'rows.csv'") as refused:
        write_predictions(parts(), tmp_path / "out.csv", SCHEMA)
    assert refused.value.filename == "rows.csv"
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    parts = encoded([pa.table({"name": ["a"]}, SCHEMA)], "out.csv")
    with pytest.raises(RunError, match=r"file/out.csv cannot be written: "):
        write_predictions(parts, tmp_path / "file" / "out.csv", SCHEMA)


def written(tmp_path, tables):
    parts = encoded(tables, "out.csv")
    write_predictions(parts, tmp_path / "out.csv", tables[0].schema, overwrite=True)
    return (tmp_path / "out.csv").read_bytes().decode()


def test_one_rule_quotes_every_part_of_a_file(tmp_path):
    texts = [["a", "", None], ["b,c", "", None], ["", 'd"e', "two\nlines"]]
    tables = [pa.table({"name": part, "n": pa.array([1, 2, None])}) for part in texts]
    assert written(tmp_path, tables) == ('name,n\na,1\n,2\n,\n"b,c",1\n,2\n,\n,1\n"d""e",2\n"two\nlines",\n')


def test_a_row_with_nothing_in_it_is_still_a_line(tmp_path):
    assert written(tmp_path, [pa.table({"prediction": pa.array([0.5, None], pa.float32())})]) == (
        'prediction\n0.5\n""\n'
    )


@given(st.lists(st.tuples(st.text(), st.none() | st.floats(width=32), st.booleans()), min_size=1, max_size=8))
def test_what_is_written_is_what_pythons_csv_reads(tmp_path_factory, rows):
    texts, numbers, flags = zip(*rows, strict=True)
    table = pa.table({'a,"b': texts, "n": pa.array(numbers, pa.float32()), "f": flags})
    said = written(tmp_path_factory.mktemp("csv"), [table.slice(0, 3), table.slice(3)])
    header, *lines = csv.reader(io.StringIO(said, newline=""))
    assert header == ['a,"b', "n", "f"]
    assert [line[0] for line in lines] == list(texts)
    assert [line[1] == "" for line in lines] == [number is None for number in numbers]
