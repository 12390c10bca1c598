"""Duties of the transform of images; see `stoker.types.Transform`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pictures import encode
from stoker.errors import OptionError
from stoker.transforms import Cast, Image
from stoker.types import Rows
from transform_duties import MadeWhenAsked, SharedDuties, encoded

NUM_ROWS = 120
UNFITTED = {
    "images": lambda: Image(),
    "images of a size": lambda: Image((5, 7), channels=3, resize="crop"),
    "grey images as floats": lambda: Image(6, channels=1, resize="pad", dtype="float32"),
}


def make_rows() -> Rows:
    draw = np.random.default_rng(3)
    forms = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
    images = [
        encode(*draw.integers(1, 20, 2).tolist(), forms[row % 5], mode=("RGB", "L")[row % 2], seed=row)
        for row in range(NUM_ROWS)
    ]
    label = pa.array(["ab"[row % 2] for row in range(NUM_ROWS)])
    columns = {"photo": pa.array(images, pa.large_binary()), "kind": label}
    return Rows(num_rows=NUM_ROWS, features=(), matrix=None, columns=columns)


ROWS = make_rows()
FITTED = MadeWhenAsked(UNFITTED, lambda name: UNFITTED[name]().fit(ROWS))
TAKE = np.random.default_rng(1).integers(0, NUM_ROWS, 50)

every_transform = pytest.mark.parametrize("name", UNFITTED)


def part(start: int, stop: int) -> Rows:
    """Consecutive rows as a reader would give them."""
    columns = {key: values[start:stop] for key, values in ROWS.columns.items()}
    return Rows(num_rows=min(stop, NUM_ROWS) - start, features=(), matrix=None, columns=columns)


def bits(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    return array.dtype, array.shape, array.tobytes()


@every_transform
class TestSharedDuties(SharedDuties):
    unfitted, fitted, rows = UNFITTED, FITTED, ROWS
    part, bits = staticmethod(part), staticmethod(bits)
    taken_at_once = 40  # to decode one takes as long as to scale hundreds of numbers


@every_transform
@pytest.mark.parametrize("cuts", [(1,), (60,), (7, 7, 100)])
def test_a_fit_depends_neither_on_chunking_nor_on_merging(name: str, cuts: tuple[int, ...]):
    whole, merged = UNFITTED[name](), UNFITTED[name]()
    for start, stop in pairwise([0, *cuts, NUM_ROWS]):
        assert whole.partial_fit(part(start, stop)) is whole
        merged.merge(UNFITTED[name]().partial_fit(part(start, stop)))
    assert encoded(whole) == encoded(merged) == encoded(FITTED[name])


@every_transform
def test_a_merge_with_another_kind_or_another_column_is_an_error(name: str):
    with pytest.raises(OptionError, match="same options"):
        UNFITTED[name]().merge(Cast())
    renamed = replace(ROWS, columns={"scan": ROWS.columns["photo"]})
    with pytest.raises(OptionError, match="the same"):
        UNFITTED[name]().fit(ROWS).merge(UNFITTED[name]().fit(renamed))


@every_transform
def test_what_comes_out_is_what_is_promised_and_fresh_or_where_it_is_wanted(name: str):
    fitted, before = FITTED[name], encoded(FITTED[name])
    first, second = fitted.apply(ROWS, TAKE), fitted.apply(ROWS, TAKE)
    assert first.shape == (TAKE.size, *fitted.row_shape)
    assert first.dtype == fitted.dtype
    assert fitted.num_outputs == np.prod(fitted.row_shape)
    assert not np.shares_memory(first, second)
    room = np.full_like(first, 7)
    assert fitted.apply(ROWS, TAKE, room) is room
    assert bits(room) == bits(first) == bits(second)
    assert fitted.apply(ROWS, TAKE[:0]).shape == (0, *fitted.row_shape)
    assert encoded(fitted) == before


@every_transform
def test_the_index_of_rows_and_the_order_of_take_are_followed(name: str):
    index = np.random.default_rng(2).permutation(NUM_ROWS)[:50]
    indexed, take = replace(ROWS, num_rows=50, index=index), np.array([49, 0, 5, 5])
    assert bits(FITTED[name].apply(indexed, take)) == bits(FITTED[name].apply(ROWS, index[take]))
    columns = {key: values.take(pa.array(index)) for key, values in ROWS.columns.items()}
    stored_in_order = Rows(num_rows=50, features=(), matrix=None, columns=columns)
    assert encoded(UNFITTED[name]().fit(indexed)) == encoded(UNFITTED[name]().fit(stored_in_order))


@every_transform
def test_chunked_columns_are_the_same_rows(name: str):
    cut = {key: pa.chunked_array([values[:13], values[13:]]) for key, values in ROWS.columns.items()}
    rows = replace(ROWS, columns=cut)
    assert bits(FITTED[name].apply(rows, TAKE)) == bits(FITTED[name].apply(ROWS, TAKE))
    assert encoded(UNFITTED[name]().fit(rows)) == encoded(FITTED[name])
