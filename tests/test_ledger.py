"""The ledger knows what is held now and at the peak, and forgets what was collected."""

from __future__ import annotations

import gc
import threading

import numpy as np

from stoker.ledger import Ledger, allocated_bytes


def test_charges_and_releases_are_booked_by_kind():
    ledger = Ledger(limit=1000)
    raw, window = ledger.charge("raw", 100), ledger.charge("window", 300)
    raw.release()
    raw.release()
    ledger.charge("raw", 50)
    assert (ledger.current, ledger.peak) == (350, 400)
    assert ledger.peaks_by_kind == {"raw": 100, "window": 300}
    window.release()
    assert ledger.current == 50


def test_an_attached_array_is_charged_until_its_last_view_is_gone():
    ledger = Ledger(limit=1000)
    array = ledger.attach("batch", np.zeros(100, np.uint8))
    view = array[10:20]
    del array
    gc.collect()
    assert ledger.current == 100
    del view
    gc.collect()
    assert (ledger.current, ledger.peak) == (0, 100)


def test_threads_may_charge_at_once():
    ledger = Ledger(limit=1000)

    def work():
        for _ in range(500):
            with ledger.charge("x", 3):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.current == 0
    assert 3 <= ledger.peak <= 12


def test_a_charge_that_may_fail_is_made_only_within_the_limit():
    ledger = Ledger(limit=100)
    first = ledger.try_charge("epochs", 60)
    assert first is not None
    assert ledger.try_charge("epochs", 41) is None
    assert ledger.held("epochs") == 60
    first.release()
    assert ledger.try_charge("epochs", 100) is not None


def test_bytes_tied_to_an_object_go_with_it():
    class Owner:
        pass

    ledger, owner = Ledger(limit=100), Owner()
    ledger.tie("row places", 7, owner)
    assert ledger.held("row places") == 7
    del owner
    gc.collect()
    assert ledger.held("row places") == 0


def test_what_goes_by_the_model_is_told_apart_and_counts_for_no_limit():
    class Owner:
        pass

    ledger, owner = Ledger(limit=100), Owner()
    ledger.tie_aside("checkpoint", 5_000, owner)
    assert (ledger.held("checkpoint"), ledger.current, ledger.peak) == (5_000, 0, 0)
    assert ledger.try_charge("window", 100) is not None
    del owner
    gc.collect()
    assert ledger.held("checkpoint") == 0
    assert ledger.peaks_by_kind == {"checkpoint": 5_000, "window": 100}


def test_only_memory_of_the_process_counts_as_allocated(tmp_path):
    own = np.arange(10)
    np.save(tmp_path / "a.npy", own)
    assert allocated_bytes(own[2:]) == own[2:].nbytes
    assert allocated_bytes(np.asarray(np.load(tmp_path / "a.npy", mmap_mode="r"))[1:]) == 0
