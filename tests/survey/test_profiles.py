"""What columns of text hold: exact where few differ, mergeable, the same for any cutting of the rows."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.survey.profiles import TextProfile

TEXTS = st.lists(st.sampled_from(["", "a", "b c", "Ulm", "0012", "2024-01-05", "été"]), max_size=60)


def seen(texts: list[str]) -> TextProfile:
    return TextProfile().update(pa.array(texts, pa.string()))


@settings(max_examples=examples(60))
@given(texts=TEXTS, cut=st.integers(0, 60))
def test_a_profile_is_what_counting_says_however_rows_are_cut(texts: list[str], cut: int):
    there = [text for text in texts if text]
    for found in (seen(texts), seen(texts[:cut]).merge(seen(texts[cut:]))):
        assert (found.num_rows, found.blanks) == (len(texts), len(texts) - len(there))
        assert (found.distinct, found.is_exact) == (len(set(there)), True)
        assert found.words == sum(len(text.split()) for text in texts)
        assert found.digits == all(text.isdigit() for text in there)
        assert found.decimals == all(text == "0012" for text in there)
        assert found.dates == all(text == "2024-01-05" for text in there)
        again = TextProfile.from_state(msgspec.json.decode(msgspec.json.encode(found.state())))
        assert again.state() == found.state()


def test_many_different_texts_are_told_to_a_few_hundredths():
    found = seen([f"key {number}" for number in range(20_000)])
    assert not found.is_exact
    assert found.distinct == pytest.approx(20_000, rel=0.1)
    assert found.unique
    twice = seen([f"key {number % 10_000}" for number in range(20_000)])
    assert twice.distinct == pytest.approx(10_000, rel=0.1)
    assert not twice.unique


@pytest.mark.parametrize("others", [1_000, 5_000])
def test_a_heavy_value_beside_unique_ones_leaves_a_column_what_it_is(others: int):
    assert not seen(["ok"] * 19 * others + [f"E-{number}" for number in range(others)]).unique
    assert seen(["twice", "twice", *(f"K{number}" for number in range(others))]).unique


@pytest.mark.parametrize(
    ("texts", "decimals", "other_dates"),
    [
        (["77,14", "", "-3", "1.234,5"], True, False),
        (["77,14", "7.14"], False, False),
        (["1,2,3"], False, False),
        (["192.168.100.200"], False, False),
        (["31.12.2024", "1/2/2024", "2024/01/05 10:00"], False, True),
        (["31.12.2024", "banana"], False, False),
        (["2024-01-05"], False, False),
    ],
)
def test_what_looks_like_numbers_or_dates_in_another_spelling_is_known(texts, decimals, other_dates):
    found = seen(texts)
    assert (found.decimals, found.other_dates) == (decimals, other_dates)


def test_few_rows_are_never_called_unique():
    assert not seen([str(number) for number in range(49)]).unique
    assert seen([str(number) for number in range(50)]).unique


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-05",
        "2024-01-05T10:00",
        "2024-01-05 10:00:00.123",
        "2024-01-05T10:00:00Z",
        "2024-01-05T10:00+01:00",
    ],
)
def test_dates_are_those_of_iso_8601(text: str):
    assert seen([text, "", text]).dates
    assert not seen([text, "tomorrow"]).dates


@pytest.mark.parametrize(
    "change",
    [
        {"rows": -1},
        {"blanks": 99},
        {"hashes": [2, 1], "counts": [1, 1]},
        {"hashes": [1], "counts": [1, 1]},
        {"hashes": [1], "counts": [0]},
        {"hashes": [1], "counts": [99]},
    ],
)
def test_what_is_no_profile_is_refused(change):
    with pytest.raises(ValueError, match=r"profile|blanks|values|count"):
        TextProfile.from_state(seen(["a", "b", "a"]).state() | change)
