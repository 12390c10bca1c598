"""Ranks share every batch: together they yield what one process does, whatever holds the rows."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

import stoker
from stoker.errors import OptionError
from stoker.types import Rank

ROWS, BATCH, RANKS = 1_202, 24, 5
"""The last batch has two rows, which are both the first rank's: the others have none."""


@pytest.fixture
def table(tmp_path):
    """Numbers, a text, a category and a label."""
    rng = np.random.default_rng(1)
    path = tmp_path / "table.csv"
    lines = ["label,size,kind,said"]
    for row in range(ROWS):
        said = " ".join(f"w{word}" for word in rng.integers(0, 99, rng.integers(1, 9)))
        lines.append(f"{'ny'[row % 2]},{rng.normal():.4f},{'abc'[row % 3]},{said}")
    path.write_text("\n".join(lines) + "\n")
    return path


FEEDS = {
    "numbers": lambda path, **options: stoker.Feed(
        stoker.open(path, label="label", columns=["size"]), **options
    ),
    "sparse rows of texts": lambda path, **options: stoker.Feed(
        stoker.open(path, label="label", text="said"),
        transform=stoker.HashingVectorizer(num_features=64),
        **options,
    ),
    "tokens of texts": lambda path, **options: stoker.Feed(
        stoker.open(path, label="label", text="said"),
        transform=stoker.SequenceVectorizer(max_tokens=50),
        **options,
    ),
    "named inputs": lambda path, **options: stoker.Feed(
        stoker.open(path, label="label"), transform="auto", class_weight="balanced", **options
    ),
}


def small_windows(feed, where):
    """The feed in windows of ten batches, and its rows in memory, in the cache or in their files alone."""
    stage = feed.prepare().stage
    order = replace(stage.plan.order, window=10 * BATCH)
    reader = stage.reader
    if where == "files":
        found = feed.survey
        reader = found.source.reader(found.index, found.excluded, found.dtype)
    feed._prepared = replace(stage, reader=reader, plan=msgspec.structs.replace(stage.plan, order=order))
    return feed


def joined(parts):
    """The arrays of ranks put together; sparse rows are as wide as the widest of them."""
    if not isinstance(parts[0], dict):
        return np.concatenate(parts)
    if "indices" not in parts[0]:
        return {name: joined([part[name] for part in parts]) for name in parts[0]}
    width = max(part["indices"].shape[1] for part in parts)
    return {
        name: np.concatenate(
            [np.pad(part[name], ((0, 0), (0, width - part[name].shape[1]))) for part in parts]
        )
        for name in parts[0]
    }


def assert_same(left, right):
    if isinstance(left, dict):
        assert set(left) == set(right)
        for name, array in left.items():
            assert_same(array, right[name])
    else:
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("where", ["memory", "cache", "files"])
@pytest.mark.parametrize("name", FEEDS)
def test_the_ranks_batches_put_together_are_those_of_one_process(table, name, where):
    cache = "always" if where == "cache" else "never"
    feed = small_windows(FEEDS[name](table, batch_size=BATCH, seed=3, cache=cache, epochs=2), where)
    whole = list(feed.epoch(1, 37))
    ranks = [list(feed.epoch(1, 37, Rank(index, RANKS))) for index in range(RANKS)]
    assert [rank[-1].size for rank in ranks] == [2, 0, 0, 0, 0]
    for batch, *parts in zip(whole, *ranks, strict=True):
        assert_same(joined([part.x for part in parts]), batch.x)
        assert_same(np.concatenate([part.y for part in parts]), batch.y)
        if batch.sample_weight is not None:
            assert_same(np.concatenate([part.sample_weight for part in parts]), batch.sample_weight)
        assert [part.size for part in parts] == [len(part.ids) for part in parts]
        assert {part.position for part in parts} == {batch.position}
        assert sum(part.order_digest for part in parts) % 2**128 == batch.order_digest
        assert sum(part.member_digest for part in parts) % 2**128 == batch.member_digest


@pytest.mark.parametrize("shuffle", [True, "exact", False])
def test_the_digests_of_all_ranks_add_up_to_those_of_the_epoch(table, shuffle):
    feed = small_windows(FEEDS["numbers"](table, batch_size=BATCH, shuffle=shuffle, cache="never"), "files")
    expected = sum(batch.order_digest for batch in feed.epoch(2)) % 2**128
    for count in (1, 3, BATCH):
        streams = [feed.epoch(2, rank=Rank(index, count)) for index in range(count)]
        assert sum(batch.order_digest for stream in streams for batch in stream) % 2**128 == expected


def test_the_rows_to_validate_on_are_shared_out_too(table):
    train, valid = stoker.open(table, label="label", columns=["size"]).split(0.8, seed=1)
    tested = stoker.Feed(train, batch_size=BATCH).derive(valid)
    whole = [batch.ids.tolist() for batch in tested.epoch()]
    ranks = [list(tested.epoch(rank=Rank(index, 2))) for index in range(2)]
    assert [one.ids.tolist() + two.ids.tolist() for one, two in zip(*ranks, strict=True)] == whole


def test_a_rank_takes_its_part_of_the_memory(table):
    feed = FEEDS["numbers"](table, batch_size=BATCH, cache="never").prepare()
    with_all = feed.epoch()
    taken = feed.stage.share.held("epochs")
    with_all.close()
    stream = feed.epoch(rank=Rank(1, 8))
    assert feed.stage.share.held("epochs") < taken / 4
    stream.close()
    assert not feed.stage.share.held("epochs")
    stream = feed.epoch(rank=Rank(0, 1))
    assert feed.stage.share.held("epochs") == taken
    stream.close()


def test_more_ranks_than_rows_of_a_batch_are_refused(table):
    feed = FEEDS["numbers"](table, batch_size=BATCH)
    with pytest.raises(OptionError, match="25 ranks cannot share batches of 24 rows: raise batch_size="):
        feed.epoch(rank=Rank(0, BATCH + 1))
