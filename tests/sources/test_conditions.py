"""Rows by a condition: those that Python would choose row by row; what is not understood is never run."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.errors import BadRowError, ColumnError, DataError, OptionError
from stoker.sources.conditions import Condition
from stoker.survey import survey

ROWS = [
    {"age": age, "city": city, "unit price": price, "y": row % 2}
    for row, (age, city, price) in enumerate(
        [(31, "Rome", 0.5), (None, "Rome", 1.5), (44, "Oslo", None), (70, None, 2.0), (18, "Bonn", -3.0)] * 4
    )
]


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    lines = [",".join("" if value is None else str(value) for value in row.values()) for row in ROWS]
    path.write_text("age,city,unit price,y\n" + "\n".join(lines) + "\n")
    return stoker.open(path, label="y")


def ids(source, num_slots=20):
    view = source.view.bind(num_slots)
    return view.ids(0, view.num_rows).tolist()


def by_hand(test):
    return [row for row, values in enumerate(ROWS) if test(*values.values())]


@pytest.mark.parametrize(
    ("condition", "test"),
    [
        ("age > 30", lambda age, city, price, y: age is not None and age > 30),
        ("30 < age <= 44", lambda age, city, price, y: age is not None and 30 < age <= 44),
        ("age == 31 or age == 18", lambda age, city, price, y: age in (31, 18)),
        ("not age > 30", lambda age, city, price, y: age is not None and age <= 30),
        ("age is None", lambda age, city, price, y: age is None),
        ("city is not None and y == 1", lambda age, city, price, y: city is not None and y == 1),
        ("city == 'Rome'", lambda age, city, price, y: city == "Rome"),
        ("city != 'Rome'", lambda age, city, price, y: city is not None and city != "Rome"),
        ("city in ('Rome', 'Bonn')", lambda age, city, price, y: city in ("Rome", "Bonn")),
        ("city not in ['Rome']", lambda age, city, price, y: city is not None and city != "Rome"),
        ("age in {31, 70.0}", lambda age, city, price, y: age in (31, 70)),
        ("col('unit price') < -1", lambda age, city, price, y: price is not None and price < -1),
        ("age > col('unit price')", lambda age, city, price, y: None not in (age, price) and age > price),
        (" 'M' < city ", lambda age, city, price, y: city is not None and city > "M"),
        ("age is None or age > 60", lambda age, city, price, y: age is None or age > 60),
    ],
)
def test_the_rows_are_those_that_python_would_choose(condition, test, people):
    assert ids(people.where(condition)) == by_hand(test)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(least=st.integers(0, 80), most=st.floats(-5, 5), blank=st.booleans())
def test_and_or_and_not_are_pythons(least, most, blank, people):
    text = f"(age >= {least} or age is None) and not col('unit price') > {most!r}"
    expected = by_hand(
        lambda age, city, price, y: (age is None or age >= least) and price is not None and price <= most
    )
    if expected:
        assert ids(people.where(text)) == expected
    else:
        with pytest.raises(DataError, match="none of 20 rows satisfies where="):
            people.where(text)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("", "where takes a condition"),
        ("age >", "cannot be read: invalid syntax"),
        ("age", "'age' is no comparison"),
        ("__import__('os').system('true') == 0", "is no column, number or text"),
        ("age.real > 3", "is no column, number or text"),
        ("age + 1 > 3", "is no column, number or text"),
        ("[x for x in (1,)] == age", "is no column, number or text"),
        ("(age := 3) > 2", "is no column, number or text"),
        ("f'{age}' == 'x'", "is no column, number or text"),
        ("1 < 2", "one side of each comparison must be a column"),
        ("age is 3", "write COLUMN is None"),
        ("city in 'Rome'", r"`in` takes COLUMN in \(value, value\)"),
        ("age == None", "told by age is None"),
        ("city == ''", "told by city is None"),
        ("age == '31'", "'age' holds numbers: compare it with a number, got '31'"),
        ("city == 3", "'city' holds text: compare it with a text in quotes, got 3"),
        ("age == city", "one holds numbers, one text"),
        ("age == True", "compare it with a number, got True"),
        ("not " * 3_000 + "age > 3", "cannot be read"),
        ("age > 3 or " * 2_000 + "age > 3", "characters"),
    ],
)
def test_what_is_not_understood_is_refused(condition, said, people):
    with pytest.raises(OptionError, match=said):
        people.where(condition)


def test_a_column_that_is_not_there_gets_the_nearest_one(people):
    with pytest.raises(ColumnError, match=r"where: column 'agee' is absent; did you mean 'age'\?"):
        people.where("agee > 3")


def test_columns_that_are_not_used_decide_too(people, tmp_path):
    narrow = stoker.open(people.paths, columns=["age"], label="y")
    assert ids(narrow.where("city == 'Oslo'")) == ids(people.where("city == 'Oslo'"))
    assert ids(narrow.where("col('unit price') >= 1.5")) == ids(people.where("col('unit price') >= 1.5"))


def test_conditions_and_splits_may_be_nested(people):
    first, second = people.split(0.5, seed=1)
    both = sorted(ids(first.where("age > 30")) + ids(second.where("age > 30")))
    assert both == ids(people.where("age > 30"))
    chosen = people.where("age > 30")
    assert sorted(ids(chosen.split(0.5)[0]) + ids(chosen.split(0.5)[1])) == ids(chosen)


def test_rows_that_cannot_be_judged_are_told_as_bad_rows(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,y\n" + "".join(f"{row},{row % 2}\n" for row in range(40)) + "many,1\n")
    rows = stoker.open(path, label="y").where("a > 35")
    assert ids(rows, 41) == [36, 37, 38, 39, 40]
    with pytest.raises(BadRowError, match="many"):
        survey(rows)
    assert survey(rows, on_bad_row="skip").num_rows == 4


def test_compressed_files_have_the_same_rows(people, tmp_path):
    packed = tmp_path / "people.csv.gz"
    with open(people.paths[0], "rb") as file:
        packed.write_bytes(gzip.compress(file.read()))
    assert ids(stoker.open(packed, label="y").where("age < 40")) == ids(people.where("age < 40"))


def test_a_recipe_is_plain_data(people):
    told = people.where("age > 30").view.describe()["steps"][0]
    assert (told["kind"], told["condition"], told["count"]) == ("where", "age > 30", 12)
    assert Condition("age > 30 and city == 'x'").numeric == {"age"}


def test_a_survey_of_chosen_rows_is_of_these_alone(people):
    found = survey(people.where("city == 'Rome' and age > 0"), na="mean", texts=True)
    assert found.num_rows == 4
    assert found.statistics.mean[0] == np.float64(31)


def test_numbers_that_are_not_exact_are_refused(here):
    (here / "t.csv").write_text("id,y\n9007199254740993,0\n9007199254740992,1\n")
    rows = stoker.open(here / "t.csv", label="y")
    with pytest.raises(OptionError, match=r"beyond 2\*\*53.*read as text"):
        rows.where("id == 9007199254740993")


def test_a_column_is_called_as_the_file_has_it(tmp_path):
    """Python takes a micro sign within a name for the Greek letter."""
    path = tmp_path / "t.csv"
    path.write_text("µg,y\n1,0\n2,1\n3,0\n", encoding="utf-8")
    rows = stoker.open(path, label="y").where("µg > 1 and y < 2")
    assert rows.view.bind(3).ids(0, 2).tolist() == [1, 2]
