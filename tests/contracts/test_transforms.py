"""What every transform must keep: see the duties of `stoker.types.Transform`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import OptionError
from stoker.transforms import (
    Cast,
    Category,
    Columns,
    Dates,
    Image,
    Impute,
    LabelEncoder,
    Log1p,
    MinMax,
    OneHot,
    PadSequences,
    Passthrough,
    QuantileBins,
    Robust,
    Scale,
    SparseFeatures,
    Standardize,
    TargetColumns,
    TransformedTarget,
    from_state,
)
from stoker.transforms.registry import TRANSFORMS
from stoker.transforms.texts import TextTransform
from stoker.types import Matrix, Rows
from transform_duties import MadeWhenAsked, SharedDuties, encoded

LEAF = 8192
NUM_ROWS = 2 * LEAF + 777
FEATURES = ("pixel", "age", "stamp", "price", "same", "gaps")

UNFITTED = {
    "cast": lambda: Cast(na={"gaps": "zero"}),
    "impute": lambda: Impute(),
    "scale": lambda: Scale(feature_range=(-1, 1), na="mean"),
    "scale of a known range": lambda: Scale(data_range=(0, 255), na="zero"),
    "standardize": lambda: Standardize(na={"gaps": "mean"}),
    "imputed with indicators": lambda: Impute(na={"gaps": "median", "age": "most_frequent"}, indicator=True),
    "minmax": lambda: MinMax(na="mean", clip=True),
    "log1p": lambda: Log1p(na={"gaps": "mean"}),
    "robust": lambda: Robust(na="median", indicator=True),
    "bins": lambda: QuantileBins(num_bins=7),
    "bins in one-hot rows": lambda: QuantileBins(encode="onehot"),
    "labels of integers": lambda: LabelEncoder("digit"),
    "labels of text": lambda: LabelEncoder("kind"),
    "one-hot": lambda: OneHot("kind"),
    "passthrough": lambda: Passthrough("target"),
    "a target": lambda: TransformedTarget("target", Standardize()),
    "targets side by side": lambda: TargetColumns(
        [TransformedTarget("target", Log1p()), Passthrough("digit")], stacked=True
    ),
}


def make_rows(num_rows: int = NUM_ROWS) -> Rows:
    draw = np.random.default_rng(7)
    gaps = np.abs(draw.normal(5, 2, num_rows))
    gaps[draw.random(num_rows) < 0.1] = np.nan
    columns = [
        draw.integers(0, 256, num_rows),
        draw.integers(0, 99, num_rows),
        1.7e9 + draw.integers(0, 1000, num_rows),
        draw.lognormal(3, 2, num_rows),
        np.full(num_rows, 4.0),
        gaps,
    ]
    words = np.array(["dog", "ant", "Émile", "zebra"])
    return Rows(
        num_rows=num_rows,
        features=FEATURES,
        matrix=Matrix.of(np.stack(columns, axis=1)),
        columns={
            "digit": draw.integers(-3, 7, num_rows),
            "kind": pa.array(words[draw.integers(0, 4, num_rows)]),
            "target": np.abs(draw.normal(0, 10, num_rows)),
        },
    )


ROWS = make_rows()
ARRAY = ROWS.matrix.values.reshape(NUM_ROWS, len(FEATURES))
FITTED = MadeWhenAsked(UNFITTED, lambda name: UNFITTED[name]().fit(ROWS))
TAKE = np.random.default_rng(1).integers(0, NUM_ROWS, 300)

every_transform = pytest.mark.parametrize("name", UNFITTED)


def part(start: int, stop: int) -> Rows:
    """Consecutive rows as a reader would give them: storage of their own."""
    return Rows(
        num_rows=stop - start,
        features=FEATURES,
        matrix=Matrix.of(np.ascontiguousarray(ARRAY[start:stop])),
        columns={key: values[start:stop] for key, values in ROWS.columns.items()},
    )


def bits(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    return array.dtype, array.shape, array.tobytes()


def same_bits(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
    return bits(left) == bits(right)


def test_every_registered_transform_is_held_to_the_contract():
    others = (TextTransform, Columns, Category, Dates, Image, PadSequences, SparseFeatures)
    numeric = {name for name, kind in TRANSFORMS.items() if not issubclass(kind, others)}
    assert {transform.name for transform in FITTED.values()} == numeric


@every_transform
class TestSharedDuties(SharedDuties):
    unfitted, fitted, rows = UNFITTED, FITTED, ROWS
    part, bits = staticmethod(part), staticmethod(bits)


@every_transform
@settings(max_examples=examples(8))
@given(cuts=st.lists(st.integers(0, NUM_ROWS), max_size=6))
def test_a_fit_does_not_depend_on_chunking(name: str, cuts: list[int]):
    edges = [0, *sorted(cuts), NUM_ROWS]
    transform = UNFITTED[name]()
    for start, stop in pairwise(edges):
        assert transform.partial_fit(part(start, stop)) is transform
    assert encoded(transform) == encoded(FITTED[name])


@every_transform
def test_a_merge_at_the_end_of_a_leaf_is_one_pass_over_all_rows(name: str):
    first = UNFITTED[name]().fit(part(0, LEAF))
    second = UNFITTED[name]().fit(part(LEAF, NUM_ROWS))
    assert encoded(first.merge(second)) == encoded(FITTED[name])


@every_transform
@pytest.mark.parametrize("cut", [1, 5000, NUM_ROWS - 1])
def test_a_merge_anywhere_gives_the_same_arrays_within_rounding(name: str, cut: int):
    merged = UNFITTED[name]().fit(part(0, cut)).merge(UNFITTED[name]().fit(part(cut, NUM_ROWS)))
    expected = FITTED[name].apply(ROWS, TAKE)
    np.testing.assert_allclose(merged.apply(ROWS, TAKE), expected, rtol=1e-6, atol=1e-6)


@every_transform
def test_a_merge_with_another_kind_is_an_error(name: str):
    other = Passthrough("digit") if not name.startswith("labels") else Cast()
    with pytest.raises(OptionError, match="same options"):
        UNFITTED[name]().merge(other)


@every_transform
def test_a_restored_transform_goes_on_learning_as_the_first_would(name: str):
    restored = from_state(UNFITTED[name]().fit(part(0, 9000)).state())
    assert encoded(restored.partial_fit(part(9000, NUM_ROWS))) == encoded(FITTED[name])


@every_transform
def test_apply_changes_nothing_and_returns_fresh_arrays(name: str):
    fitted, before = FITTED[name], encoded(FITTED[name])
    values = ARRAY.copy()
    values.flags.writeable = False
    rows = replace(ROWS, matrix=Matrix.of(values))
    first = fitted.apply(rows, TAKE)
    kept = first.copy()
    second = fitted.apply(rows, TAKE)
    assert not np.shares_memory(first, second)
    assert not any(np.shares_memory(first, held) for held in (values, rows.columns["target"], TAKE))
    second[:] = 99
    assert first.flags.writeable
    assert same_bits(first, kept)
    assert encoded(fitted) == before


@every_transform
def test_rows_come_in_the_order_of_take(name: str):
    everything = FITTED[name].apply(ROWS, np.arange(NUM_ROWS))
    assert same_bits(FITTED[name].apply(ROWS, TAKE), everything[TAKE])
    assert FITTED[name].apply(ROWS, TAKE[:0]).shape == (0, *everything.shape[1:])


@every_transform
def test_the_index_of_rows_is_followed(name: str):
    index = np.random.default_rng(2).permutation(NUM_ROWS)[:1000]
    indexed = replace(ROWS, num_rows=1000, index=index)
    take = np.array([999, 0, 5, 5])
    assert same_bits(FITTED[name].apply(indexed, take), FITTED[name].apply(ROWS, index[take]))
    stored_in_order = Rows(
        num_rows=1000,
        features=FEATURES,
        matrix=Matrix.of(ARRAY[index]),
        columns={
            key: values.take(pa.array(index)) if key == "kind" else values[index]
            for key, values in ROWS.columns.items()
        },
    )
    assert encoded(UNFITTED[name]().fit(indexed)) == encoded(UNFITTED[name]().fit(stored_in_order))


@every_transform
def test_a_matrix_in_several_pieces_is_the_same_matrix(name: str):
    rows_per_piece, width = 5000, len(FEATURES)
    num_pieces = -(-NUM_ROWS // rows_per_piece)
    starts = 11 + np.arange(num_pieces) * (rows_per_piece * width + 3)
    values = np.full(int(starts[-1]) + rows_per_piece * width, -1e30)
    for piece, start in enumerate(starts):
        held = ARRAY[piece * rows_per_piece : (piece + 1) * rows_per_piece].reshape(-1)
        values[start : start + held.size] = held
    matrix = Matrix(values=values, starts=starts, rows_per_piece=rows_per_piece, num_columns=width)
    rows = replace(ROWS, matrix=matrix)
    assert same_bits(FITTED[name].apply(rows, TAKE), FITTED[name].apply(ROWS, TAKE))
    assert encoded(UNFITTED[name]().fit(rows)) == encoded(FITTED[name])
