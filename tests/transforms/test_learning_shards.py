"""Texts that others read, in parts, teach the very bits of those that one reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import cloudpickle
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.errors import OptionError
from stoker.transforms import HashingVectorizer, NgramVectorizer, SequenceVectorizer
from stoker.transforms.chunks import TextChunk, text_chunks

MEMORY = 16 << 20


class Parts:
    """Parts that are read by functions which came, and whose answers go, as bytes."""

    memory = MEMORY

    def __init__(self, texts: list[str], labels: Any, cuts: list[int]) -> None:
        self.bounds = [0, *sorted(cuts), len(texts)]
        self.texts, self.labels, self.passes = texts, np.array(labels, np.int64), 0

    def chunks(self, start: int, stop: int) -> Iterator[TextChunk]:
        return text_chunks(self.texts[start:stop], self.labels[start:stop])

    def each(self, function: Callable[..., Any], common: Any) -> Iterator[Any]:
        self.passes += 1
        for start, stop in pairwise(self.bounds):
            there, known = cloudpickle.loads(cloudpickle.dumps((function, common)))
            yield cloudpickle.loads(cloudpickle.dumps(there(known, self.chunks(start, stop))))


VECTORIZERS = [
    lambda: NgramVectorizer(min_df=1, max_features=9),
    lambda: NgramVectorizer(ngram_range=(1, 3), max_features=20, score="chi2", sublinear_tf=True),
    lambda: NgramVectorizer(ngram_range=(2, 2), min_df=1, max_terms=11, max_features=5),
    lambda: SequenceVectorizer(),
    lambda: SequenceVectorizer(max_tokens=4, oov_token="<oov>"),
    lambda: SequenceVectorizer(max_tokens=3, max_length=4),
]
words = st.sampled_from(["good", "bad", "film", "fun", "luck", "Über", "the", "42"])
texts = st.lists(st.lists(words, max_size=12).map(" ".join), min_size=12, max_size=40)


def fitted(vectorizer: Any, parts: Parts) -> bytes:
    whole = lambda: parts.chunks(0, len(parts.texts))  # noqa: E731
    return msgspec.json.encode(vectorizer.fit_passes(whole, num_classes=2, memory=MEMORY, workers=0).state())


@pytest.mark.timeout(120)
@settings(max_examples=examples(12), deadline=None)
@given(texts=texts, cuts=st.lists(st.integers(0, 12), max_size=4), seed=st.integers(0, 9))
def test_counts_places_and_scores_are_those_of_one_who_reads_all(texts, cuts, seed):
    texts = [*texts, "good film bad film", "good fun"]
    labels = np.random.default_rng(seed).integers(0, 2, len(texts))
    labels[:2] = 0, 1
    parts = Parts(texts, labels, cuts)
    for make in VECTORIZERS:
        try:
            expected = fitted(make(), parts)
        except Exception as error:
            with pytest.raises(type(error), match=str(error)[:20]):
                make().fit_shards(parts, memory=MEMORY, workers=0)
            continue
        shared = make().fit_shards(parts, memory=MEMORY, workers=0)
        assert msgspec.json.encode(shared.state()) == expected


def test_where_the_longest_texts_do_not_tell_all_are_looked_at_again():
    texts = [f"rare{row} " * 9 for row in range(300)] + ["the the the"] * 20
    parts = Parts(texts, [0] * len(texts), [100, 305])
    vectorizer = SequenceVectorizer(max_tokens=2)
    expected = fitted(SequenceVectorizer(max_tokens=2), parts)

    vectorizer.fit_shards(parts, memory=MEMORY, workers=0)

    assert parts.passes == 2
    assert msgspec.json.encode(vectorizer.state()) == expected


def test_ngrams_are_read_once_for_each_length_and_once_for_scores():
    parts = Parts(["good film", "bad film", "good fun", "bad luck"], [1, 0, 1, 0], [2])
    NgramVectorizer(min_df=1).fit_shards(parts, memory=MEMORY, workers=0)
    assert parts.passes == 3


def test_what_learns_nothing_from_texts_says_so():
    assert not HashingVectorizer().learns_in_parts
    with pytest.raises(OptionError, match="HashingVectorizer does not learn from texts in parts"):
        HashingVectorizer().fit_shards(Parts(["a"], [0], []))
