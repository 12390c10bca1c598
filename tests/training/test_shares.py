"""What each of several processes takes of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stoker.group import Group, joined
from stoker.training.shares import Share, share_of
from stoker.types import Batch, Position


def group_of(rank: int, count: int, widest: int = 0) -> Group:
    """A group whose others have inputs as wide as `widest`."""
    group = Group(rank, count)
    group.words = lambda values: [tuple(values), tuple(max(widest, each) for each in values)]
    return group


def batch_of(rows: int, number: int, **changed: Any) -> Batch:
    given = {"x": np.ones((rows, 2), np.float32), "y": np.ones(rows, np.int32), "size": rows}
    return Batch(**(given | changed), position=Position(epoch=0, batches=number))


@pytest.mark.parametrize(
    ("batch_size", "rows", "count", "number", "expected"),
    [
        (8, 20, 2, 0, (4, 4)),
        (8, 20, 2, 2, (4, 0)),
        (8, 22, 2, 2, (4, 2)),
        (8, 8, 3, 0, (2, 3, 3)),
        (8, 17, 4, 2, (1, 0, 0, 0)),
    ],
)
def test_every_process_knows_how_many_rows_each_has(batch_size, rows, count, number, expected):
    shares = [Share(Group(rank, count), batch_size, rows) for rank in range(count)]

    assert {share.counts(number) for share in shares} == {expected}


def test_full_batches_go_as_they_are():
    batch = batch_of(4, 0)

    x, y, weights, counts = Share(Group(1, 2), 8, 20).arrays(batch)

    assert x is batch.x
    assert y is batch.y
    assert weights is None
    assert counts.tolist() == [4, 4]


def test_who_has_fewer_rows_or_none_brings_zeros():
    weights = np.full(0, 2.0, np.float32)

    x, y, weights, counts = Share(Group(1, 2), 8, 20).arrays(batch_of(0, 2, sample_weight=weights))

    assert (x.shape, y.shape, weights.shape) == ((4, 2), (4,), (4,))
    assert (x.any(), y.any(), weights.any()) == (False, False, False)
    assert (x.dtype, y.dtype) == (np.float32, np.int32)
    assert counts.tolist() == [4, 0]


def test_several_labels_are_padded_each():
    _, y, _, _ = Share(Group(1, 2), 8, 22).arrays(batch_of(2, 2, y={"a": np.ones(2), "b": np.ones((2, 3))}))

    assert (y["a"].tolist(), y["b"].shape) == ([1, 1, 0, 0], (4, 3))


def test_inputs_without_a_fixed_width_are_as_wide_as_the_widest():
    pairs = {"indices": np.ones((4, 2), np.int32), "values": np.ones((4, 2), np.float32)}
    x = {"text": pairs, "size": np.ones((4, 3), np.float32)}

    found, *_ = Share(group_of(0, 2, widest=3), 8, 20).arrays(batch_of(4, 0, x=x))

    assert found["text"]["indices"].tolist() == [[1, 1, 0]] * 4
    assert found["text"]["values"].shape == (4, 3)
    assert found["size"].shape == (4, 3)


def test_who_trains_by_itself_has_no_share():
    assert share_of(object()) is None


def test_a_share_is_of_the_current_group():
    class Feed:
        batch_size, num_rows = 8, 20

    with joined(Group(0, 2)):
        assert share_of(Feed()).counts(2) == (4, 0)
