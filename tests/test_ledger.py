"""The ledger knows what is held now and at the peak, and forgets what was collected."""

from __future__ import annotations

import gc
import threading

import numpy as np

from stoker.ledger import Ledger


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
