"""A value so extreme that it spoils what is computed of its column is told, with its place."""

from __future__ import annotations

import numpy as np
import pytest

import stoker
from stoker.cli import main
from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.survey import extremes
from stoker.survey.labels import LabelTally
from stoker.survey.run import survey
from stoker.types import Matrix, Rows


@pytest.fixture
def table(tmp_path):
    """Writes 200 rows of a, b and the number y, with some values put in their place: by row and column."""

    def write(name="t.csv", rows=200, **spoilt):
        lines = ["a,b,y"]
        for row in range(rows):
            values = {"a": row % 7, "b": 0.25 * (row % 11), "y": 100 + row % 90 + 0.5}
            values |= {column: value for column, (at, value) in spoilt.items() if at == row}
            lines.append(",".join(str(values[column]) for column in ("a", "b", "y")))
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


def told(path, **options):
    found = survey(stoker.open(path, label="y"), stored=False, **options)
    return [problem for problem in found.problems if problem.kind in ("overflow", "outlier")]


@pytest.mark.parametrize("value", ["1e38", "-1e25", "1e300"])
@pytest.mark.parametrize("column", ["a", "b", "y"])
def test_a_value_whose_square_is_no_float32_is_named_with_its_line(column, value, table):
    (problem,) = told(table(**{column: (120, value)}))
    assert (problem.kind, problem.column, problem.row, problem.line) == ("overflow", column, 120, 122)
    assert problem.example == f"{float(value):g}"
    assert not problem.blocking
    drop = "" if column == "y" else f", or drop=['{column}']"
    assert problem.remedy == f"correct it, or leave its row out of the file{drop}"


@pytest.mark.parametrize("transform", ["auto", stoker.MinMax(), stoker.Robust(), stoker.Robust(na="median")])
def test_a_spread_that_no_number_holds_is_refused_with_value_and_line(transform, table):
    value, lowest = "1e308", "-1e308"
    path = table(a=(120, value), b=(3, "-5"))
    path.write_text(path.read_text() + f"{lowest},0,100.5\n")
    made = transform if transform == "auto" else stoker.Columns({"a": transform})
    with pytest.raises(DataError) as refused:
        stoker.Feed(stoker.open(path, label="y"), transform=made).prepare()
    said = str(refused.value)
    assert said.startswith("column 'a' spreads so far that float64 cannot hold it, first at ")
    assert f"{path}, line 122 (row 120), '1e+308': correct it, or leave its row out" in said
    assert said.endswith("or leave the column out: drop=['a']")


@pytest.mark.parametrize("transform", [stoker.Cast(), stoker.Impute(na="median"), stoker.Robust()])
def test_what_is_beyond_float32_is_refused_before_the_first_batch(transform, table):
    path = table(a=(120, "-1e300"))
    with pytest.raises(DataError) as refused:
        stoker.Feed(stoker.open(path, label="y"), transform=stoker.Columns({"a": transform})).prepare()
    called = type(transform).__name__
    assert str(refused.value) == (
        f"column 'a' holds what is beyond float32 after {called}, first at {path}, line 122 (row 120), "
        "'-1e+300': correct it, or leave its row out of the file, or leave the column out: drop=['a']"
    )


@pytest.mark.parametrize(("target", "after"), [(None, ""), (stoker.Robust(), " after Robust")])
def test_a_label_beyond_float32_is_refused_before_the_first_batch(target, after, table):
    path = table(y=(120, "1e300"))
    with pytest.raises(DataError) as refused:
        stoker.Feed(stoker.open(path, label="y"), target=target).prepare()
    assert str(refused.value) == (
        f"column 'y' holds what is beyond float32{after}, first at {path}, line 122 (row 120), '1e+300': "
        "correct it, or leave its row out of the file"
    )


def test_a_transform_that_is_fitted_by_itself_refuses_what_it_cannot_hold():
    far = Rows(num_rows=3, features=("x",), matrix=Matrix.of(np.array([[-1e308], [0.0], [1e308]])))
    with pytest.raises(DataError, match="column 'x' spreads so far that float64 cannot hold it: correct"):
        stoker.Robust().fit(far)


