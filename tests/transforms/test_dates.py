"""Dates against pandas's answers, and what is said of texts that are none."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import ColumnError, DataError, OptionError, RunError
from stoker.transforms import Dates, from_state
from stoker.types import Matrix, Rows

ROUND = ("month", "day", "weekday", "hour", "minute", "second", "dayofyear", "quarter")
PANDAS = {"weekday": "day_of_week", "dayofyear": "day_of_year"}
PERIODS = (12, 31, 7, 24, 60, 60, 366, 4)
FROM_ONE = (1, 1, 0, 0, 0, 0, 1, 1)


def rows_of(values, kind=None) -> Rows:
    texts = pa.array(values, kind or pa.string())
    return Rows(num_rows=len(values), features=(), matrix=None, columns={"when": texts})


def applied(transform: Dates, values) -> np.ndarray:
    rows = rows_of(values)
    return transform.fit(rows).apply(rows, np.arange(len(values)))


instants = st.lists(
    st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)), min_size=1, max_size=30
)


@settings(max_examples=examples(60))
@given(instants, st.sampled_from(["T", " "]), st.sampled_from(["auto", "seconds", "milliseconds"]))
def test_parts_are_pandas_s(moments, between, digits):
    texts = [moment.isoformat(between, digits) for moment in moments]
    series = pd.Series(np.array([text.replace(" ", "T") for text in texts], "datetime64[us]"))
    found = applied(Dates(*ROUND, cyclic=False), texts)
    expected = np.stack([getattr(series.dt, PANDAS.get(part, part)) for part in ROUND], axis=1)
    np.testing.assert_array_equal(found, expected)
    angles = 2 * np.pi * (expected - FROM_ONE) / PERIODS
    both = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(len(texts), -1)
    np.testing.assert_allclose(applied(Dates(*ROUND), texts), both, atol=1e-6)


@settings(max_examples=examples(40))
@given(instants)
def test_what_never_comes_back_is_standardised(moments):
    texts = [moment.isoformat() for moment in moments]
    series = pd.Series(np.array(texts, "datetime64[us]"))
    elapsed = series.astype("int64").to_numpy() / 86_400e6
    for place, values in enumerate((series.dt.year.to_numpy(np.float64), elapsed)):
        found = applied(Dates("year", "elapsed"), texts)[:, place]
        spread = values.std()
        expected = (values - values.mean()) / (spread if spread > 1e-6 else 1)
        if spread > 1e-6 or spread == 0:
            np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-05", "2024-01-05T00:00:00"),
        ("2024-01-05T23:30", "2024-01-05T23:30:00"),
        ("2024-01-05T23:30:01Z", "2024-01-05T23:30:01"),
        ("2024-01-05 23:30:01.123456789+01:00", "2024-01-05T22:30:01"),
        ("2024-01-05T23:30:01,5-0130", "2024-01-06T01:00:01"),
        ("2024-01-05T23:30+02", "2024-01-05T21:30:00"),
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("0001-01-01", "0001-01-01T00:00:00"),
    ],
)
def test_zones_are_turned_into_utc(text, utc):
    parts = ("day", "hour", "minute", "second")
    moment = dt.datetime.fromisoformat(utc)
    expected = [getattr(moment, part) for part in parts]
    assert applied(Dates(*parts, cyclic=False), [text]).tolist() == [expected]


FORMATS = ["%d.%m.%Y", "%m/%d/%Y %I:%M %p", "%b %d, %Y %H:%M:%S.%f", "%Y%m%d", "%y-%m-%d", "%H%%%M|%Y"]


@settings(max_examples=examples(60))
@given(
    st.lists(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2068, 12, 31)), min_size=1),
    st.sampled_from(FORMATS),
)
def test_other_spellings_are_read_as_strptime_reads_them(moments, spelling):
    texts = [moment.strftime(spelling) for moment in moments]
    parts = ("month", "day", "hour", "minute", "second")
    expected = [[getattr(dt.datetime.strptime(text, spelling), part) for part in parts] for text in texts]
    assert applied(Dates(*parts, cyclic=False, format=spelling), texts).tolist() == expected


NO_DATES = [
    "2024-02-30",
    "2023-02-29",
    "1900-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-00",
    "0000-01-01",
    "2024-01-05T24:00",
    "2024-01-05T10:60",
    "2024-01-05T10:00:60",
    "2024-01-05T10:00+25:00",
]
NO_ISO = [
    "yesterday",
    "2024",
    "2024-1-5",
    "2024-01-05T",
    "2024-01-05T10",
    "2024-01-05x",
    "05.01.2024",
    "2024-01-05T10:00:00.",
    "2024-01-05T10:00+1",
    "2024-01-05 10:00 ",
    "20240105",
    "２０２４-01-05",
    "-024-01-05",
    "2024-01-05T10:00:",
]


@pytest.mark.parametrize("text", [*NO_DATES, *NO_ISO])
def test_what_is_no_date_is_an_error_with_its_row_or_a_blank(text):
    what = "out of range" if text in NO_DATES else "not written as 2024-01-05T10:00:00"
    transform = Dates("hour")
    transform.fit(rows_of(["2024-01-05"] * 3))
    with pytest.raises(
        DataError, match=rf"'when' holds .*\(row 4 of those learned from\).*{what}.*invalid='blank'"
    ):
        transform.partial_fit(rows_of(["2024-01-05", text]))
    with pytest.raises(DataError, match="row 1 of this batch"):
        Dates("hour").fit(rows_of(["2024-01-05"])).apply(rows_of(["2024-01-05", text]), np.arange(2))
    lenient = Dates("hour", "year", na="zero", invalid="blank")
    assert applied(lenient, ["2024-01-05", text]).tolist() == [[0, 1, 0], [0, 0, 0]]
    with pytest.raises(DataError, match="counts as a blank: give na='zero'"):
        applied(Dates("hour", invalid="blank"), ["2024-01-05", text])


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        ("%d.%m.%Y", "31.02.2023"),
        ("%d.%m.%Y", "1/2/2023"),
        ("%d.%m.%Y", "1.2.23"),
        ("%I %p %Y", "13 pm 2024"),
        ("%I %p %Y", "10 xm 2024"),
        ("%b %Y", "Mai 2024"),
        ("%Y.", "2024"),
        ("%Y", "2024."),
    ],
)
def test_another_spelling_is_held_to(spelling, text):
    with pytest.raises(DataError, match=r"out of range|not written as %"):
        applied(Dates("day", format=spelling), [text])


def test_blanks_are_an_error_or_zeros_and_count_in_no_mean():
    with pytest.raises(DataError, match=r"no date \(row 1 of those learned from\).*na='zero'"):
        Dates("hour").fit(rows_of(["2024-01-05", None]))
    with pytest.raises(DataError, match="no date"):
        Dates("hour").fit(rows_of(["2024-01-05", ""]))
    found = applied(Dates("year", na="zero"), ["2023-01-05", None, "2025-01-05", ""])
    assert found.ravel().tolist() == [-1, 0, 1, 0]
    assert applied(Dates("year", na="zero"), [None, None]).tolist() == [[0], [0]]


def test_days_just_before_1970_and_leap_days_are_right():
    found = applied(
        Dates("hour", "dayofyear", cyclic=False), ["1969-12-31T23:59:59.5", "2024-12-31", "2023-12-31"]
    )
    assert found.tolist() == [[23, 365], [0, 366], [0, 365]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dates("weeks"),
        lambda: Dates("hour", "hour"),
        lambda: Dates(na="mean"),
        lambda: Dates(invalid="zero"),
        lambda: Dates(cyclic=1),
        lambda: Dates(format="%d.%m"),
        lambda: Dates(format="%Y %Q"),
        lambda: Dates(format="%Y%"),
        lambda: Dates(format="%Y %Y"),
        lambda: Dates(format=3),
    ],
)
def test_options_that_cannot_be_are_refused(make):
    with pytest.raises(OptionError):
        make()


def test_numbers_are_no_dates():
    rows = Rows(num_rows=1, features=("when",), matrix=Matrix.of(np.array([[20240105]])))
    with pytest.raises(ColumnError, match="types="):
        Dates().fit(rows)
    with pytest.raises(ColumnError, match="Dates reads texts"):
        Dates().check_kind("when", "int")
    Dates().check_kind("when", "text")


@pytest.mark.parametrize(
    "odd",
    [
        {"columns": ["when", "when"]},
        {"columns": []},
        {"columns": [1]},
        {"options": {"parts": ["weeks"]}},
        {"options": {"parts": ["year"]}},
        {"options": {"cyclic": "no"}},
        {"options": {"format": "%"}},
        {"statistics": {"distinct": False, "features": None}},
        {"options": None},
    ],
)
def test_a_damaged_state_is_refused(odd):
    state = Dates("year", "elapsed").fit(rows_of(["2024-01-05"])).state()
    if isinstance(odd.get("options"), dict):
        odd = {"options": state["options"] | odd["options"]}
    with pytest.raises(RunError, match="damaged"):
        from_state(state | odd)
