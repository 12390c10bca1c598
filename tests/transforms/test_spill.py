"""Arrays in a temporary file: whole, or put in parts into room that was reserved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from stoker.errors import MemoryBudgetError
from stoker.transforms.spill import Spill


@pytest.fixture
def spill() -> Iterator[Spill]:
    made = Spill()
    yield made
    made.close()


def test_reserved_room_is_filled_in_parts_and_read_at_once(spill):
    before = spill.write(np.arange(3))
    room = spill.reserve(7, np.int32)
    behind = spill.write(np.arange(4.0))
    spill.put(room, 4, np.array([5, 6, 7]))
    spill.put(room, 0, np.arange(4))
    assert spill.read(room).tolist() == [0, 1, 2, 3, 5, 6, 7]
    assert spill.read(room).dtype == np.int32
    assert (spill.read(before).tolist(), spill.read(behind).tolist()) == ([0, 1, 2], [0.0, 1.0, 2.0, 3.0])
    assert spill.num_bytes == 3 * 8 + 7 * 4 + 4 * 8


def test_what_is_put_takes_the_place_of_what_was_there(spill):
    room = spill.write(np.arange(5))
    spill.put(room, 1, np.array([9, 8]))
    assert spill.read(room).tolist() == [0, 9, 8, 3, 4]


def test_no_room_needs_no_file(spill):
    assert spill.read(spill.write(np.empty(0, np.int64))).tolist() == []


def test_room_that_the_disk_has_not_got_is_refused(spill):
    with pytest.raises(MemoryBudgetError, match="set TMPDIR to a folder on a larger disk"):
        spill.reserve(1 << 60, np.uint8)
