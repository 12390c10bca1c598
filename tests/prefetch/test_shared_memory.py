"""What a child returns arrives as it was, in memory that belongs to the receiver."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np
import psutil
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from property_examples import examples
from stoker.prefetch import Processes, prefetch
from stoker.prefetch.slots import Region, Slots

pytestmark = pytest.mark.timeout(60)

cloudpickle.register_pickle_by_value(sys.modules[__name__])

LARGE = 1 << 18
"""Values that do not fit into a message."""


def echo(task):
    return task


def make(task):
    return np.full(LARGE, task, np.int32)


@pytest.fixture(scope="module")
def remote():
    with Processes(echo, workers=1, name="echo") as processes:
        yield processes


@dataclass
class Record:
    x: Any
    y: Any


Pair = namedtuple("Pair", "x y")


def same(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.flags.writeable
        assert one.shape == other.shape
        if one.dtype.hasobject:
            assert one.tolist() == other.tolist()
        else:
            assert one.tobytes() == other.tobytes()
    elif scipy.sparse.issparse(one):
        assert one.shape == other.shape
        for name in ("data", "indices", "indptr"):
            same(getattr(one, name), getattr(other, name))
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            same(left, right)
    elif isinstance(one, Record):
        same(vars(one), vars(other))
    else:
        np.testing.assert_equal(one, other)


def strided(array):
    """The same array with memory in another order, or with gaps."""
    options = [st.just(array), st.just(np.asfortranarray(array))]
    if array.ndim:
        options += [st.just(array[::-1]), st.just(np.repeat(array, 2, axis=0)[::2]), st.just(array.T)]
    return st.one_of(options)


dtypes = st.one_of(
    hnp.scalar_dtypes(),
    hnp.unicode_string_dtypes(),
    hnp.byte_string_dtypes(),
    hnp.array_dtypes(allow_subarrays=False),
)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)
native = dtypes.map(lambda dtype: dtype.newbyteorder("="))  # NumPy's pickles turn the bytes of times
arrays = hnp.arrays(native, shapes).flatmap(strided)
objects = hnp.arrays(object, shapes, elements=st.one_of(st.none(), st.text(), st.integers()), fill=st.none())
rows = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.sampled_from([0.0, 0.0, 1.5]),
)
leaves = st.one_of(arrays, objects, rows.map(scipy.sparse.csr_matrix), st.none(), st.text(), st.floats())
results = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.builds(Record, inner, inner),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow])
@given(result=results, padding=st.sampled_from([0, LARGE]))
def test_every_result_arrives_as_it_was_inline_and_in_shared_memory(remote, result, padding):
    there = remote((result, np.zeros(padding, np.uint8)))
    same(there[0], result)
    assert there[1].nbytes == padding


@pytest.mark.parametrize(
    "array",
    [
        np.arange(4 * LARGE).reshape(4, -1)[:, ::2],
        np.asfortranarray(np.arange(2 * LARGE).reshape(2, -1)),
        np.arange(LARGE).astype("M8[s]"),
        np.arange(LARGE).astype(">i4"),
        np.ma.masked_array(np.arange(LARGE), np.arange(LARGE) % 2),
        np.array(["text"] * LARGE, object),
        np.zeros(LARGE, [("x", "i4"), ("y", "f8", 3)]),
    ],
    ids=["with gaps", "by columns", "times", "big-endian", "masked", "objects", "records"],
)
def test_large_arrays_of_every_layout_arrive_as_they_were(remote, array):
    there = remote(array)
    assert type(there) is type(array)
    assert there.dtype == array.dtype
    np.testing.assert_array_equal(there, array)


def test_an_array_that_is_read_only_there_is_read_only_here(remote):
    array = np.zeros(LARGE)
    array.flags.writeable = False
    with Processes(lambda _: array, workers=1, name="read-only") as processes:
        assert not processes(None).flags.writeable


def test_arrays_lie_on_cache_lines(remote):
    there = remote([np.zeros(LARGE), np.zeros(3, np.uint8), np.zeros(5)])
    assert [array.ctypes.data % 64 for array in there] == [0, 0, 0]


def test_a_batch_that_is_held_is_never_written_again_while_later_ones_arrive():
    held = []
    with (
        Processes(make, workers=2, name="held") as processes,
        prefetch(processes, range(60), workers=2, in_flight=4, name="held") as batches,
    ):
        for number, batch in enumerate(batches):
            assert (batch == number).all()
            if number % 3 == 0:
                held.append((number, batch))
            elif number % 3 == 1:
                held.append((number, batch[5:10]))  # a view alone
            batch = None
    for number, batch in held:
        assert (batch == number).all()
        batch[:] = -1


def test_writing_into_a_batch_changes_no_other():
    with (
        Processes(make, workers=1, name="mine") as processes,
        prefetch(processes, range(12), workers=1, in_flight=3, name="mine") as batches,
    ):
        for number, batch in enumerate(batches):
            assert (batch == number).all()
            batch[:] = -1


def test_memory_is_used_again_when_batches_die():
    places = set()
    with (
        Processes(make, workers=1, name="again") as processes,
        prefetch(processes, range(40), workers=1, in_flight=2, name="again") as batches,
    ):
        for batch in batches:
            places.add(batch.ctypes.data)
            del batch
    assert len(places) <= 4


def test_batches_outlive_the_processes_that_made_them():
    with Processes(make, workers=1, name="outlived") as processes:
        batch = processes(7)
    gc.collect()
    assert (batch == 7).all()


def test_batches_may_grow_and_shrink():
    sizes = [LARGE, 10, 8 * LARGE, LARGE, 0, 32 * LARGE, 1]
    with Processes(lambda size: np.arange(size), workers=1, name="sizes") as processes:
        held = [processes(size) for size in sizes]
        assert all((batch == np.arange(size)).all() for batch, size in zip(held, sizes, strict=True))


@pytest.mark.slow
def test_a_thousand_batches_that_are_held_need_no_thousand_descriptors():
    before = psutil.Process().num_fds()
    with (
        Processes(lambda n: np.full(1 << 15, n), workers=2, name="many") as processes,
        prefetch(processes, range(1000), workers=2, in_flight=4, name="many") as batches,
    ):
        held = list(batches)
        assert psutil.Process().num_fds() < before + 300
    assert [int(batch[-1]) for batch in held] == list(range(1000))
    del held, batches, processes
    gc.collect()
    assert psutil.Process().num_fds() <= before


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks the system which files are open")
def test_what_a_child_starts_does_not_inherit_its_memory():
    def open_files_of_another(_):
        there = ["sh", "-c", "for file in /proc/self/fd/*; do readlink $file; done; sleep 0"]
        return np.zeros(LARGE), subprocess.run(there, capture_output=True, text=True).stdout

    with Processes(open_files_of_another, workers=1, name="started") as processes:
        processes(None)
        assert "stoker" not in processes(None)[1]
        assert "socket" not in processes(None)[1]


def test_a_lack_of_memory_is_an_error_in_its_place(monkeypatch):
    def too_much(_):
        import stoker.prefetch.slots as slots

        def fail(*_):
            raise OSError(12, "Cannot allocate memory")

        slots.os.ftruncate = fail
        return np.zeros(LARGE)

    with (
        Processes(too_much, workers=1, name="large") as processes,
        pytest.raises(MemoryError, match="shared"),
    ):
        processes(None)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the other way is the only one")
def test_where_memory_has_no_files_an_unlinked_one_on_disk_serves(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Processes(make, workers=1, name="disk") as processes:
        assert (processes(3) == 3).all()
        assert not list(tmp_path.iterdir())


def test_a_region_on_a_kernel_that_cannot_make_pages_at_once_is_made_all_the_same(monkeypatch):
    monkeypatch.setattr("stoker.prefetch.slots._POPULATE_WRITE", 9999)
    region = Region()
    region.write([b"abcd"], [(0, 4)])
    assert bytes(region.lend(4)) == b"abcd"


def test_a_region_comes_back_when_the_last_view_is_gone_and_not_before():
    slots = Slots(most=4)
    region = slots.take()
    region.write([bytes(100)], [(0, 100)])
    array = np.frombuffer(slots.lend(region, 100), np.uint8)
    view = array[10:20]
    del array
    assert slots.take() is not region
    del view
    assert slots.take() is region
