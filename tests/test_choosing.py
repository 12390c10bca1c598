"""Transforms that are chosen by what columns hold: each choice, its reason, and how to have it otherwise."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stoker
from stoker.choosing import Automatic
from stoker.errors import ColumnError, OptionError
from stoker.survey import survey
from stoker.transforms import Category, Standardize
from test_columns_feed import write_table

NUM_ROWS = 120
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table of the named columns, each a function of the row, and a label."""

    def table(**columns: Callable[[int], Any]) -> Path:
        lines = [",".join([*columns, "label"])]
        lines += [
            ",".join([*(str(make(row)) for make in columns.values()), str(row % 2)])
            for row in range(NUM_ROWS)
        ]
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return table


def chosen(path: Path, words: dict[str, str] | None = None, **options: Any) -> dict[str, str]:
    """What becomes of each column, in a word."""
    rows = stoker.open(path, label="label", **options)
    feed = stoker.Feed(rows, transform=Automatic(words), batch_size=16).prepare()
    return {name: choice.transform for choice in feed.stage.choices for name in choice.columns}


NUMBER = lambda row: row * 37 % 11 + 0.5  # noqa: E731
TEXT = lambda row: f"a long text of words number {row}"  # noqa: E731


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda row: f"{row % 30:04d}", "category"),
        (lambda row: f"{row:06d}", "drop"),
        (lambda row: f"K{row}", "drop"),
        (lambda row: 1000 + row, "drop"),
        (lambda row: ["red", "green", ""][row % 3], "category"),
        (lambda row: f"2024-01-{row % 28 + 1:02d}", "dates"),
        (lambda row: f"2024-01-{row % 28 + 1:02d}T10:0{row % 6}:00", "dates"),
        (lambda row: "" if row == 7 else f"2024-01-{row % 28 + 1:02d}", "dates"),
        (lambda row: "0000-00-00" if row == 7 else f"2024-01-{row % 28 + 1:02d}", "dates"),
        (lambda row: f"E-{row}" if row % 10 == 0 else "ok", "category"),
        (TEXT, "ngram"),
        (lambda row: ["a text of five words", "another of four words"][row % 2], "category"),
        (lambda row: "same", "drop"),
        (lambda row: 5, "drop"),
        (lambda row: "" if row % 9 == 0 else row % 13, "standardize"),
        (lambda row: row % 13, "standardize"),
    ],
)
def test_a_column_gets_what_suits_its_values(write: Write, make: Callable[[int], Any], word: str):
    found = chosen(write(column=make, number=NUMBER, text=TEXT))
    assert found == {"column": word, "number": "standardize", "text": "ngram"}


def test_long_texts_that_would_not_fit_as_categories_are_hashed(
    write: Write, monkeypatch: pytest.MonkeyPatch
):
    url = lambda row: f"https://example.org/{row % 60:0200d}"  # noqa: E731
    assert chosen(write(url=url, number=NUMBER)) == {"url": "category", "number": "standardize"}
    monkeypatch.setattr("stoker.picks._MOST_BYTES", 60 * 200)
    feed = stoker.Feed(stoker.open(write(url=url, number=NUMBER), label="label"), transform="auto").prepare()
    told = {choice.columns[0]: (choice.transform, choice.reason) for choice in feed.stage.choices}
    assert told["url"] == ("hash", "60 different texts, 220 bytes each")


def test_a_date_that_no_calendar_has_counts_as_a_blank_and_ends_nothing(write: Write):
    date = lambda row: "2024-02-30" if row == 7 else f"2024-01-{row % 28 + 1:02d}"  # noqa: E731
    feed = stoker.Feed(stoker.open(write(when=date), label="label"), transform="auto", shuffle=False)
    (choice,) = feed.stage.choices
    assert choice.reason == "every text is a date; one that no calendar has counts as a blank"
    rows = np.concatenate([batch.x["when"] for batch in feed.epoch(0)])
    assert np.flatnonzero(~rows.any(axis=1)).tolist() == [7]


