"""A feed yields the same batches wherever its rows are kept, and every mistake is told before training."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stoker
from stoker import backends
from stoker.errors import (
    ChangedDataError,
    ColumnError,
    DataError,
    MemoryBudgetError,
    OptionError,
)

ROWS = 5_000


def write_table(path, *, rows=ROWS, columns=6, classes=3, seed=1, label="label"):
    """Integers 0-255 in x0…, and a label that they decide."""
    values = np.random.default_rng(seed).integers(0, 256, (rows, columns))
    labels = values.sum(axis=1) * classes // (256 * columns)
    header = ",".join([label, *(f"x{column}" for column in range(columns))])
    table = np.column_stack([labels, values])
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in table.tolist()), ""]))
    return table


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    return path, write_table(path)


def batches_of(feed, epoch=0, start=0):
    return list(feed.epoch(epoch, start))


def rows_of(feed, epoch=0):
    return np.concatenate([batch.ids for batch in batches_of(feed, epoch)])


def feeds_of(path, **options):
    """Of rows that are kept in memory, of those of the file and of those of a cache."""
    from stoker import cache as caching

    made = [stoker.Feed(stoker.open(path, label="label"), **options, cache="never") for _ in range(3)]
    kept, raw, cached = (feed.prepare() for feed in made)
    assert kept.survey.kept is not None
    raw_reader = raw.survey.source.reader(raw.survey.index, raw.survey.excluded, raw.survey.dtype)
    raw._prepared = replace(raw.stage, reader=raw_reader)
    cached._prepared = replace(cached.stage, reader=caching.build(cached.survey, raw_reader))
    return made


@pytest.mark.parametrize("shuffle", [True, "exact", False])
def test_memory_cache_and_raw_files_give_the_same_batches(table, shuffle):
    feeds = feeds_of(table[0], batch_size=64, shuffle=shuffle, seed=3)
    for epoch in (0, 1):
        for one, two, three in zip(*(batches_of(feed, epoch) for feed in feeds), strict=True):
            assert one.ids.tolist() == two.ids.tolist() == three.ids.tolist()
            assert one.x.tobytes() == two.x.tobytes() == three.x.tobytes()
            assert one.y.tobytes() == two.y.tobytes() == three.y.tobytes()
            assert one.order_digest == two.order_digest == three.order_digest


@pytest.mark.parametrize("shuffle", [True, "exact", False])
def test_batches_that_their_receiver_poisons_spoil_no_other_and_stay_as_he_left_them(table, shuffle):
    for feed in feeds_of(table[0], batch_size=64, shuffle=shuffle, seed=3):
        expected = [(batch.x.copy(), batch.y.copy()) for batch in feed.epoch()]
        held = []
        for _ in range(2):
            for batch, (x, y) in zip(feed.epoch(), expected, strict=True):
                assert (batch.x == x).all()
                assert (batch.y == y).all()
                batch.x[:], batch.y[:] = np.nan, -1
                held.append(batch)
        gc.collect()
        assert all(np.isnan(batch.x).all() and (batch.y == -1).all() for batch in held)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_the_number_of_workers_changes_nothing(table, workers):
    path, _ = table
    one = stoker.Feed(stoker.open(path, label="label"), batch_size=32, seed=5, memory="6MB", workers=2)
    other = stoker.Feed(
        stoker.open(path, label="label"), batch_size=32, seed=5, memory="6MB", workers=workers
    )
    for mine, yours in zip(batches_of(one), batches_of(other), strict=True):
        assert mine.x.tobytes() == yours.x.tobytes()
        assert mine.digest_words.tolist() == yours.digest_words.tolist()


def test_every_row_comes_once_an_epoch_and_holds_what_the_file_says(table):
    path, values = table
    feed = stoker.Feed(
        stoker.open(path, label="label"), transform=stoker.Cast(), batch_size=128, seed=1, memory="6MB"
    )
    assert sorted(rows_of(feed).tolist()) == list(range(ROWS))
    assert rows_of(feed).tolist() != rows_of(feed, epoch=1).tolist()
    for batch in batches_of(feed):
        assert (batch.x == values[batch.ids, 1:]).all()
        assert (batch.y == values[batch.ids, 0]).all()


def test_seeking_gives_the_rest_of_the_epoch(table):
    path, _ = table
    feed = stoker.Feed(stoker.open(path, label="label"), batch_size=64, memory="6MB")
    whole = batches_of(feed, epoch=2)
    rest = batches_of(feed, epoch=2, start=50)
    assert [batch.ids.tolist() for batch in whole[50:]] == [batch.ids.tolist() for batch in rest]


def test_the_inputs_are_standardised_by_the_training_part_alone(table):
    path, values = table
    train, valid = stoker.open(path, label="label").split(0.8, seed=4)
    feed = stoker.Feed(train, batch_size=100, shuffle=False)
    ids = rows_of(feed)
    inputs = np.concatenate([batch.x for batch in batches_of(feed)])
    columns = values[ids, 1:].astype(float)
    np.testing.assert_allclose(inputs, (columns - columns.mean(0)) / columns.std(0), atol=1e-5)
    held_out = feed.derive(valid)
    assert sorted([*ids, *rows_of(held_out)]) == list(range(ROWS))
    others = np.concatenate([batch.x for batch in batches_of(held_out)])
    np.testing.assert_allclose(
        others, (values[rows_of(held_out), 1:] - columns.mean(0)) / columns.std(0), atol=1e-5
    )
    assert held_out.survey is feed.survey


def test_other_files_are_read_with_the_training_types_and_columns_matched_by_name(table, tmp_path):
    path, _ = table
    (tmp_path / "valid.csv").write_text("x5,x4,x3,x2,x1,x0,label\n6,5,4,3,2,1,0\n1,2,3,4,5,6,2\n")
    feed = stoker.Feed(stoker.open(path, label="label"), transform=stoker.Cast())
    (batch,) = batches_of(feed.derive(tmp_path / "valid.csv"))
    assert batch.x.tolist() == [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]]
    assert batch.y.tolist() == [0, 2]


def test_rows_without_labels_can_be_derived_for_prediction(table, tmp_path):
    path, _ = table
    (tmp_path / "new.csv").write_text("x0,x1,x2,x3,x4,x5,name\n1,2,3,4,5,6,ann\n6,5,4,3,2,1,bob\n")
    feed = stoker.Feed(stoker.open(path, label="label"))
    (batch,) = batches_of(feed.derive(tmp_path / "new.csv", label=False, keep=("name",)))
    assert batch.y is None
    assert batch.kept["name"].to_pylist() == ["ann", "bob"]


def test_labels_that_training_never_saw_are_named(table, tmp_path):
    path, _ = table
    (tmp_path / "valid.csv").write_text("label,x0,x1,x2,x3,x4,x5\n9,1,2,3,4,5,6\n0,1,2,3,4,5,6\n")
    feed = stoker.Feed(stoker.open(path, label="label"))
    with pytest.raises(DataError, match=r"holds 9, which training never saw \(it knows 0, 1, 2\)"):
        feed.derive(tmp_path / "valid.csv")


def test_text_labels_become_class_indices_with_names(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,kind\n" + "".join(f"{n},{'dog' if n % 2 else 'cat'}\n" for n in range(40)))
    feed = stoker.Feed(stoker.open(path, label="kind"), batch_size=10, shuffle=False)
    assert feed.classes == ("cat", "dog")
    assert feed.spec.task == "binary"
    assert batches_of(feed)[0].y.tolist() == [0, 1] * 5


def test_a_number_to_regress_on_comes_as_float32(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("x,price\n" + "".join(f"{n},{n / 8}\n" for n in range(50)))
    feed = stoker.Feed(stoker.open(path, label="price"), batch_size=50, shuffle=False)
    assert (feed.spec.task, feed.classes, feed.spec.num_outputs) == ("regression", None, 1)
    (batch,) = batches_of(feed)
    assert batch.y.dtype == np.float32
    assert batch.y[:3].tolist() == [0.0, 0.125, 0.25]


def test_class_weights_reach_the_batches(tmp_path):
    path = tmp_path / "w.csv"
    path.write_text("x,y\n" + "".join(f"{n},{int(n < 10)}\n" for n in range(40)))
    feed = stoker.Feed(stoker.open(path, label="y"), shuffle=False, class_weight="balanced")
    (batch,) = batches_of(feed)
    assert batch.sample_weight[0] == 2.0
    assert batch.sample_weight[-1] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("na", "first"), [("mean", [1.5, 1.0, 2.0]), ("zero", [0.0, 1.0, 2.0]), ("drop-row", [1.0, 2.0])]
)
def test_blanks_become_what_was_asked_for(tmp_path, na, first):
    path = tmp_path / "na.csv"
    path.write_text("x,y\n,0\n1,1\n2,0\n1,1\n2,0\n1,1\n2,0\n")
    feed = stoker.Feed(
        stoker.open(path, label="y"),
        transform=stoker.Cast(na="error" if na == "drop-row" else na),
        na=na,
        shuffle=False,
    )
    (batch,) = batches_of(feed)
    assert batch.x[: len(first), 0].tolist() == first


def test_the_ledger_stays_below_the_memory_over_epochs_and_validation(table, tmp_path):
    path, _ = table
    write_table(tmp_path / "valid.csv", rows=2000, seed=9)
    feed = stoker.Feed(stoker.open(path, label="label"), batch_size=32, memory="6MB", cache="never")
    valid = feed.derive(tmp_path / "valid.csv")
    for epoch in range(3):
        sizes = [batch.size for batch in feed.epoch(epoch)] + [batch.size for batch in valid.epoch(0)]
        assert sum(sizes) == ROWS + 2000
    assert 0 < feed.ledger.peak <= 6_000_000


@pytest.mark.parametrize(("shuffle", "columns"), [(True, 20), ("exact", 20), (True, 1)])
def test_what_is_really_allocated_stays_below_the_memory(tmp_path, shuffle, columns):
    write_table(tmp_path / "t.csv", rows=60_000, columns=columns)
    feed = stoker.Feed(
        stoker.open(tmp_path / "t.csv", label="label"),
        batch_size=64,
        shuffle=shuffle,
        memory="6MB",
        cache="never",
        class_weight="balanced",
    )
    feed.prepare()
    reader = feed.survey.source.reader(feed.survey.index, feed.survey.excluded, feed.survey.dtype)
    feed._prepared = replace(feed.stage, reader=reader, read_bytes=1 << 20)
    next(feed.epoch(0))
    tracemalloc.start()
    try:
        sizes = sum(batch.size for batch in feed.epoch(1)) if shuffle is True else first_rows(feed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sizes > 0
    assert peak <= 6_000_000


def test_every_array_of_a_batch_is_charged(table):
    feed = stoker.Feed(stoker.open(table[0], label="label"), batch_size=64, class_weight="balanced")
    stream = feed.epoch(0)
    batch = next(stream)
    stream.close()
    feed.close()
    gc.collect()
    for held in (batch.y, batch.sample_weight, batch.ids, batch.digest_words):
        assert feed.ledger.held("batches") >= held.nbytes
    targets = batch.y
    del batch, held
    gc.collect()
    # Batches are made in groups: one that is held holds what was made with it.
    assert feed.ledger.held("batches") == targets.base.nbytes


def test_rows_left_out_are_charged_and_planned_for(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("x,y\n" + "".join(f"{'oops' if n % 3 else n},{n % 2}\n" for n in range(30_000)))
    feed = stoker.Feed(stoker.open(path, label="y", types={"x": "int"}), on_bad_row="skip")
    (places,) = [line for line in feed.plan.memory if line.name == "row places"]
    assert 2 * 20_000 <= feed.ledger.held("row places") <= places.num_bytes
    ledger = feed.ledger
    del feed
    gc.collect()
    assert ledger.held("row places") == 0


def derived_feeds(tmp_path, feed, count, rows=2_000):
    """Feeds of as many files, each of which would be kept in memory if it were alone."""
    for number in range(count):
        write_table(tmp_path / f"other{number}.csv", rows=rows, seed=number)
    return [feed.derive(tmp_path / f"other{number}.csv") for number in range(count)]


def test_feeds_derived_from_one_stay_below_its_memory_together(tmp_path):
    write_table(tmp_path / "table.csv", rows=60_000)
    source = stoker.open(tmp_path / "table.csv", label="label")
    feed = stoker.Feed(source, batch_size=32, memory="8MB", cache="never", workers=1)
    others = derived_feeds(tmp_path, feed, 4, rows=40_000)
    kept = [other.survey.kept is not None for other in others]
    assert kept.count(True) in (1, 2, 3), "the later ones are read from their files"
    alone = [[batch.x.copy() for batch in other.epoch()] for other in others]
    streams = [feed.epoch(), *(other.epoch() for other in others[:2])]
    together = list(zip(*streams[1:], strict=True))
    for one, two in zip(alone[:2], zip(*together, strict=True), strict=True):
        assert all((a == b.x).all() for a, b in zip(one, two, strict=True))
    del together, two, streams
    assert feed.ledger.peak <= 8_000_000


def test_an_epoch_for_which_others_leave_no_room_is_refused_until_they_are_closed(tmp_path):
    write_table(tmp_path / "table.csv")
    feed = stoker.Feed(stoker.open(tmp_path / "table.csv", label="label"), batch_size=32, memory="8MB")
    (other,) = derived_feeds(tmp_path, feed, 1, rows=70_000)
    streams = []

    def open_many():
        for _ in range(50):
            streams.append(other.epoch())

    with pytest.raises(MemoryBudgetError, match="close other epochs"):
        open_many()
    assert streams
    assert sum(batch.size for batch in feed.epoch()) == ROWS
    for stream in streams:
        stream.close()
    assert sum(batch.size for batch in other.epoch()) == 70_000
    assert feed.ledger.peak <= 8_000_000


def first_rows(feed):
    """Some batches: the exact order reads single rows, which takes its time."""
    stream = feed.epoch(1)
    sizes = sum(next(stream).size for _ in range(60))
    stream.close()
    return sizes


def test_a_rule_for_blanks_that_the_transform_does_not_know_is_refused(tmp_path):
    path = tmp_path / "na.csv"
    path.write_text("x,y\n,0\n1,1\n2,0\n1,1\n2,0\n")
    feed = stoker.Feed(stoker.open(path, label="y"), transform=stoker.Scale(), na="mean")
    with pytest.raises(OptionError, match="give the transform na='mean' too"):
        feed.prepare()


def test_a_closed_feed_holds_no_buffers_but_what_the_survey_kept(table):
    path, _ = table
    feed = stoker.Feed(stoker.open(path, label="label"), batch_size=32, memory="6MB", cache="never")
    before = feed.prepare().ledger.current
    batches_of(feed)
    feed.close()
    gc.collect()
    assert feed.ledger.current <= before


def test_the_allocator_is_prepared_before_the_first_thread_reads(table, monkeypatch):
    at = []
    monkeypatch.setattr(backends, "prepare_for_threads", lambda: at.append(set(threading.enumerate())))
    before = set(threading.enumerate())
    feed = stoker.Feed(stoker.open(table[0], label="label"))
    assert at == []
    batches_of(feed)
    feed.close()
    (there,) = at
    assert there <= before  # those of other tests may have ended


def test_closing_a_feed_that_was_never_used_reads_nothing(table):
    feed = stoker.Feed(stoker.open(table[0], label="label"))
    feed.close()
    assert not (table[0].parent / ".stoker").exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
@pytest.mark.parametrize("cache", ["never", "always"])
def test_a_forgotten_feed_leaves_no_file_open(tmp_path, cache):
    path = tmp_path / "large.csv"
    write_table(path, rows=48_000, columns=40)

    def feed():
        source = stoker.open(path, label="label")
        return stoker.Feed(source, batch_size=64, memory="6MB", cache=cache, workers=0)

    def held():
        gc.collect()
        opened = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
        return opened.count(os.path.realpath(path))

    rows_of(feed())
    assert held() == 0
    used = feed()
    rows_of(used)
    assert held() == (cache == "never")


def test_memory_too_small_for_a_window_is_refused_with_both_numbers(table):
    path, _ = table
    with pytest.raises(MemoryBudgetError, match=r"memory is 1,000,000 bytes.*need \d"):
        stoker.Feed(stoker.open(path, label="label"), memory="1MB").prepare()


def test_a_source_without_a_label_cannot_be_trained_on(table):
    path, _ = table
    with pytest.raises(ColumnError, match="label="):
        stoker.Feed(stoker.open(path)).prepare()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("table.csv", r"got str: write stoker\.Feed\(stoker\.open\('table\.csv', label=…\)"),
        (Path("table.csv"), r"got PosixPath: .*stoker\.open\('table\.csv'"),
        (pd.DataFrame({"x": [1], "y": [0]}), r"got DataFrame: write stoker\.Feed\(stoker\.open\(rows"),
        ({"x": [1], "y": [0]}, r"got dict: .*stoker\.open\(rows"),
    ],
)
def test_rows_that_were_not_opened_are_refused_at_once(rows, said):
    with pytest.raises(OptionError, match=said):
        stoker.Feed(rows)


def test_memory_must_be_a_size(table):
    with pytest.raises(OptionError, match="memory must be"):
        stoker.Feed(stoker.open(table[0], label="label"), memory="lots")


@pytest.mark.parametrize("change", ["rewrite", "shrink", "vanish"])
def test_a_file_that_changes_during_the_run_is_noticed_and_named(table, change):
    path, _ = table
    feed = stoker.Feed(stoker.open(path, label="label"), batch_size=32, memory="6MB", cache="never")
    feed.prepare()
    reader = feed.survey.source.reader(feed.survey.index, feed.survey.excluded, feed.survey.dtype)

    feed._prepared = replace(feed.stage, reader=reader)
    content = path.read_bytes()
    if change == "rewrite":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + b"7" + content[middle + 1 :])
        if path.read_bytes() == content:
            path.write_bytes(content[:middle] + b"8" + content[middle + 1 :])
    elif change == "shrink":
        os.truncate(path, len(content) // 2)
    else:
        path.unlink()
    with pytest.raises(ChangedDataError, match=r"table\.csv"):
        batches_of(feed)
