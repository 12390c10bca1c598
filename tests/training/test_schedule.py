from __future__ import annotations

import pytest

from stoker.errors import OptionError
from stoker.training.schedule import Interval, parse_interval, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30min", 1800), ("1.5h", 5400), ("2 H", 7200), ("1d", 86400), (12, 12), (0.5, 0.5)],
)
def test_times_are_read(text, seconds):
    assert parse_seconds(text, option="max_time") == seconds


@pytest.mark.parametrize("text", ["", "soon", "5", "-3s", "0min", 0, -1, "3 weeks"])
def test_what_is_no_time_is_refused_by_the_options_name(text):
    with pytest.raises(OptionError, match="max_time must be"):
        parse_seconds(text, option="max_time")


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("5000steps", Interval(steps=5000)),
        ("1 step", Interval(steps=1)),
        ("30min", Interval(seconds=1800.0)),
    ],
)
def test_intervals_are_steps_or_times(text, interval):
    assert parse_interval(text, option="validate_every") == interval


@pytest.mark.parametrize("text", ["0steps", "steps", "5 apples", "-2steps"])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(OptionError, match="validate_every must be"):
        parse_interval(text, option="validate_every")
