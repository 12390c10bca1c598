"""Terms of texts: each n-gram that is known once, in the order of first occurrence, with its count."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from stoker.kernels.ngrams import file_pairs
from stoker.kernels.terms import find_terms

NUM_WORDS = 6_000


def known_pairs(rng):
    """Pairs of words that are nodes, and the table in which they are found: half full, some collide."""
    pairs = np.unique(rng.integers(0, NUM_WORDS, (30_000, 2)), axis=0)
    codes = pairs[:, 0].astype(np.uint64) << np.uint64(32) | pairs[:, 1].astype(np.uint64)
    table = np.zeros(2 << 16, np.uint64)
    file_pairs(codes, NUM_WORDS, table)
    return {tuple(pair): NUM_WORDS + place for place, pair in enumerate(pairs.tolist())}, table, pairs


def counted(text, nodes):
    """The terms of a text, found the slow way."""
    words = Counter(word for word in text if word >= 0)
    return words + Counter(nodes[pair] for pair in pairwise(text) if pair in nodes)


@pytest.mark.parametrize("size", [0, 1, 300, 20_000])
def test_a_known_ngram_of_a_text_is_given_once_with_its_count_however_many_share_a_slot(size):
    rng = np.random.default_rng(size)
    nodes, table, pairs = known_pairs(rng)
    texts = []
    for _ in range(3):
        words = np.concatenate([rng.integers(-1, NUM_WORDS, size), pairs[: size // 3].ravel()])
        texts.append(np.tile(words, 2).tolist())
    stream = np.array([word for text in texts for word in text], np.int32)
    ends = np.cumsum([len(text) for text in texts])
    found, counts = np.empty((2, 2 * stream.size), np.int32)
    term_ends = np.empty(len(texts), np.int64)

    find_terms(stream, ends, np.empty(0, np.int32), 2, table, found, counts, term_ends)

    start = 0
    for text, end in zip(texts, term_ends.tolist(), strict=True):
        given = list(zip(found[start:end].tolist(), counts[start:end].tolist(), strict=True))
        assert given == list(counted(text, nodes).items())
        start = end
