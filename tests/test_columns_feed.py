"""A feed of several named inputs: numbers, categories and texts of one table, from files to batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stoker
from stoker.errors import ColumnError, OptionError
from stoker.sources import Source
from stoker.training.inputs import count_rows, empty_batch, fill, join, part

NUM_ROWS = 300


def write_table(path: Path, *, gaps: bool = True) -> Path:
    """A table with an id, numbers of which some are blank, categories, codes, texts and a constant."""
    draw = np.random.default_rng(3)
    lines = ["id,price,rooms,gaps,city,zip,review,sold"]
    for row in range(NUM_ROWS):
        good = int(draw.random() < 0.5)
        words = "good nice great".split() if good else "bad poor awful".split()  # noqa: SIM905
        city = draw.choice(["Ulm", "Bonn", "Köln"])
        gap = "" if gaps and draw.random() < 0.1 else f"{draw.normal():.3f}"
        text = " ".join(draw.choice(words, 3)) + f" house in {city}"
        number = draw.integers(0, 30)
        lines.append(
            f"{1000 + row},{draw.lognormal(3):.2f},{row % 7},{gap},{city},{number:04d},{text},{good}"
        )
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Source:
    return stoker.open(write_table(tmp_path / "houses.csv"), label="sold")


def make_columns() -> stoker.Columns:
    return stoker.Columns(
        {
            "numbers": (["rooms", "price"], stoker.Standardize()),
            "gaps": stoker.Impute(),
            "city": stoker.Category(),
            "review": stoker.NgramVectorizer(max_features=20),
            "words": ("review", stoker.SequenceVectorizer(max_tokens=30)),
        }
    )


def dense(x: Any, width: int) -> np.ndarray[Any, Any]:
    """The rows that pairs of index and value stand for."""
    made = np.zeros((len(x["indices"]), width), np.float32)
    for row, (indices, values) in enumerate(zip(x["indices"], x["values"], strict=True)):
        np.add.at(made[row], indices, values)
    return made


def test_every_batch_holds_what_the_transforms_make_of_its_rows(rows: Source):
    feed = stoker.Feed(rows, transform=make_columns(), batch_size=32, seed=5, epochs=2)
    columns, held = feed.transform, feed.survey.reader()
    seen = 0
    for batch in feed.epoch(1):
        ids = np.sort(batch.ids)
        expected = columns.apply(held.read(ids), np.searchsorted(ids, batch.ids))
        assert set(batch.x) == set(expected)
        for name in ("numbers", "gaps", "city", "words"):
            np.testing.assert_array_equal(batch.x[name], expected[name])
        sparse = expected["review"]
        np.testing.assert_allclose(dense(batch.x["review"], sparse.shape[1]), sparse.toarray())
        seen += batch.size
    assert seen == NUM_ROWS


def test_the_order_of_rows_is_that_of_any_other_transform(rows: Source):
    numbers = stoker.Feed(stoker.open(rows.paths[0], label="sold", columns=["price"]), batch_size=32, seed=5)
    named = stoker.Feed(rows, transform=make_columns(), batch_size=32, seed=5)
    for one, other in zip(numbers.epoch(0), named.epoch(0), strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert (one.order_digest, one.member_digest) == (other.order_digest, other.member_digest)


@pytest.mark.parametrize("memory", ["1GB", "60MB"])
def test_rows_from_memory_and_from_the_files_make_the_same_batches(rows: Source, memory: str):
    first = stoker.Feed(rows, transform=make_columns(), batch_size=50, shuffle=False)
    other = stoker.Feed(
        rows, transform=make_columns(), batch_size=50, shuffle=False, memory=memory, cache="always"
    )
    assert other.plan.use_cache
    for one, two in zip(first.epoch(0), other.epoch(0), strict=True):
        for name in ("numbers", "gaps", "city", "words"):
            np.testing.assert_array_equal(one.x[name], two.x[name])


def test_the_spec_tells_a_model_of_each_input(rows: Source):
    spec = stoker.Feed(rows, transform=make_columns()).spec
    kinds = {each.name: (each.kind, each.columns) for each in spec.inputs}
    assert kinds == {
        "numbers": ("dense", ("rooms", "price")),
        "gaps": ("dense", ("gaps",)),
        "city": ("codes", ("city",)),
        "review": ("sparse", ("review",)),
        "words": ("tokens", ("review",)),
    }
    assert spec.input_kind == "named"
    assert spec.features == ("price", "rooms", "gaps", "city", "review")
    assert spec.input_shape == (sum(each.shape[0] for each in spec.inputs),)


def test_columns_in_no_input_are_not_read(rows: Source):
    feed = stoker.Feed(rows, transform=stoker.Columns({"price": stoker.Standardize()}))
    assert feed.stage.source.features == ("price",)
    assert list(next(feed.epoch(0)).x) == ["price"]


def test_a_split_shares_the_survey_and_other_files_have_their_own(rows: Source, tmp_path: Path):
    train, valid = rows.split(0.8, seed=1)
    feed = stoker.Feed(train, transform=make_columns(), batch_size=32)
    held_out = feed.derive(valid)
    assert held_out.survey is feed.survey
    assert held_out.num_rows == NUM_ROWS // 5
    elsewhere = feed.derive(write_table(tmp_path / "others.csv"))
    assert elsewhere.num_rows == NUM_ROWS
    assert set(next(elsewhere.epoch(0)).x) == set(next(held_out.epoch(0)).x)


def test_a_blank_that_no_transform_fills_is_reported_with_its_place(rows: Source):
    columns = stoker.Columns({"gaps": stoker.Standardize()})
    with pytest.raises(ColumnError, match=r"column 'gaps': \d+ blank values, first at .*line") as told:
        stoker.Feed(rows, transform=columns).prepare()
    ways = (
        "give the column stoker.Standardize(na='mean') or stoker.Impute(na='mean'), or leave their rows out"
    )
    assert str(told.value).endswith(f"{ways} with na={{'gaps': 'drop-row'}}")
    taken = stoker.Feed(rows, transform=columns, na={"gaps": "drop-row"})
    assert 0 < taken.num_rows < NUM_ROWS


def test_rows_with_blanks_may_be_left_out(rows: Source):
    feed = stoker.Feed(rows, transform=stoker.Columns({"gaps": stoker.Standardize()}), na="drop-row")
    assert 0 < feed.num_rows < NUM_ROWS


def test_filling_is_said_to_the_transform_and_not_to_the_feed(rows: Source):
    with pytest.raises(OptionError, match=r"stoker.Impute\(na='mean'\)"):
        stoker.Feed(rows, transform=make_columns(), na="mean").prepare()


def test_a_transform_of_numbers_is_not_for_texts(rows: Source):
    with pytest.raises(ColumnError, match="'city' holds text"):
        stoker.Feed(rows, transform=stoker.Columns({"city": stoker.Standardize()})).prepare()


def test_transforms_that_are_fitted_stay_as_they_are(rows: Source):
    first = stoker.Feed(rows, transform=make_columns()).prepare()
    state = first.transform.state()
    again = stoker.Feed(rows.head(100), transform=first.transform).prepare()
    assert again.transform.state() == state


def test_inputs_are_cut_joined_and_filled_by_their_names(rows: Source):
    feed = stoker.Feed(rows, transform=make_columns(), batch_size=32, shuffle=False)
    empty = empty_batch(feed.spec, 4)
    assert {name: count_rows(each) for name, each in empty.items()} == dict.fromkeys(empty, 4)
    held = feed.survey.reader().read(np.arange(40))
    whole = feed.transform.apply(held, np.arange(40))
    pieces = [part(whole, start, start + 16) for start in (0, 16, 32)]
    together = fill(join(pieces), 48)
    assert count_rows(together) == 48
    np.testing.assert_array_equal(together["words"][:40], whole["words"])
    assert not together["words"][40:].any()
    width = whole["review"].shape[1]
    np.testing.assert_allclose(dense(together["review"], width)[:40], whole["review"].toarray())


def test_what_counts_values_learns_in_the_pass_of_the_survey(rows: Source, monkeypatch: pytest.MonkeyPatch):
    train, _ = rows.split(0.8, seed=1)
    asked: list[int] = []
    fit = stoker.Category.partial_fit

    def seen(self: Any, given: Any) -> Any:
        asked.append(given.num_rows)
        return fit(self, given)

    monkeypatch.setattr(stoker.Category, "partial_fit", seen)
    columns = stoker.Columns({"city": stoker.Category(), "bins": ("price", stoker.QuantileBins(num_bins=4))})
    feed = stoker.Feed(train, transform=columns).prepare()
    assert sum(asked) == feed.num_rows == 240
    assert feed.survey.seconds > 0
    fresh = stoker.Columns({"city": stoker.Category(), "bins": ("price", stoker.QuantileBins(num_bins=4))})
    asked.clear()
    again = stoker.Feed(train, transform=fresh).prepare()  # the survey is stored: the rows are read for it
    assert sum(asked) == 240
    assert again.survey.seconds == 0
    assert again.transform.state() == feed.transform.state()


def test_a_transform_that_cannot_learn_says_so_and_is_as_it_was(rows: Source):
    columns = stoker.Columns({"price": stoker.Category(), "city": stoker.Category()})
    for _ in range(2):
        with pytest.raises(ColumnError, match="categories are texts or integers"):
            stoker.Feed(rows, transform=columns).prepare()
        assert not any(part.transform.is_fitted for part in columns.parts)
