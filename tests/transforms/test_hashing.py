"""Hashed n-grams: each in the column that XXH64 tells, whatever the chunks, threads and texts."""

from __future__ import annotations

import csv
import pickle
from collections import Counter
from math import log, sqrt

import numpy as np
import pytest
import scipy.sparse
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

import stoker
from property_examples import examples
from stoker.errors import OptionError
from stoker.kernels.frozen import frozen
from stoker.kernels.hashing import hash_bytes
from stoker.transforms import HashingVectorizer
from stoker.transforms.chunks import text_chunks
from xxhash64 import xxh64

STRANGE = "abAB_9 İıΣςσß é e\u0301½ \ufb01 \u0000 \u05d0\u05d1\u202e 😀𐐀 \ufffd\ufdfa \t\n!'你好"
TEXTS = st.lists(
    st.text(st.one_of(st.sampled_from(STRANGE), st.characters(exclude_categories=["Cs"])), max_size=50),
    min_size=1,
    max_size=8,
)
OPTIONS = {
    "all of scikit-learn's": {},
    "few columns": {"num_features": 7},
    "one column": {"num_features": 1, "norm": None},
    "an odd number of columns": {"num_features": 1_000_003, "seed": 2**64 - 1, "norm": None},
    "without signs": {"alternate_sign": False, "ngram_range": (1, 1)},
    "one to four words": {"ngram_range": (1, 4), "num_features": 50, "sublinear_tf": True},
    "three words": {"ngram_range": (3, 3), "num_features": 50, "binary": True},
    "case and accents kept": {"lowercase": False, "strip_accents": None, "seed": 5},
}

every_option = pytest.mark.parametrize("name", OPTIONS)


def expected(texts: list[str], **given) -> scipy.sparse.csr_matrix:
    """Words by scikit-learn, hashes by their specification, the rest in plain Python."""
    options = HashingVectorizer(**given).options()
    analyze = CountVectorizer(
        ngram_range=tuple(options["ngram_range"]),
        lowercase=options["lowercase"],
        strip_accents=options["strip_accents"],
    ).build_analyzer()
    out = np.zeros((len(texts), options["num_features"]))
    for row, text in zip(out, texts, strict=True):
        for ngram, count in Counter(analyze(text)).items():
            digest = xxh64(ngram.encode(), options["seed"])
            row[digest % row.size] += -count if options["alternate_sign"] and digest >> 63 else count
        for column in np.flatnonzero(row):
            sign = 1 if row[column] > 0 else -1
            if options["binary"]:
                row[column] = sign
            elif options["sublinear_tf"]:
                row[column] = sign * (1 + log(abs(row[column])))
        if options["norm"] and row.any():
            row /= sqrt(sum(value * value for value in row[np.flatnonzero(row)]))
    return scipy.sparse.csr_matrix(out.astype(np.float32))


def assert_rows(rows: scipy.sparse.csr_matrix, wanted: scipy.sparse.csr_matrix) -> None:
    assert rows.shape == wanted.shape
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.indptr, wanted.indptr)
    np.testing.assert_array_equal(rows.indices, wanted.indices)
    np.testing.assert_allclose(rows.data, wanted.data, rtol=2e-7)


@every_option
@settings(max_examples=examples(40))
@given(texts=TEXTS, workers=st.sampled_from([0, 2]))
@example(texts=["", "one", "a", "Été naïve ΣΊΣΥΦΟΣ", "good " * 9], workers=0)
def test_every_ngram_lies_in_the_column_of_its_hash(name: str, texts: list[str], workers: int):
    given = {"num_features": 997, **OPTIONS[name]}
    if given["num_features"] > 1000:
        texts = texts[:2]
    assert_rows(HashingVectorizer(**given).transform(texts, workers=workers), expected(texts, **given))