def test_numbers_without_blanks_are_one_input_as_ever(write: Write):
    path = write(a=NUMBER, b=lambda row: row % 5, same=lambda row: 3)
    feed = stoker.Feed(stoker.open(path, label="label"), transform="auto", batch_size=16)
    assert feed.stage.choices == ()
    assert isinstance(feed.transform, Standardize)
    assert next(feed.epoch(0)).x.shape == (16, 3)
    plain = stoker.Feed(stoker.open(path, label="label"), batch_size=16)
    assert plain.transform.state() == feed.transform.state()
    assert plain.stage.options.na == feed.stage.options.na == "error"


def test_every_choice_has_its_reason_and_its_input(tmp_path: Path):
    rows = stoker.open(write_table(tmp_path / "houses.csv"), label="sold")
    feed = stoker.Feed(rows, transform="auto").prepare()
    told = {tuple(each.columns): (each.input, each.reason) for each in feed.stage.choices}
    blanks = next(problem.count for problem in feed.survey.problems if problem.kind == "blank")
    assert told == {
        ("price", "rooms"): ("numbers", "numbers"),
        ("gaps",): ("numbers", f"numbers, {blanks} of 300 blank: the mean for them, and an indicator"),
        ("id",): (None, "another value in every row, as an id has"),
        ("city",): ("city", "3 different texts"),
        ("zip",): ("zip", "30 different codes of digits"),
        ("review",): ("review", told["review",][1]),
    }
    x = next(feed.epoch(0)).x
    assert x["numbers"].shape[1] == 4  # three columns, and the indicator
    assert np.isfinite(x["numbers"]).all()


def test_a_word_of_the_user_goes_before_the_rules(write: Write):
    path = write(id=lambda row: 1000 + row, city=lambda row: f"C{row % 4}", text=TEXT, price=NUMBER)
    words = {"id": "standardize", "city": "onehot", "text": "drop", "price": "robust"}
    assert chosen(path, words) == words


def test_a_type_of_the_user_keeps_a_column(write: Write):
    path = write(id=lambda row: f"{row:04d}", same=lambda row: 3, text=TEXT)
    assert chosen(path)["id"] == "drop"
    kept = chosen(path, types={"id": "int", "same": "int"})
    assert (kept["id"], kept["same"]) == ("standardize", "standardize")


def test_where_nothing_would_be_left_everything_stays(write: Write):
    assert chosen(write(id=lambda row: f"K{row}")) == {"id": "hash"}


def test_many_categories_share_the_code_of_the_rare_ones(tmp_path: Path):
    lines = ["city,label", *(f"C{row * row % 151},{row % 2}" for row in range(400))]
    (tmp_path / "many.csv").write_text("\n".join(lines) + "\n")
    rows = stoker.open(tmp_path / "many.csv", label="label")
    feed = stoker.Feed(rows, transform="auto").prepare()
    (part,) = feed.transform.parts
    assert isinstance(part.transform, Category)
    assert part.transform.min_count == (5 if len({row * row % 151 for row in range(400)}) > 100 else 1)


def test_blanks_are_filled_as_the_user_says(tmp_path: Path):
    rows = stoker.open(write_table(tmp_path / "houses.csv"), label="sold")
    feed = stoker.Feed(rows, transform="auto", na={"gaps": "zero"}).prepare()
    assert next(feed.epoch(0)).x["numbers"].shape[1] == 3  # and no indicator
    dropped = stoker.Feed(rows, transform="auto", na="drop-row").prepare()
    assert dropped.num_rows < feed.num_rows
    with pytest.raises(ColumnError, match=r"'gaps': \d+ blank values"):
        stoker.Feed(rows, transform="auto", na="error").prepare()


def test_a_blank_where_training_had_none_is_an_error(write: Write, tmp_path: Path):
    feed = stoker.Feed(stoker.open(write(a=NUMBER, text=TEXT), label="label"), transform="auto")
    (tmp_path / "later.csv").write_text("a,text,label\n1,some text here,0\n,other text here,1\n")
    with pytest.raises(ColumnError, match="column 'a': 1 blank value"):
        feed.derive(tmp_path / "later.csv")


