"""The parts of a survey by themselves: labels, arrays that grow, certainty about a view."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from reading import dense
from stoker.errors import DataError, OptionError
from stoker.sources.views import FoldSpec, ShardSpec, SplitSpec, TakeSpec, View
from stoker.survey import lines
from stoker.survey.growing import GrowingArray
from stoker.survey.horizon import Horizon
from stoker.survey.keeper import Keeper
from stoker.survey.labels import LabelTally, check_classes
from stoker.types import Matrix, Rows


def tally(kind: str, *parts):
    made = LabelTally(kind)
    for part in parts:
        made.update(part)
    return made


@given(st.lists(st.integers(-(2**62), 2**62) | st.integers(-3, 3)), st.integers(0, 10))
def test_integer_labels_are_counted_like_numpy_counts_them(values, cut):
    labels = np.array(values, np.int64)
    found = tally("int", labels[:cut], labels[cut:]).result()
    classes, counts = np.unique(labels, return_counts=True)
    assert found.classes == tuple(classes.tolist())
    assert found.counts == tuple(counts.tolist())
    assert found.num_rows == len(values)


def test_counts_of_parts_merge_to_counts_of_the_whole():
    one, other = np.array([3, 1, 1]), np.array([7, 3])
    merged = tally("int", one).merge(tally("int", other)).result()
    assert merged == tally("int", np.concatenate([one, other])).result()


def test_beyond_ten_thousand_labels_only_the_extremes_are_known():
    one, other = np.arange(6_000), np.arange(5_000, 12_000)
    for made in (tally("int", one, other), tally("int", one).merge(tally("int", other))):
        found = made.result()
        assert found.overflow
        assert (found.classes, found.counts, found.majority) == (None, (), None)
        assert (found.minimum, found.maximum, found.num_rows) == (0, 11_999, 13_000)


def test_dictionaries_of_texts_and_float_labels_are_counted():
    assert tally("text", pa.array(["b", "a"]), pa.array(["b"])).result().counts == (1, 2)
    assert tally("float", np.array([0.5, -1.0, 0.5])).result().classes == (-1.0, 0.5)


@pytest.mark.parametrize(
    ("labels", "wanted", "message"),
    [
        (np.zeros(5, np.int64), None, "is 0 in all 5 rows: with one class only there is nothing to learn"),
        (np.zeros(1, np.int64), None, "is 0 in the only row: with one class only there is nothing to learn"),
        (
            np.arange(30),
            None,
            "30 different values in 30 rows, nearly as many classes as rows. Use task='regression'",
        ),
        (np.arange(20_000), None, "over 10,000 different values in 20,000 rows"),
        (np.arange(300) % 3, 2, "has 3 classes where the task needs 2: 0, 1, 2. Use task='classes'"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, wanted, message):
    with pytest.raises(DataError) as error:
        check_classes(tally("int", labels).result(), label="y", num_classes_wanted=wanted)
    assert message in str(error.value)


def test_where_nobody_knows_how_many_rows_come_room_for_as_many_again_is_made():
    keeper = Keeper(features=("a",), others=(), limit=1 << 20)
    rooms = 0
    for start in range(0, 2_000, 10):
        rooms += keeper.room(start, 10, num_slots=start, dtype=np.dtype(np.uint8)) is not None
        part = np.full((10, 1), start // 10, np.uint8)
        keeper.add(
            Rows(num_rows=10, features=("a",), matrix=Matrix.of(part), columns={}), num_slots=start + 10
        )
    assert rooms > 185  # for the others all that was there is copied
    kept = keeper.finish(np.dtype(np.uint8)).read(np.arange(2_000))
    assert dense(kept)[:, 0].tolist() == np.repeat(np.arange(200), 10).tolist()


def test_a_few_rows_may_have_a_class_each():
    check_classes(tally("int", np.arange(3)).result(), label="y")
    check_classes(tally("int", np.arange(300) % 2).result(), label="y", num_classes_wanted=2)


@given(st.lists(st.lists(st.integers(0, 2**63 - 1), max_size=9), max_size=9), st.integers(0, 200))
def test_a_growing_array_is_the_concatenation_in_memory_and_on_disk(parts, spill_bytes):
    growing = GrowingArray(np.int64, spill_bytes=spill_bytes)
    for part in parts:
        growing.append(np.array(part, np.int64))
    assert growing.finish().tolist() == [value for part in parts for value in part]
    assert len(growing) == sum(map(len, parts))


STEPS = st.one_of(
    st.builds(SplitSpec, fraction=st.floats(0.01, 0.99), seed=st.integers(0, 9), part=st.integers(0, 1)),
    st.integers(1, 400).map(lambda count: TakeSpec.of(np.arange(count))),
    st.just(ShardSpec(index=1, count=3)),
    st.builds(
        FoldSpec, count=st.just(7), index=st.integers(0, 6), seed=st.integers(0, 9), part=st.integers(0, 1)
    ),
)


@settings(max_examples=examples(60))
@given(st.lists(STEPS, max_size=3), st.integers(2_000, 9_000), st.integers(0, 3_000))
def test_what_is_certain_of_a_view_stays_true_at_the_end(steps, num_slots, more):
    view = View(steps=tuple(steps))
    total = num_slots + more
    try:
        view.bind(total)
    except OptionError:  # rows were taken that there are not
        return
    horizon = Horizon(view, total if Horizon.needs_count(view) else None)
    limit = horizon.certain(num_slots)
    assert 0 <= limit <= num_slots
    early = horizon.mask(0, limit)
    assert (early is None) == (not steps)
    if early is not None:
        np.testing.assert_array_equal(early, view.bind(total).mask(0, limit))
    horizon.close(total)
    whole = horizon.mask(0, total)
    assert whole is None or int(whole.sum()) == view.bind(total).num_rows


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"bc"])), st.data())
def test_lines_are_those_that_python_counts(tmp_path_factory, parts, data):
    text = b"".join(parts) + b"x"
    # An offset is that of a field: never between the two bytes of a CRLF.
    places = [place for place in range(len(text)) if text[place - 1 : place + 1] != b"\r\n"]
    offsets = data.draw(st.lists(st.sampled_from(places)))
    path = tmp_path_factory.mktemp("lines") / "t"
    path.write_bytes(text)
    expected = [len((text[:offset] + b"x").splitlines()) for offset in offsets]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_PIECE", 3)
        assert lines.lines_at(str(path), offsets) == expected
