"""Runs of counted n-grams: what is merged of them is what one table would hold."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from stoker.kernels.pairs import count_pairs
from stoker.ledger import Ledger
from stoker.transforms import runs, wordlists
from stoker.transforms.runs import Runs
from stoker.transforms.spill import Spill


def table_of(texts, capacity=1 << 13):
    """A table that counts the pairs of texts, which are lists of word numbers; and how many it holds."""
    table, nothing = np.zeros(2 * capacity, np.uint64), np.empty(0, np.int32)
    ends = np.cumsum([len(text) for text in texts])
    stream = np.concatenate(texts).astype(np.int32)
    row, used = count_pairs(stream, ends, nothing, 2, np.empty(0, np.uint64), table, 0, capacity, 0, 0)
    assert row == len(texts)
    return table, used


def pairs_of(text):
    return {(int(first) << 32) | int(last) for first, last in pairwise(text)}


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("memory", [1 << 20, 1 << 14, 64])
def test_merged_runs_are_what_one_table_would_hold(memory, hold, monkeypatch):
    draw, spill, ledger = np.random.default_rng(3), Spill(), Ledger(1 << 30)
    parts = [[draw.zipf(1.3, 40) % 500 for _ in range(60)] for _ in range(5)]
    reads = []
    read = Spill.read
    monkeypatch.setattr(Spill, "read", lambda *given: (reads.append(given[1]), read(*given))[1])
    runs = Runs(spill, ledger)
    for texts in parts:
        runs.add(*table_of(texts), hold=hold)
    expected = Counter(pair for texts in parts for text in texts for pair in pairs_of(text))
    for least in (1, 3):
        found = list(runs.merged(least, memory=memory, workers=0))
        together = {
            int(pair): int(count)
            for pairs, counts in found
            for pair, count in zip(pairs, counts, strict=True)
        }
        assert sum(len(pairs) for pairs, _ in found) == len(together)
        assert together == {pair: count for pair, count in expected.items() if count >= least}
    assert len(reads) == (0 if hold else 2 * 2 * len(parts) * len(found))
    assert len(found) <= 2 * max(1, 64 * runs.num_pairs // memory)
    del runs
    assert ledger.current == 0
    spill.close()


def test_words_and_pairs_are_the_same_however_many_are_moved_at_once(monkeypatch):
    words = pa.array(["a", "long" * 9, "é", "eight888", "nine99999", "b"], pa.large_string())
    order = np.array([4, 1, 1, 0, 3, 5, 2])
    table = np.zeros(2 << 6, np.uint64)
    pairs, texts = np.arange(40, dtype=np.uint64), np.arange(40, dtype=np.uint64) % 5
    table[2:82:2], table[3:83:2] = pairs + np.uint64(1), texts + (np.uint64(7) << np.uint64(32))
    for together in (2, 6, 1 << 14):
        monkeypatch.setattr(wordlists, "_TOGETHER", together)
        monkeypatch.setattr(runs, "_TOGETHER", together)
        assert wordlists.WordList.of(words).take(order).spelled() == words.take(pa.array(order))
        found, counts = runs.collected(table, 3)
        assert found.tolist() == [pair for pair in range(40) if pair % 5 >= 3]
        assert counts.tolist() == [pair % 5 for pair in found.tolist()]
