"""Lent memory is the receiver's until the last view of it is gone, and only then somebody else's."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from stoker.buffers import BufferPool, own_pages
from stoker.ledger import Ledger


def pool_of(num_bytes=4096, most_idle=2):
    ledger = Ledger(limit=10**6)
    return ledger, BufferPool(ledger, "batches", num_bytes=num_bytes, most_idle=most_idle)


def address_of(array):
    return array.__array_interface__["data"][0]


def test_memory_that_nobody_holds_is_lent_again():
    _, pool = pool_of()
    first = pool.lend((16, 8), np.float32)
    address = address_of(first)
    del first
    assert address_of(pool.lend((8, 8), np.float32)) == address


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array[3:5],
        lambda array: array.reshape(-1)[1:].view(np.uint8),
        lambda array: memoryview(array),
        lambda array: np.asarray(array).T[2],
    ],
)
def test_memory_that_a_view_still_shows_is_not_lent_again(hold):
    _, pool = pool_of()
    array = pool.lend((16, 8), np.float32)
    array[:] = 7
    held = hold(array)
    before = bytes(held)
    address = address_of(array)
    del array
    gc.collect()
    other = pool.lend((16, 8), np.float32)
    other[:] = -1
    assert address_of(other) != address
    assert bytes(held) == before


def test_memory_is_aligned_for_use_in_place():
    _, pool = pool_of()
    arrays = [pool.lend((4, 4), np.float32) for _ in range(5)]
    assert {address_of(array) % 64 for array in arrays} == {0}


def test_buffers_are_charged_until_they_are_freed():
    ledger, pool = pool_of(most_idle=1)
    arrays = [pool.lend((4096,), np.uint8) for _ in range(3)]
    assert ledger.current == 3 * (4096 + 64)
    arrays.clear()
    gc.collect()
    assert ledger.current == 4096 + 64
    pool.close()
    gc.collect()
    assert ledger.current == 0


def test_what_is_larger_than_a_buffer_is_made_and_freed():
    ledger, pool = pool_of()
    array = pool.lend((5000,), np.uint8)
    assert array.nbytes == 5000
    del array
    gc.collect()
    assert ledger.current == 0


def test_a_loan_of_nothing_is_an_empty_array():
    assert pool_of()[1].lend((3, 0), np.float32).shape == (3, 0)


def test_a_loan_outlives_its_pool():
    _, pool = pool_of()
    array = pool.lend((16,), np.float32)
    array[:] = 3
    pool.close()
    del pool
    gc.collect()
    assert (array == 3).all()


def test_threads_never_share_a_loan():
    _, pool = pool_of()
    torn = []

    def work(value):
        for _ in range(300):
            array = pool.lend((64,), np.float32)
            array[:] = value
            if not (array == value).all():
                torn.append(value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torn


def test_jax_may_use_a_loan_in_place_and_still_owns_it():
    jnp = pytest.importorskip("jax.numpy")
    _, pool = pool_of()
    array = pool.lend((16, 8), np.float32)
    array[:] = 5
    held = jnp.asarray(array)
    del array
    gc.collect()
    other = pool.lend((16, 8), np.float32)
    other[:] = -1
    assert (np.asarray(held) == 5).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_of_its_own_go_with_the_array_that_another_thread_lets_go_of():
    def resident():
        return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) << 10

    before, held = resident(), []
    for _ in range(32):
        held += [own_pages(1 << 20), own_pages(100)]
        held[-2][:] = 1
    assert resident() - before > 30 << 20
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert resident() - before < 2 << 20


def test_more_memory_than_there_is_is_refused():
    with pytest.raises(MemoryError, match="are not to be had"):
        own_pages(1 << 60)
