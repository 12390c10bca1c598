"""The survey of generated tables against what plain Python makes of them, cell by cell."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.survey import survey

NUM_COLUMNS = 3
NUMBERS = st.integers(-300, 300).map(str) | st.sampled_from(["0.5", "-2e3", "1e-3", "70000"])
CELLS = st.one_of(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "NA", "x", "inf", "1e999", "-"]))
ROWS = st.tuples(st.sampled_from("01"), *[CELLS] * NUM_COLUMNS).map(list)
RAGGED = st.sampled_from([["1"], ["0", "1"], ["1"] * 6])
TABLES = st.lists(st.one_of(ROWS, ROWS, ROWS, ROWS, RAGGED), max_size=40)
TYPES = {"a": "float", "b": "float", "c": "float", "y": "int"}
SOUND = [["0", "1", "2.5", "3"], ["1", "4", "5", "6.5"]]


def value_of(cell: str) -> float | None:
    """The number, NaN for a blank, None for what is neither."""
    if cell in ("", "NA"):
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def judge(row: list[str]) -> str:
    values = [value_of(cell) for cell in row]
    if len(row) != NUM_COLUMNS + 1 or None in values:
        return "bad"
    return "blank" if any(math.isnan(value) for value in values) else "sound"


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLES, drops=st.booleans())
def test_rows_are_left_out_and_counted_as_plain_python_says(tmp_path, table, drops):
    table = [*SOUND, *table]
    text = "\n".join(["y,a,b,c", *(",".join(row) for row in table)]) + "\n"
    (tmp_path / "t.csv").write_text(text)
    source = stoker.open(tmp_path / "t.csv", label="y", types=TYPES)
    na = "drop-row" if drops else "zero"
    found = survey(source, na=na, on_bad_row="skip", stored=False, workers=0, keep_bytes=1 << 20)

    verdicts = [judge(row) for row in table]
    out = [row for row, verdict in enumerate(verdicts) if verdict == "bad" or (drops and verdict == "blank")]
    assert found.excluded.tolist() == out
    assert found.num_skipped == verdicts.count("bad")
    assert found.num_dropped == (verdicts.count("blank") if drops else 0)

    ids = np.setdiff1d(np.arange(len(table)), out)
    expected = np.array([[value_of(cell) for cell in table[row][1:]] for row in ids], np.float64)
    for reader in (found.reader(), source.reader(found.index, found.excluded, found.dtype)):
        rows = reader.read(ids)
        matrix = rows.matrix.values.reshape(-1, NUM_COLUMNS)[rows.places(np.arange(len(ids)))]
        np.testing.assert_array_equal(matrix.astype(np.float64), expected)
    np.testing.assert_array_equal(found.statistics.blanks, np.isnan(expected).sum(0))
    np.testing.assert_array_equal(found.statistics.minimum, np.nanmin(expected, 0))
    assert found.view_labels.counts == tuple(np.bincount([int(table[row][0]) for row in ids]).tolist())
    whole = [row for row in table if len(row) == NUM_COLUMNS + 1]
    blank_cells = sum(cell in ("", "NA") for row in whole for cell in row)
    assert sum(problem.count for problem in found.problems if problem.kind == "blank") == blank_cells
    ragged = sum(len(row) != NUM_COLUMNS + 1 for row in table)
    assert sum(problem.count for problem in found.problems if problem.kind == "ragged") == ragged
