"""A shuffle through the disk is the direct take of the exact order, whatever memory, chunks and workers."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.conversion import steps as module
from stoker.conversion.converting import convert
from stoker.conversion.shuffling import Buckets, Order
from stoker.conversion.sizes import Runs, Sizes, runs_for
from stoker.errors import MemoryBudgetError, RunError
from stoker.ledger import Ledger
from stoker.samplers import make_sampler
from stoker.types import OrderSpec

SIZES = Sizes(chunk=1 << 16, keep=0, run=2_000, group=4_000, piece=700, block=0)


@pytest.fixture
def through_disk(monkeypatch):
    """``through_disk(**sizes)``: conversions keep nothing in memory and take in runs of a few rows."""

    def choose(**changes):
        chosen = dataclasses.replace(SIZES, **changes)
        monkeypatch.setattr(module.Sizes, "of", lambda *given, **named: chosen)

    choose()
    return choose


def written(folder, num_rows):
    path = folder / "rows.csv"
    lines = [f"{row},{'' if row % 5 else row / 2},t{row % 13}" for row in range(num_rows)]
    path.write_text("n,x,t\n" + "\n".join(lines) + "\n")
    return stoker.open(path)


def shuffled(source, folder, **options):
    out = folder / "out.arrow"
    report = convert(source, out, shuffle=True, overwrite=True, **options)
    return pa.feather.read_table(out), report


@settings(max_examples=examples(12))
@given(
    num_rows=st.integers(1, 400),
    seed=st.integers(0, 2**64 - 1),
    run=st.integers(100, 5_000),
    piece=st.integers(1, 4_000),
    ways=st.sampled_from([2, 3, 7, 5_000]),
    workers=st.integers(0, 2),
)
def test_rows_come_as_the_direct_take_gives_them(num_rows, seed, run, piece, ways, workers):
    """Whatever a run takes in, and into however many buckets it is divided at a time."""
    folder = Path(tempfile.mkdtemp())
    sizes = dataclasses.replace(SIZES, run=run, piece=piece, block=run // ways)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Sizes, "of", lambda *given, **named: sizes)
        found, report = shuffled(written(folder, num_rows), folder, seed=seed, workers=workers)
    spec = OrderSpec(
        kind="exact", seed=seed, batch_size=1, num_rows=num_rows, block=1, window=num_rows, lanes=1
    )
    order = make_sampler(spec).positions(epoch=0, start=0, stop=num_rows)
    assert found["n"].to_pylist() == order.tolist()
    assert found["t"].to_pylist() == [f"t{row % 13}" for row in order.tolist()]
    assert found["x"].to_pylist() == [None if row % 5 else row / 2 for row in order.tolist()]
    assert report.temporary_bytes > 0
    assert sorted(path.name for path in folder.iterdir()) == ["out.arrow", "rows.csv"]
    shutil.rmtree(folder)


def test_memory_and_disk_give_the_same_bytes(tmp_path, monkeypatch):
    source = written(tmp_path, 3_000)
    convert(source, tmp_path / "memory.csv", shuffle=True, seed=9)
    monkeypatch.setattr(module.Sizes, "of", lambda *given, **named: SIZES)
    convert(source, tmp_path / "disk.csv", shuffle=True, seed=9)
    assert (tmp_path / "memory.csv").read_bytes() == (tmp_path / "disk.csv").read_bytes()


def test_many_rows_take_the_permutation_that_is_not_stored(tmp_path, through_disk):
    through_disk(run=1 << 18, piece=1 << 16)
    path = tmp_path / "many.csv"
    path.write_text("n\n" + "\n".join(map(str, range(70_000))) + "\n")
    found, _ = shuffled(stoker.open(path), tmp_path, seed=4)
    order = Order(70_000, 4)
    assert np.array_equal(found["n"].to_numpy(), order.rows(np.arange(70_000)))
    assert np.array_equal(order.places(order.rows(np.arange(70_000))), np.arange(70_000))


@pytest.mark.usefixtures("through_disk")
def test_a_view_is_shuffled_as_if_it_were_all_there_is(tmp_path):
    part, _ = written(tmp_path, 600).split(0.5, seed=1)
    in_order = tmp_path / "part.arrow"
    convert(part, in_order)
    rows = pa.feather.read_table(in_order)
    found, _ = shuffled(part, tmp_path, seed=2)
    assert found.equals(rows.take(pa.array(Order(rows.num_rows, 2).rows(np.arange(rows.num_rows)))))


def test_every_place_is_equally_likely():
    counts = np.zeros((6, 6), np.int64)
    for seed in range(3_000):
        counts[np.arange(6), Order(6, seed).rows(np.arange(6))] += 1
    assert np.abs(counts - 500).max() < 110  # 5 standard deviations


@pytest.mark.usefixtures("through_disk")
def test_a_disk_without_room_is_told_beforehand(tmp_path, monkeypatch):
    source = written(tmp_path, 2_000)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("stoker.conversion.shuffling.shutil.disk_usage", lambda path: usage(9, 0, 9_000_000))
    with pytest.raises(MemoryBudgetError, match=r"temporary files beside the output, and .* has 9 MB free"):
        shuffled(source, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_more_buckets_than_a_run_has_bytes_for_are_come_to_by_way_of_larger_ones(tmp_path, through_disk):
    source = written(tmp_path, 3_000)
    rows, once = shuffled(source, tmp_path)
    through_disk(block=500)
    again, twice = shuffled(source, tmp_path)
    assert again.equals(rows)
    assert twice.temporary_bytes > 2 * once.temporary_bytes
    layout = SimpleNamespace(row_bytes=96, columns=("n", "x", "t"))
    sizes = dataclasses.replace(SIZES, run=2_000_000, block=64 << 10)
    runs = runs_for(10**8, layout, sizes)  # 10 GB in 16 MB
    counts = []
    while runs is not None:
        counts.append(runs.count)
        last, runs = runs, runs.inner
    assert max(counts) <= 2_000_000 // (64 << 10)
    assert last.rows == 20_000
    assert np.prod(counts) * last.rows >= 10**8


@pytest.mark.usefixtures("through_disk")
def test_a_disk_that_is_full_in_mid_run_leaves_nothing(tmp_path, monkeypatch):
    source = written(tmp_path, 500)

    def full(self, *given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stoker.conversion.shuffling.Buckets._write_block", full)
    with pytest.raises(RunError, match="cannot be written: No space left on device"):
        shuffled(source, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_disk_that_is_full_for_the_last_bytes_is_told(tmp_path):
    class Full(io.BytesIO):
        def flush(self):
            raise OSError(28, "No space left on device")

    runs = Runs(rows=1, count=1, num_bytes=1, limit=1)
    buckets = Buckets(Full(), tmp_path / "rows", pa.schema([]), runs, Ledger(1 << 20))
    with pytest.raises(RunError, match="cannot be written: No space left on device"):
        next(iter(buckets.tables(1, 1, len)))


@pytest.mark.usefixtures("through_disk")
def test_what_a_killed_shuffle_left_is_removed_by_the_next(tmp_path):
    source = written(tmp_path, 50)
    left = tmp_path / ".building-scratch-0123456789ab"
    left.mkdir()
    (left / "lock").write_bytes(b"")
    (left / "runs").write_bytes(b"rows")
    os.utime(left, (1, 1))
    shuffled(source, tmp_path)
    assert not left.exists()


def test_lists_and_bytes_go_through_the_disk_as_they_are(tmp_path, through_disk):
    rng = np.random.default_rng(3)
    lists = [rng.integers(0, 9, size).tolist() or None for size in rng.integers(0, 5, 300)]
    known = pa.table({"id": np.arange(300), "x": lists, "b": [bytes(each or []) or None for each in lists]})
    found, _ = shuffled(stoker.open(known), tmp_path, seed=9)
    assert found["id"].to_pylist() != known["id"].to_pylist()
    assert found.sort_by("id").to_pydict() == known.to_pydict()
