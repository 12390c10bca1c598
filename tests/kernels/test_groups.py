import time

import numpy as np
import pytest

from stoker.kernels.groups import GROUP, WORDS, mark_groups, members_of, ranks_of
from stoker.kernels.mixing import mix_many

SEED = np.uint64(11)


def bits_of(words):
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:GROUP]


@pytest.mark.parametrize("wanted", [0, 1, 500, 999, 1_000])
def test_the_marked_ordinals_have_the_smallest_hashes(wanted):
    table = np.empty((3, WORDS), np.uint64)
    mark_groups(SEED, 2_300, 0, wanted, 0, 20, 0, table)
    for group, (size, count) in enumerate([(1_000, wanted), (1_000, wanted), (300, 20)]):
        ordinals = np.arange(group * GROUP, group * GROUP + size)
        order = np.argsort(mix_many(SEED, ordinals.astype(np.uint64)), kind="stable")
        assert np.array_equal(np.flatnonzero(bits_of(table[group])), np.sort(order[:count]))


@pytest.mark.parametrize("part", [0, 1])
def test_ranks_undo_members(part):
    size = 300 if part == 0 else 700
    ordinals = np.arange(2 * size + (20 if part == 0 else 280))
    nothing = np.empty((0, WORDS), np.uint64)
    parents = members_of(ordinals, SEED, 2_300, 100, 400, 5, 25, part, nothing)
    assert bool(np.all(np.diff(parents) > 0))
    ranks, inside = ranks_of(parents, SEED, 2_300, 100, 400, 5, 25, part, nothing)
    assert inside.all()
    assert np.array_equal(ranks, ordinals)


def test_the_rank_of_one_outside_counts_the_members_before_it():
    nothing = np.empty((0, WORDS), np.uint64)
    ranks, inside = ranks_of(np.arange(2_300), SEED, 2_300, 100, 400, 5, 25, 0, nothing)
    assert np.array_equal(ranks, np.cumsum(inside) - inside)


@pytest.mark.parametrize(
    ("below", "upto"), [(0, 247), (0, 248), (0, 249), (248, 300), (240, 248), (248, 248)]
)
def test_hashes_that_begin_alike_are_told_apart(below, upto):
    # Under this seed two hashes of the group share their upper 32 bits, at ranks 247 and 248.
    first = 2_890 * GROUP
    hashes = mix_many(SEED, np.arange(first, first + GROUP, dtype=np.uint64))
    order = np.argsort(hashes)
    assert hashes[order[247]] >> np.uint64(32) == hashes[order[248]] >> np.uint64(32)
    table = np.empty((1, WORDS), np.uint64)
    mark_groups(SEED, first + GROUP, below, upto, 0, 0, 2_890, table)
    assert np.array_equal(np.flatnonzero(bits_of(table[0])), np.sort(order[below:upto]))


def test_members_of_thousands_of_groups_are_found_within_a_seek():
    ordinals = 900 * np.arange(0, 4_096 * 200, 200) + 5
    nothing = np.empty((0, WORDS), np.uint64)

    def seconds():
        start = time.thread_time()
        members_of(ordinals, SEED, 10**9, 0, 900, 0, 0, 0, nothing)
        return time.thread_time() - start

    seconds()
    assert min(seconds() for _ in range(5)) < 0.012
