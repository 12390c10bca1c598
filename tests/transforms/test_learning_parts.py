"""Parts that others learned, sent as plain data and merged in order, come to the bits of one that saw all."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker.transforms import (
    Category,
    Columns,
    Dates,
    Impute,
    Log1p,
    MinMax,
    PadSequences,
    QuantileBins,
    Robust,
    SparseFeatures,
    Standardize,
    from_state,
)
from stoker.transforms.statistics import LEAF_ROWS
from stoker.transforms.targets import TransformedTarget
from stoker.types import Matrix, Rows

NUM_ROWS = 9 * LEAF_ROWS + 517
"""More than a sample holds."""
FIRST = ["a", "b", "c"]


@cache
def table() -> tuple[Any, dict[str, Any]]:
    """Numbers with blanks, and columns beside them."""
    draw = np.random.default_rng(3)
    numbers = draw.lognormal(3.0, 4.0, (NUM_ROWS, 3))
    numbers[draw.random((NUM_ROWS, 3)) < 0.05] = np.nan
    numbers[:, 2] = draw.integers(0, 9, NUM_ROWS)
    days = (np.datetime64("2024-01-01") + draw.integers(0, 4_000, NUM_ROWS)).astype(str)
    bounds = np.append(0, np.cumsum(draw.integers(0, 4, NUM_ROWS)))
    columns = {
        "city": pa.array(draw.choice(["Ulm", "Bonn", "Köln", ""], NUM_ROWS).tolist()),
        "day": pa.array(days.tolist()),
        "ids": pa.LargeListArray.from_arrays(bounds, draw.integers(0, 99, bounds[-1])),
        "y": numbers[:, 2],
    }
    return numbers, columns


def rows(start: int, stop: int) -> Rows:
    numbers, columns = table()
    return Rows(
        num_rows=stop - start,
        features=("a", "b", "c"),
        matrix=Matrix.of(numbers[start:stop].copy()),
        columns={
            name: values[start:stop] if isinstance(values, np.ndarray) else values.slice(start, stop - start)
            for name, values in columns.items()
        },
    )


def unfitted() -> list[Any]:
    numbers = {
        "standardized": (FIRST, Standardize(na="mean", indicator=True)),
        "logs": ("c", Log1p(na="zero")),
        "minmax": (["a"], MinMax(na="zero")),
        "robust": (FIRST, Robust(na="median")),
        "most": (["c"], Impute(na="most_frequent")),
        "bins": (["b", "c"], QuantileBins(num_bins=7)),
        "city": Category(min_count=2),
        "day": Dates("year", "elapsed", "hour"),
        "ids": PadSequences(output="tokens"),
    }
    return [Columns(numbers), TransformedTarget("y", Standardize())]


def learned(start: int, stop: int, transform: Any, step: int = 5_000) -> Any:
    for first in range(start, stop, step):
        transform.partial_fit(rows(first, min(first + step, stop)))
    return transform


@cache
def whole() -> list[bytes]:
    """What transforms that see all rows learn."""
    return [msgspec.json.encode(learned(0, NUM_ROWS, each).state()) for each in unfitted()]


@pytest.mark.slow
@pytest.mark.timeout(120)
@settings(max_examples=3, deadline=None)
@given(cuts=st.sets(st.integers(1, 9), max_size=4), step=st.sampled_from([3_000, 8_192, 20_000]))
def test_any_parts_of_whole_leaves_merge_to_the_bits_of_one_pass(cuts, step):
    bounds = [0, *(cut * LEAF_ROWS for cut in sorted(cuts)), NUM_ROWS]
    for place, expected in enumerate(whole()):
        merged = unfitted()[place]
        for start, stop in pairwise(bounds):
            part = learned(start, stop, unfitted()[place].begin_part(start), step)
            sent = msgspec.json.encode(part.state())
            merged.merge(from_state(msgspec.json.decode(sent)))
        assert msgspec.json.encode(merged.state()) == expected


def test_rows_are_counted_from_the_first_of_all():
    lists = {"ids": pa.array([[1], [-2]], pa.large_list(pa.int64()))}
    there = Rows(num_rows=2, features=(), matrix=None, columns=lists)
    with pytest.raises(Exception, match=r"row 8,193 of those learned from"):
        PadSequences(output="tokens").begin_part(8_192).partial_fit(there)
    values = lists | {"values": pa.array([[0.5], [0.5]], pa.large_list(pa.float64()))}
    there = Rows(num_rows=2, features=(), matrix=None, columns=values)
    with pytest.raises(Exception, match=r"row 8,193 of those learned from"):
        SparseFeatures().begin_part(8_192).partial_fit(there)


def test_numbers_of_lists_are_standardised_by_one_that_sees_all():
    assert not PadSequences().learns_in_parts
    assert PadSequences(output="tokens").learns_in_parts
    assert not Columns({"ids": PadSequences()}).learns_in_parts