@pytest.mark.parametrize(("column", "value"), [("a", 999_999_999), ("b", -1e12), ("y", 1e9)])
def test_a_value_that_decides_mean_and_spread_alone_is_named_with_its_line(column, value, table):
    (problem,) = told(table(**{column: (7, value)}))
    assert (problem.kind, problem.column, problem.count, problem.line) == ("outlier", column, 1, 9)
    assert "value so far from all others that it alone decides mean and spread" in problem.describe()


@pytest.mark.parametrize("column", ["a", "b", "y"])
@pytest.mark.parametrize("value", [-9999, 5000])
def test_what_is_merely_far_off_is_not_told(column, value, table):
    assert told(table(**{column: (7, value)})) == []


def test_an_indicator_of_one_row_is_no_outlier(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{int(row == 70)},{row % 2}\n" for row in range(500)))
    assert told(path) == []


def test_classes_may_be_any_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{row % 9},{10**9 if row == 70 else row % 2}\n" for row in range(500)))
    assert told(path) == []


def test_the_place_is_that_of_the_second_file_and_of_the_first_such_value(table):
    paths = [table(), table("u.csv", a=(5, 1e30))]
    paths[1].write_text(paths[1].read_text() + "1e30,1,100\n")
    (problem,) = told(paths)
    assert (problem.file, problem.line, problem.row) == (str(paths[1]), 7, 205)


def test_nothing_is_read_again_but_for_a_value_that_decides_alone(table, monkeypatch):
    monkeypatch.setattr(extremes, "_rows_with", lambda *given: pytest.fail("read again"))
    assert told(table()) == []
    assert told(table(a=(120, 1e30), y=(3, -1e30)))[0].row == 120


def test_the_place_of_a_value_is_in_the_rows_that_are_meant(table):
    path = table(a=(7, 5e12))
    lines = path.read_text().splitlines()
    lines[51] = "1e15,0,100.5"  # row 50, further off still
    path.write_text("\n".join(lines) + "\n")
    rows = stoker.open(path, label="y").take([row for row in range(200) if row != 50])
    (problem,) = survey(rows, stored=False).problems
    assert (problem.kind, problem.row, problem.example) == ("outlier", 7, "5e+12")


def test_what_is_refused_is_told_with_the_value_that_goes_furthest(table):
    path = table(a=(120, "1e300"), b=(3, "1"))
    path.write_text(path.read_text().replace("\n5,", "\n2e19,", 1))
    columns = stoker.Columns({"a": stoker.Cast()})
    with pytest.raises(DataError) as refused:
        stoker.Feed(stoker.open(path, label="y"), transform=columns).prepare()
    assert f"first at {path}, line 122 (row 120), '1e+300': correct it" in str(refused.value)


def test_plan_and_inspect_tell_it(table, capsys):
    path = str(table(y=(120, 1e38)))
    for command, among in (("plan", ", among the 180 rows to train on"), ("inspect", "")):
        assert main([command, path, "--label", "y"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert f"'y': 1 value that overflows float32 when it is squared{among}, first at" in said
        assert f"{path}, line 122 (row 120), '1e+38': correct it, or leave its row out" in said


def test_mean_and_variance_of_labels_are_those_of_numpy_however_they_are_cut():
    labels = np.random.default_rng(3).normal(1e6, 3.0, 1_000)
    whole, one, two = LabelTally("float"), LabelTally("float"), LabelTally("float")
    whole.update(labels)
    for piece in np.array_split(labels[:400], 7):
        one.update(piece)
    two.update(labels[400:])
    for tally in (whole, one.merge(two), LabelTally("float").merge(whole)):
        assert tally.spread == pytest.approx((labels.mean(), labels.var()), rel=1e-6)
    assert LabelTally("float").spread is None


def test_what_is_read_to_find_the_place_is_charged_and_kept_within_the_memory(table):
    path = table(rows=40_000, a=(39_000, "1e15"))
    ledger = Ledger(1_500_000)
    (problem,) = told(path, ledger=ledger)
    assert problem.row == 39_000
    assert 0 < ledger.peaks_by_kind["finding"] <= ledger.limit // 2
    assert (ledger.peak <= ledger.limit, ledger.held("finding")) == (True, 0)
