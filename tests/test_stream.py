"""An epoch arrives in its order, whatever the workers; what is yielded is the receiver's."""

from __future__ import annotations

import gc
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import ArrayReader, WholeView
from property_examples import examples
from stoker.buffers import BufferPool
from stoker.encoding import BatchEncoder
from stoker.errors import OptionError
from stoker.ledger import Ledger
from stoker.loader import Loader
from stoker.samplers import make_sampler
from stoker.stream import BatchStream
from stoker.transforms import Cast
from stoker.types import OrderSpec, Rank, Rows, StreamLimits

ROWS = 1_000
ARRAY = (np.arange(ROWS)[:, None] * 3 + np.arange(3)).astype(np.int32)


class Plain(Cast):
    """A transform that gathers and casts with NumPy alone."""

    num_outputs = 3

    def apply(self, rows: Rows, take: np.ndarray, out: np.ndarray) -> np.ndarray:
        out[:] = rows.matrix.values.reshape(-1, rows.matrix.num_columns)[rows.places(take)]
        return out


class Label:
    def apply(self, rows: Rows, take: np.ndarray) -> np.ndarray:
        return rows.columns["label"][rows.places(take)].astype(np.int32)


def spec_of(kind="block", batch=32, windows=4, rows=ROWS):
    return OrderSpec(
        kind=kind,
        seed=5,
        batch_size=batch,
        num_rows=rows,
        block=10 if kind == "block" else 1,
        window=batch * windows,
        lanes=1,
    )


def batch_bytes(spec, group):
    return group * spec.batch_size * Plain.num_outputs * 4


def stream_of(
    spec, *, reader=None, ledger=None, start=0, epoch=0, rank=None, workers=2, ahead=1, group=2, groups=3
):
    ledger = ledger or Ledger(10**9)
    reader = reader or ArrayReader(ARRAY)
    pool = BufferPool(ledger, "batches", num_bytes=batch_bytes(spec, group), most_idle=groups)
    encoder = BatchEncoder(
        inputs=Plain(), target=Label(), weight=None, class_weights=None, keep=(), pool=pool, ledger=ledger
    )
    limits = StreamLimits(
        workers=workers, windows_in_flight=ahead, group_batches=group, groups_in_flight=groups
    )
    loader = Loader(reader, WholeView(spec.num_rows), ledger, 1000, 20)
    return BatchStream(
        loader, make_sampler(spec), encoder, epoch=epoch, start_batch=start, rank=rank, limits=limits
    )


@settings(max_examples=examples(30))
@given(
    kind=st.sampled_from(["sequential", "exact", "block"]),
    workers=st.integers(0, 3),
    ahead=st.integers(0, 2),
    group=st.integers(1, 5),
    groups=st.integers(1, 4),
    start=st.integers(0, 32),
)
def test_batches_hold_the_samplers_rows_whatever_works_ahead(kind, workers, ahead, group, groups, start):
    spec = spec_of(kind)
    stream = stream_of(spec, start=start, epoch=2, workers=workers, ahead=ahead, group=group, groups=groups)
    batches = list(stream)
    expected = make_sampler(spec).positions(2, min(start * 32, ROWS), ROWS)
    found = np.concatenate([batch.ids for batch in batches]) if batches else np.empty(0, np.int64)
    assert found.tolist() == expected.tolist()
    for number, batch in enumerate(batches, start):
        assert batch.position.batches == number
        assert batch.size == len(batch.ids) == min(32, ROWS - number * 32)
        assert (batch.x == ARRAY[batch.ids]).all()
        assert (batch.y == batch.ids).all()


def test_digests_of_batches_add_up_to_the_epochs_and_do_not_depend_on_the_start():
    spec = spec_of()
    whole = [(b.order_digest, b.member_digest) for b in stream_of(spec)]
    resumed = [(b.order_digest, b.member_digest) for b in stream_of(spec, start=20)]
    assert whole[20:] == resumed
    other_order = sum(b.order_digest for b in stream_of(spec, epoch=1)) % 2**128
    other_members = sum(b.member_digest for b in stream_of(spec, epoch=1)) % 2**128
    assert other_members == sum(member for _, member in whole) % 2**128
    assert other_order != sum(order for order, _ in whole) % 2**128


def digests_of(batch):
    return np.array([batch.order_digest, batch.member_digest], object)


