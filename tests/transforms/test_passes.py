"""How often texts are read to learn from, in which forms they come, and by how many threads at once."""

from __future__ import annotations

import csv
import threading
from collections import Counter
from functools import partial
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa
import pytest

import stoker
from stoker.transforms import HashingVectorizer, NgramVectorizer, SequenceVectorizer, wordcounts
from stoker.transforms.corpus import Corpus

pytestmark = pytest.mark.timeout(120)

NUM_TEXTS = 3_000


def texts_and_labels() -> tuple[list[str], list[int]]:
    draw = np.random.default_rng(4)
    lengths = draw.integers(0, 25, NUM_TEXTS)
    texts = [" ".join(f"w{word}" for word in draw.zipf(1.3, length) % 700) for length in lengths]
    return texts, draw.integers(0, 3, NUM_TEXTS).tolist()


TEXTS, LABELS = texts_and_labels()
FORMS = {
    "n-grams": partial(NgramVectorizer, max_features=400),
    "n-grams by chi2": partial(NgramVectorizer, max_features=400, score="chi2", sublinear_tf=True),
    "n-grams of three": partial(NgramVectorizer, ngram_range=(1, 3), max_features=400),
}


def state_of(vectorizer) -> bytes:
    return msgspec.json.encode(vectorizer.state())


@pytest.fixture
def source(tmp_path):
    with open(tmp_path / "t.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("label", "text"), *zip(LABELS, TEXTS, strict=True)])
    return stoker.open(tmp_path / "t.csv", label="label", text="text")


@pytest.fixture
def reads(source, monkeypatch):
    """How often the files of a source were read from their first byte."""
    counts, chunks = Counter(), type(source.table).chunks

    def counting(self, target_bytes):
        counts["files"] += 1
        return chunks(self, target_bytes)

    monkeypatch.setattr(type(source.table), "chunks", counting)
    return counts


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_ngrams_are_learned_from_one_reading_of_a_source(source, reads, make):
    make().fit(source)
    assert reads["files"] == 1


def test_a_part_of_a_source_is_read_once_more_to_be_counted(source, reads):
    NgramVectorizer().fit(source.split(0.8, seed=1)[0])
    assert reads["files"] == 2
    reads.clear()
    NgramVectorizer().fit(source.head(1_000))
    assert reads["files"] == 1


def test_sequences_are_learned_from_two_readings_at_most(source, reads):
    SequenceVectorizer().fit(source)
    assert reads["files"] == 1
    reads.clear()
    SequenceVectorizer(max_tokens=3).fit(source)
    assert reads["files"] == 2


@pytest.mark.parametrize("make", [*FORMS.values(), partial(SequenceVectorizer, max_tokens=3)])
@pytest.mark.parametrize("memory", ["64MB", "1GB"])
def test_a_feed_reads_its_files_once_and_has_its_texts_learned_from_twice_at_most(
    source, reads, make, memory
):
    passes = []

    class Counting(type(make())):
        def fit_passes(self, given, **resources):
            return super().fit_passes(lambda: (passes.append(1), given())[1], **resources)

    kind = make()
    counting = Counting(**kind.options())
    feed = stoker.Feed(source, transform=counting, memory=memory, batch_size=32).prepare()
    assert reads["files"] == 1
    assert len(passes) == (2 if isinstance(kind, SequenceVectorizer) else 1)
    feed.close()


@pytest.mark.parametrize("form", [iter, tuple, lambda values: (value for value in values), pa.array])
def test_texts_and_labels_may_be_any_iterables(form):
    expected = NgramVectorizer(max_features=400).fit(TEXTS, LABELS)
    found = NgramVectorizer(max_features=400).fit(form(TEXTS), form(LABELS))
    assert state_of(found) == state_of(expected)


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("cuts", [(1_500,), (1, 2_999), (700, 700, 2_048)])
def test_shards_that_were_read_apart_come_to_the_bits_of_one_fit_scores_included(make, cuts):
    expected = make().fit(TEXTS, LABELS)
    shards = [
        make().partial_fit(TEXTS[start:stop], LABELS[start:stop])
        for start, stop in pairwise([0, *cuts, NUM_TEXTS])
    ]
    merged = make()
    for shard in shards:
        merged.merge(shard)
    assert merged.scores_.tobytes() == expected.scores_.tobytes()
    assert merged.idf_.tobytes() == expected.idf_.tobytes()
    assert state_of(merged) == state_of(expected)
    rows, others = merged.transform(TEXTS), expected.transform(TEXTS)
    assert rows.data.tobytes() == others.data.tobytes()


@pytest.mark.parametrize(
    ("make", "owner", "name"),
    [(NgramVectorizer, Corpus, "_read"), (SequenceVectorizer, wordcounts, "_step")],
    ids=["n-grams", "sequences"],
)
def test_texts_are_read_by_as_many_threads_as_there_are_workers(make, owner, name, monkeypatch):
    """Two of them meet at the first thing that each does: neither goes on without the other."""
    meeting, threads, work = threading.Barrier(2), set(), getattr(owner, name)

    def met(*given):
        if threading.get_ident() not in threads:
            threads.add(threading.get_ident())
            meeting.wait(60)
        return work(*given)

    monkeypatch.setattr(owner, name, met)
    monkeypatch.setattr("stoker.transforms.chunks.CHUNK_TEXTS", NUM_TEXTS // 4)
    make().fit(TEXTS, LABELS, workers=2)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_hashing_holds_nothing_of_what_it_has_seen():
    vectorizer = HashingVectorizer(num_features=1 << 10)
    before = state_of(vectorizer), vectorizer.num_bytes
    vectorizer.fit(TEXTS, LABELS).transform(TEXTS)
    assert (state_of(vectorizer), vectorizer.num_bytes) == before
    assert before[1] == 0