# What any other implementation of XXH64 computes.
@pytest.mark.parametrize(
    ("ngram", "seed", "digest"),
    [
        ("good film", 0, 0x575B935F3148B651),
        ("good", 7, 0xEFFCBC8660596461),
        ("naïve été", 7, 0xC30EA5CA25015E43),
        ("the quick brown fox jumps over the lazy dog", 7, 0xE0B94BF3616A8110),
        ("你好", 2**64 - 1, 0x9C25A106B9BE1B3F),
    ],
)
def test_hashes_never_change(ngram: str, seed: int, digest: int):
    assert xxh64(ngram.encode(), seed) == digest
    words = len(ngram.split())
    vectorizer = HashingVectorizer(
        ngram_range=(words, words), num_features=2**31 - 1, seed=seed, strip_accents=None, norm=None
    )
    rows = vectorizer.transform([ngram])
    assert rows.indices.tolist() == [digest % (2**31 - 1)] == [vectorizer.column_of(ngram)]
    assert rows.data.tolist() == [-1.0 if digest >> 63 else 1.0]


def test_chunks_and_threads_change_nothing(shared_data):
    with open(shared_data / "ag_news" / "test.csv", newline="", encoding="utf-8") as file:
        texts = [f"{title} {description}" for _, title, description in csv.reader(file)]
    vectorizer = HashingVectorizer()
    rows = vectorizer.transform(texts, workers=3)
    one_by_one = scipy.sparse.vstack(
        [vectorizer.transform(texts[start : start + 700], workers=0) for start in range(0, len(texts), 700)]
    )
    assert_rows(rows, one_by_one.tocsr())
    assert len(list(text_chunks(texts))) > 1
    assert rows.has_sorted_indices
    assert_rows(vectorizer.transform(iter(texts[:500])), rows[:500])


def test_a_long_text_empty_texts_and_one_word():
    texts = ["", "word", "x" * 10_000_000, "lorem ipsum dolor " * 550_000, None, b"ab\xffcd"]
    rows = HashingVectorizer(norm=None, alternate_sign=False).transform(texts)
    assert np.diff(rows.indptr).tolist() == [0, 1, 1, 6, 0, 3]
    assert sorted(rows[3].data.tolist()) == [549_999, 550_000, 550_000, 550_000, 550_000, 550_000]
    assert HashingVectorizer().transform([]).shape == (0, 2**20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ngram_range": (0, 1)}, "ngram_range must be the words"),
        ({"ngram_range": (2, 1)}, "ngram_range must be the words"),
        ({"ngram_range": (1, 2, 3)}, "ngram_range must be the words"),
        ({"ngram_range": 2}, "ngram_range must be the words"),
        ({"num_features": 0}, "num_features must be an integer from 1"),
        ({"num_features": 2**31}, "num_features must be an integer from 1"),
        ({"num_features": 1000.5}, "num_features must be an integer from 1"),
        ({"seed": -1}, "seed must be an integer from 0"),
        ({"seed": None}, "seed must be an integer from 0"),
        ({"strip_accents": "ascii"}, "strip_accents must be"),
        ({"norm": "l1"}, "norm must be"),
        ({"binary": True, "sublinear_tf": True}, "exclude each other"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, message: str):
    with pytest.raises(OptionError, match=message):
        HashingVectorizer(**options)


def test_what_is_no_ngram_has_no_column():
    for strange in ("a", "", "two  blanks", "don't", "Capital", "été", "more words than an ngram has"):
        with pytest.raises(OptionError, match="is no n-gram"):
            HashingVectorizer().column_of(strange)


def test_a_fit_and_transform_at_once_is_a_transform():
    texts = ["good film", "bad film"]
    assert (HashingVectorizer().fit_transform(texts) != HashingVectorizer().transform(texts)).nnz == 0


def test_a_fit_knows_the_columns_of_a_source(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("title,body,label\na,b,1\nc,d,0\n")
    source = stoker.open(path, label="label", text=["title", "body"])
    assert HashingVectorizer().fit(source).columns_ == ("title", "body")


def test_a_vectorizer_may_be_pickled():
    copy = pickle.loads(pickle.dumps(HashingVectorizer(seed=3)))  # noqa: S301
    assert_rows(copy.transform(["one two"]), HashingVectorizer(seed=3).transform(["one two"]))


def test_the_seed_of_a_hash_reaches_every_length():
    content = frozen(np.arange(200, dtype=np.uint8))
    for size in range(201):
        for seed in (0, 1, 2**63, 2**64 - 1):
            found = int(hash_bytes(content[:size], np.uint64(seed)))
            assert found == xxh64(content[:size].tobytes(), seed)
