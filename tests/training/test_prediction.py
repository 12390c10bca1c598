"""Predictions on disk: whose fault it is where they fail, and one rule for every line of a file."""

from __future__ import annotations

import pyarrow as pa
import pytest

from stoker.errors import RunError
from stoker.training.prediction import write_predictions

SCHEMA = pa.schema([("name", pa.string())])


def test_an_input_that_cannot_be_read_is_not_blamed_on_the_output(tmp_path):
    def tables():
        yield pa.table({"name": ["a"]}, SCHEMA)
        raise PermissionError(13, "Permission denied", "rows.csv")

    with pytest.raises(PermissionError, match=r"'rows.csv'") as refused:
        write_predictions(tables(), tmp_path / "out.csv", SCHEMA)
    assert refused.value.filename == "rows.csv"
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file/out.csv cannot be written: "):
        write_predictions([pa.table({"name": ["a"]}, SCHEMA)], tmp_path / "file" / "out.csv", SCHEMA)