@settings(max_examples=examples(12))
@given(
    kind=st.sampled_from(["sequential", "exact", "block"]),
    count=st.integers(1, 40),
    start=st.integers(0, 32),
    group=st.integers(1, 5),
)
def test_the_ranks_batches_put_together_are_the_batches_and_so_are_their_digests(kind, count, start, group):
    spec = spec_of(kind)
    ranks = [
        list(stream_of(spec, epoch=1, start=start, rank=Rank(index, count), group=group, workers=0))
        for index in range(count)
    ]
    whole = list(stream_of(spec, epoch=1, start=start, workers=0))
    for batch, *parts in zip(whole, *ranks, strict=True):
        assert np.concatenate([part.ids for part in parts]).tolist() == batch.ids.tolist()
        assert {part.position for part in parts} == {batch.position}
        assert [part.size for part in parts] == [len(part.x) for part in parts]
        assert (np.concatenate([part.x for part in parts]) == batch.x).all()
        assert (sum(map(digests_of, parts)) % 2**128 == digests_of(batch)).all()


def test_a_rank_reads_its_rows_alone_and_the_ledger_is_charged_for_no_more():
    spec, reader, ledger = spec_of(), ArrayReader(ARRAY), Ledger(10**9)
    rows = np.concatenate([b.ids for b in stream_of(spec, reader=reader, ledger=ledger, rank=Rank(3, 8))])
    assert sorted(np.concatenate(reader.reads).tolist()) == sorted(rows.tolist())
    assert len(rows) == ROWS // 32 * 4
    whole = Ledger(10**9)
    list(stream_of(spec, ledger=whole))
    assert ledger.peak < whole.peak / 2


def test_a_yielded_batch_is_never_written_again_even_if_the_receiver_poisons_it():
    spec = spec_of()
    expected = [batch.x.copy() for batch in stream_of(spec)]
    held = []
    for number, batch in enumerate(stream_of(spec)):
        assert (batch.x == expected[number]).all()
        batch.x[:] = np.nan
        held.append(batch)
    gc.collect()
    assert all(np.isnan(batch.x).all() for batch in held)


def test_resuming_reads_one_window_again_and_skips_none():
    spec, reader = spec_of("sequential"), ArrayReader(ARRAY)
    list(stream_of(spec, reader=reader, start=9))
    read = np.sort(np.concatenate(reader.reads))  # two workers may begin in either order
    np.testing.assert_array_equal(read, np.arange(8 * 32, ROWS))


def test_closing_early_ends_every_thread_and_releases_every_buffer():
    ledger = Ledger(10**9)
    stream = stream_of(spec_of(), ledger=ledger)
    next(stream)
    assert ledger.current > 0
    stream.close()
    del stream
    gc.collect()
    assert ledger.current == 0
    assert not [t for t in threading.enumerate() if t.name.startswith(("stoker-read", "stoker-transform"))]


def test_the_ledger_stays_level_over_epochs():
    ledger, peaks = Ledger(10**9), []
    for epoch in range(4):
        sizes = [batch.size for batch in stream_of(spec_of(), ledger=ledger, epoch=epoch)]
        assert sum(sizes) == ROWS
        peaks.append(ledger.peak)
    assert peaks[-1] <= 1.5 * peaks[0]
    gc.collect()
    assert ledger.current == 0


def test_a_reader_that_fails_does_so_in_its_place_with_its_own_type():
    class Failing(ArrayReader):
        def read(self, ids):
            if len(self.reads) == 2:
                raise PermissionError("the disk went away")
            return super().read(ids)

    stream = stream_of(spec_of("sequential"), reader=Failing(ARRAY), workers=1)
    good = [next(stream) for _ in range(8)]
    assert [batch.position.batches for batch in good] == list(range(8))
    with pytest.raises(PermissionError, match="went away"):
        next(stream)
    assert list(stream) == []


def test_ready_never_blocks_on_a_window_that_is_still_read():
    release = threading.Event()

    class Slow(ArrayReader):
        def read(self, ids):
            if 0 not in ids:
                release.wait(10)
            return super().read(ids)

    stream = stream_of(spec_of("sequential"), reader=Slow(ARRAY), workers=2, ahead=1)
    first = [next(stream) for _ in range(4)]
    assert len(first) == 4
    assert not stream.ready()
    release.set()
    assert next(stream).position.batches == 4
    stream.close()


@pytest.mark.timeout(30)
def test_windows_become_batches_while_the_consumer_is_elsewhere(monkeypatch):
    release = threading.Event()

    def slowly(self, rows, take):
        time.sleep(0.05)
        return rows.columns["label"][rows.places(take)].astype(np.int32)

    class Slow(ArrayReader):
        def read(self, ids):
            release.wait(10)
            return super().read(ids)

    monkeypatch.setattr(Label, "apply", slowly)
    stream = stream_of(spec_of("sequential"), reader=Slow(ARRAY))
    assert not stream.ready()
    release.set()
    until = time.monotonic() + 10
    while not stream.ready() and time.monotonic() < until:
        time.sleep(0.01)
    assert stream.ready()
    stream.close()


def test_a_start_behind_the_end_is_refused():
    with pytest.raises(OptionError, match=r"start_batch must lie in \[0, 32\]"):
        stream_of(spec_of(), start=33)
