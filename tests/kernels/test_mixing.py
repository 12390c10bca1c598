"""The mixer, its permutations and its digests against plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stoker.kernels.mixing import (
    add_digests,
    batch_digests,
    feistel,
    feistel_inverse,
    fold,
    mix,
    mix_many,
    permute_in_place,
)

WORDS = st.integers(0, 2**64 - 1)


def finalised(word: int) -> int:
    """The finaliser of SplitMix64 on a Python integer."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def reference_mix(seed: int, value: int) -> int:
    return finalised(finalised((seed + 0x9E3779B97F4A7C15) % 2**64) ^ value)


@given(seed=WORDS, value=WORDS)
def test_the_mixer_agrees_with_plain_python_integers(seed, value):
    assert int(mix(np.uint64(seed), np.uint64(value))) == reference_mix(seed, value)


def test_digests_add_up_over_any_batches():
    ids = np.arange(1000, 1100)
    whole = digest(add_digests(3, 0, ids))
    parts = [digest(add_digests(3, at, ids[at : at + 30])) for at in range(0, 100, 30)]
    assert tuple(sum(values) % 2**128 for values in zip(*parts, strict=True)) == whole


def test_digests_tell_order_from_membership():
    ids = np.arange(100)
    forward, backward = digest(add_digests(0, 0, ids)), digest(add_digests(0, 0, ids[::-1].copy()))
    assert forward[0] != backward[0]
    assert forward[1] == backward[1]


def digest(words) -> tuple[int, int]:
    low, high, member_low, member_high = (int(word) for word in words)
    return low + (high << 64), member_low + (member_high << 64)


@given(seed=WORDS, values=st.lists(WORDS, max_size=5))
def test_folding_mixes_one_word_after_the_other(seed, values):
    key = seed
    for value in values:
        key = reference_mix(key, value)
    assert int(fold(np.uint64(seed), np.array(values, np.uint64))) == key
    many = mix_many(np.uint64(seed), np.array(values, np.uint64))
    assert [int(word) for word in many] == [reference_mix(seed, value) for value in values]


@given(size=st.integers(1, 5000), key=WORDS)
def test_feistel_is_a_permutation_with_an_inverse(size, key):
    images = feistel(np.arange(size), size, np.uint64(key))
    assert sorted(images.tolist()) == list(range(size))
    assert feistel_inverse(images, size, np.uint64(key)).tolist() == list(range(size))


@given(size=st.integers(0, 2000), key=WORDS)
def test_fisher_yates_keeps_every_item(size, key):
    items = np.arange(size)
    permute_in_place(items, np.uint64(key))
    assert sorted(items.tolist()) == list(range(size))


def test_digests_are_the_sums_of_128_bit_hashes():
    ids = np.array([5, 3, 8])
    epoch_key = reference_mix(1, 4)
    upper = 0xD1B54A32D192ED03
    order = members = 0
    for place, row in enumerate(ids.tolist(), 10):
        low = reference_mix(reference_mix(epoch_key, place), row)
        member = reference_mix(2, row)
        order += low + (finalised(low ^ upper) << 64)
        members += member + (finalised(member ^ upper) << 64)
    assert digest(add_digests(4, 10, ids)) == (order % 2**128, members % 2**128)
    first, second = batch_digests(4, np.array([10, 12]), ids, np.array([0, 2, 3]))
    assert first.tolist() == add_digests(4, 10, ids[:2]).tolist()
    assert second.tolist() == add_digests(4, 12, ids[2:]).tolist()