def test_a_feed_chooses_only_where_it_is_told_to(tmp_path: Path):
    rows = stoker.open(write_table(tmp_path / "houses.csv"), label="sold")
    with pytest.raises(ColumnError, match="text beside numbers, of which nobody says what it becomes"):
        stoker.Feed(rows).prepare()
    with pytest.raises(OptionError, match="a transform, or 'auto'"):
        stoker.Feed(rows, transform="automatic")


def test_a_survey_that_was_stored_leads_to_the_same_choices(tmp_path: Path):
    path = write_table(tmp_path / "houses.csv")
    first, again = (
        stoker.Feed(stoker.open(path, label="sold"), transform="auto").prepare() for _ in range(2)
    )
    assert first.survey.seconds > 0 == again.survey.seconds
    assert first.stage.choices == again.stage.choices
    assert first.transform.state() == again.transform.state()


def test_a_word_that_there_is_not_is_refused(tmp_path: Path):
    with pytest.raises(OptionError, match=r"got .categories. .did you mean"):
        Automatic({"city": "categories"})
    rows = stoker.open(write_table(tmp_path / "houses.csv"), label="sold")
    with pytest.raises(OptionError, match="'town', which is no feature"):
        stoker.Feed(rows, transform=Automatic({"town": "category"})).prepare()


def test_columns_whose_names_no_input_can_have_are_called_otherwise(tmp_path: Path):
    lines = [",a/b,a_b,numbers,x,label"]
    lines += [
        f"{'uv'[row % 2]},{'st'[row % 2]},{'pq'[row % 2]},{'kl'[row % 2]},{row % 7},{row % 2}"
        for row in range(60)
    ]
    (tmp_path / "odd.csv").write_text("\n".join(lines) + "\n")
    feed = stoker.Feed(stoker.open(tmp_path / "odd.csv", label="label"), transform="auto").prepare()
    made = {part.name: part.columns for part in feed.transform.parts}
    assert made == {
        "numbers_1": ("x",),
        "#0": ("#0",),
        "a_b": ("a/b",),
        "a_b_1": ("a_b",),
        "numbers": ("numbers",),
    }
    assert stoker.models.mlp(feed).predict_on_batch(next(feed.epoch(0)).x).shape == (60, 1)


def test_what_is_done_for_a_column_does_not_grow_with_their_number(tmp_path: Path):
    def calls(width: int) -> int:
        makers = (str, lambda row: row % 5 if row % 9 else "", lambda row: f"t{row % 6}", lambda row: 7)
        lines = [",".join([*(f"c{place}" for place in range(width)), "y"])]
        lines += [
            ",".join([*(str(makers[place % 4](row)) for place in range(width)), str(row % 2)])
            for row in range(40)
        ]
        (tmp_path / f"{width}.csv").write_text("\n".join(lines) + "\n")
        rows, choice = stoker.open(tmp_path / f"{width}.csv", label="y"), Automatic()
        na = choice.policy(rows.numeric_features, {})
        found = survey(rows, texts="chosen", na=na, stored=False)
        assert len(found.features) == 3 * width // 4
        seen = 0

        def count(frame: Any, event: str, argument: Any) -> Any:
            nonlocal seen
            seen += 1
            return count

        before = sys.gettrace()
        sys.settrace(count)  # counts lines, calls and returns, generators' too
        try:
            choice.choose(found, na)
        finally:
            sys.settrace(before)
        return seen

    assert calls(400) < 4.5 * calls(100)


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda row: f"{row % 9},{row % 7}5", r"decimal commas: pandas\.read_csv\(…, decimal=','\)"),
        (lambda row: f"{row},{row % 7}5", r"another text in every row.*decimal commas"),
        (lambda row: f"{1 + row % 28}.{1 + row % 3}.2024", r"look like dates: stoker\.Dates\(format="),
    ],
)
def test_numbers_and_dates_in_another_spelling_are_told_with_the_way_out(make, hint, tmp_path):
    lines = ["a;n;y", *(f"{make(row)};{row % 13};{row % 2}" for row in range(NUM_ROWS))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    feed = stoker.Feed(stoker.open(tmp_path / "t.csv", label="y"), transform="auto")
    feed.prepare()
    told = {choice.columns[0]: choice.reason for choice in feed.stage.choices}
    assert re.search(hint, told["a"])
    assert "look like" not in told["n"]
