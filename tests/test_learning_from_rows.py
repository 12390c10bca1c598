"""Transforms that the survey's statistics do not suffice for learn from the rows to train on."""

from __future__ import annotations

import numpy as np
import pytest

import stoker
from stoker.errors import OptionError

ROWS = 240


@pytest.fixture
def table(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "table.csv"
    price, city = draw.lognormal(size=ROWS), draw.choice(["Ulm", "Bonn", ""], ROWS)
    lines = [f"{p:.4f},{c},{r % 2}" for r, (p, c) in enumerate(zip(price, city, strict=True))]
    path.write_text("\n".join(["price,city,sold", *lines, ",Ulm,1", ""]))
    return path


def test_a_feed_fits_what_learns_from_rows_column_by_column(table):
    columns = stoker.Columns(
        {
            "price": stoker.Robust(na="median", indicator=True),
            "bin": ("price", stoker.QuantileBins(num_bins=4)),
            "city": stoker.Category(),
        }
    )
    feed = stoker.Feed(stoker.open(table, label="sold"), transform=columns, batch_size=50, shuffle=False)
    feed.prepare()
    assert [(made.name, made.kind, made.shape, made.num_tokens) for made in feed.spec.inputs] == [
        ("price", "dense", (2,), None),
        ("bin", "codes", (1,), 5),
        ("city", "codes", (1,), 5),
    ]
    batches = list(feed.epoch(0))
    price = np.concatenate([batch.x["price"] for batch in batches])
    assert np.median(price[:, 0]) == pytest.approx(0, abs=1e-6)
    assert price[:, 1].sum() == 1
    bins = np.concatenate([batch.x["bin"] for batch in batches]).ravel()
    assert np.bincount(bins).tolist() == [1, 60, 60, 60, 60]


def test_a_feed_of_numbers_alone_fits_quantiles(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(["a,b,sold", *(f"{row},{row * row},{row % 2}" for row in range(101)), ""]))
    feed = stoker.Feed(
        stoker.open(path, label="sold"), transform=stoker.Robust(), batch_size=101, shuffle=False
    )
    (batch,) = feed.epoch(0)
    np.testing.assert_allclose(batch.x[:, 0], (np.arange(101) - 50) / 50, rtol=1e-6)


def test_what_a_feed_cannot_fit_by_itself_says_where_to_put_it(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("a,sold\n1,0\n2,1\n")
    with pytest.raises(OptionError, match=r"Category is not fitted.*stoker.Columns"):
        stoker.Feed(stoker.open(path, label="sold"), transform=stoker.Category(), batch_size=2).prepare()
