"""Dictionaries that were written to a temporary file: what their numbers become in a list of all words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from stoker.ledger import Ledger
from stoker.transforms.retired import Retired
from stoker.transforms.spill import Spill
from stoker.transforms.wordlists import Dictionary, WordList
from stoker.transforms.wordspill import NUM_BUCKETS


def words_of(*spelled: str) -> WordList:
    return WordList.of(pa.array(spelled, pa.large_string()))


@pytest.fixture
def spill() -> Iterator[Spill]:
    made = Spill()
    yield made
    made.close()


def merged(retired: list[Retired], step: int) -> Dictionary:
    """All words, in one dictionary, of which every retired one notes the numbers."""
    known = Dictionary()
    for each in retired:
        each.forget_numbers()
    for first in range(0, NUM_BUCKETS, step):
        for each in retired:
            stop = min(first + step, NUM_BUCKETS)
            ids = np.empty(each.words.count(first, stop), np.int32)
            known.absorb(each.words.read(first, stop), ids=ids)
            each.add_numbers(ids)
    return known


@pytest.mark.parametrize("step", [1, 100, NUM_BUCKETS])
def test_a_table_leads_from_own_numbers_to_places_of_the_merged_list(spill, step):
    spelled = [[f"w{number * 7 % 500}" for number in range(300)], [f"w{number}" for number in range(600)]]
    retired = [
        Retired.of(Dictionary.of(pa.array(some, pa.large_string())), spill, Ledger(0)) for some in spelled
    ]
    for _ in range(2):  # a merge that begins anew forgets the one before
        known = merged(retired, step)
        names = known.words().spelled().to_pylist()
        order = np.argsort(np.array(names, object))
        ranks = np.full(len(names) + 1, -1, np.int32)
        ranks[order] = np.arange(len(names))
        ranks[names.index("w42")] = -1  # left out
        for each in retired:
            each.settle(ranks)
        places = {name: int(ranks[number]) for number, name in enumerate(names)}
        for each, some in zip(retired, spelled, strict=True):
            assert each.table().tolist() == [places[name] for name in some]


@pytest.mark.parametrize("count", [10, 70_000, 140_000])
def test_what_is_read_to_make_a_table_is_charged_and_is_little_more_than_the_table(spill, count):
    ledger, read = Ledger(1 << 30), []
    words = Dictionary.of(pa.array([f"w{number}" for number in range(count)], pa.large_string()))
    retired = Retired.of(words, spill, ledger)
    merged([retired], NUM_BUCKETS)
    before, reading = ledger.peak, spill.read

    def watched(*asked):
        read.append(reading(*asked).nbytes)
        return reading(*asked)

    spill.read = watched
    ranks = np.arange(count + 1, dtype=np.int32)
    retired.settle(ranks)
    at_once = 4 * count + max(map(sum, zip(read[::2], read[1::2], strict=True))) + max(read)
    assert ledger.peak - before == at_once <= 4 * count + 3 * (1 << 18)
    assert ledger.current == 0
    assert np.array_equal(np.sort(retired.table()), np.arange(count))


def test_words_that_are_counted_tell_their_numbers_also_where_the_dictionary_must_grow():
    known, words = Dictionary(), words_of(*(f"word number {number}" for number in range(5_000)))
    ids = np.empty(5_000, np.int32)
    known.absorb(words, ids=ids)
    np.testing.assert_array_equal(ids, np.arange(5_000))
    again = np.empty(2, np.int32)
    known.absorb(words_of("word number 3", "none of these"), ids=again)
    assert again.tolist() == [3, 5_000]
    assert known.numbers_of(words_of("nobody", "word number 7")).tolist() == [-1, 7]
    assert len(known) == 5_001
