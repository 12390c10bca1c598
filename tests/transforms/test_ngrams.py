"""N-grams against scikit-learn's own, in any memory, by any number of threads."""

from __future__ import annotations

import copy
import csv
import errno
import gzip
import pickle
import tracemalloc
import warnings
from functools import partial

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2, f_classif

import stoker
from property_examples import examples
from stoker.errors import DataError, MemoryBudgetError, OptionError
from stoker.ledger import Ledger
from stoker.transforms import NgramVectorizer
from stoker.transforms.chunks import TextChunk, as_texts
from stoker.transforms.scores import f_classif as f_scores
from stoker.transforms.scores import select_best

_WORDS = (
    "the The THE film films Film été été ÉTÉ ΟΔΟΣ Σ σας İstanbul ﬁne ﬃ 한국 한국어 ١٢٣ ５６ 𝒜𝒷 𐐀𐐁 ½cup x² "
    "don't a_b __ _ a שלום مرحبا ﷺ n\u0303o I \ufeffbom ㏂ Ⅻ ß ẞ ﬀ e\u0301e ｱｲ नमस्ते"
)
STRANGE = st.one_of(
    st.text(max_size=12),
    st.sampled_from(_WORDS.split()),
    st.sampled_from(["\0", "\u200d", "\u0301", " ", "\n", "\U0001f600", "\u2028"]),
)
TEXTS = st.lists(st.lists(STRANGE, max_size=12).map(" ".join), min_size=4, max_size=30)


def reference(texts, labels, k, *, score=f_classif, **options):
    vectorizer = TfidfVectorizer(
        **{"ngram_range": (1, 2), "strip_accents": "unicode", "min_df": 2, "dtype": np.float64} | options
    )
    rows = vectorizer.fit_transform(texts)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        best = SelectKBest(score, k=min(k, rows.shape[1])).fit(rows, labels)
    return vectorizer, best


def assert_identical(vectorizer, texts, labels, others, k, *, score=f_classif, **options):
    """Vocabulary, idf, scores, features and rows of a fitted vectoriser are scikit-learn's."""
    theirs, best = reference(texts, labels, k, score=score, **options)
    assert vectorizer.vocabulary_ == theirs.vocabulary_
    np.testing.assert_allclose(vectorizer.idf_, theirs.idf_, rtol=1e-12, atol=0)
    ours, expected = vectorizer.scores_, best.scores_
    # Where all of a term's variance lies between the classes, F is a quotient of rounding errors.
    sound = np.isfinite(expected) & (expected < 1e9)
    np.testing.assert_allclose(ours[sound], expected[sound], rtol=1e-9, atol=1e-9)
    assert (~np.isfinite(ours[~sound]) | (ours[~sound] > 1e8)).all()
    support = best.get_support(indices=True)
    different = np.setxor1d(vectorizer.selected_, support)
    if different.size:
        clean = np.where(np.isfinite(expected), expected, 0)
        edge = np.sort(clean)[-k]
        assert (np.abs(clean[different] - edge) < 1e-9 * max(1, edge)).all() or (~sound[different]).any()
    names = theirs.get_feature_names_out()
    assert vectorizer.get_feature_names_out().tolist() == names[vectorizer.selected_].tolist()
    rows = theirs.transform(others)[:, vectorizer.selected_].astype(np.float32)
    rows.sort_indices()
    given = vectorizer.transform(others)
    assert given.dtype == np.float32
    assert np.array_equal(given.indptr, rows.indptr)
    assert np.array_equal(given.indices, rows.indices)
    np.testing.assert_allclose(given.data, rows.data, rtol=2e-7, atol=0)


def state_of(vectorizer):
    return msgspec.json.encode(vectorizer.state())


def zipfian(num_texts, *, words=4_000, longest=60, seed=0):
    draw = np.random.default_rng(seed)
    return [
        " ".join(f"w{word}" for word in draw.zipf(1.3, draw.integers(0, longest)) % words)
        for _ in range(num_texts)
    ]


@pytest.fixture(scope="module")
def imdb(shared_data):
    csv.field_size_limit(1 << 30)
    with gzip.open(shared_data / "imdb" / "train.csv.gz", "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_imdb_is_vectorised_as_scikit_learn_does_it(imdb):
    texts, labels = imdb
    vectorizer = NgramVectorizer().fit(texts, labels)
    assert_identical(vectorizer, texts, labels, texts[:5_000], 20_000)


@pytest.mark.slow
def test_a_part_of_imdb_is_vectorised_as_scikit_learn_does_it(imdb):
    texts, labels = imdb[0][:1500], imdb[1][:1500]
    vectorizer = NgramVectorizer(max_features=5_000).fit(texts, labels)
    assert_identical(vectorizer, texts, labels, imdb[0][1500:2000], 5_000)


@pytest.mark.slow
def test_ag_news_is_vectorised_as_scikit_learn_does_it(shared_data):
    source = stoker.open(shared_data / "ag_news" / "test.csv", label="#0", text=["#1", "#2"])
    texts, labels = [], []
    for batch in source.text_batches():
        texts += batch.texts.to_pylist()
        labels += batch.labels.tolist()
    assert len(texts) == 7_600
    vectorizer = NgramVectorizer().fit(source)
    assert_identical(vectorizer, texts, labels, texts, 20_000)
    assert NgramVectorizer().fit(texts, labels).state()["features"] == vectorizer.state()["features"]


def test_a_source_of_texts_is_its_columns_joined_and_its_own_labels(tmp_path):
    (tmp_path / "t.csv").write_text("kind,head,body\na,good film,one\nb,bad film,two\na,good plot,one\n")
    source = stoker.open(tmp_path / "t.csv", label="kind", text=["head", "body"])
    fitted = NgramVectorizer(min_df=1, max_features=6).fit(source)
    joined = ["good film one", "bad film two", "good plot one"]
    expected = NgramVectorizer(min_df=1, max_features=6).fit(joined, ["a", "b", "a"])
    assert fitted.columns_ == ("head", "body")
    assert fitted.state()["features"] == expected.state()["features"]
    rows = source.peek(2)
    assert (fitted.apply(rows, np.arange(2)) != expected.transform(joined[:2])).nnz == 0
    with pytest.raises(DataError, match="a source knows its label"):
        NgramVectorizer(min_df=1).fit(source, ["a", "b", "a"])


@settings(max_examples=examples(60))
@given(texts=TEXTS, data=st.data())
def test_unicode_is_vectorised_as_scikit_learn_does_it(texts, data):
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(texts), max_size=len(texts)))
    labels[:2] = [0, 1]
    k = data.draw(st.integers(1, 20))
    lowercase, accents = data.draw(st.booleans()), data.draw(st.sampled_from(["unicode", None]))
    options = {"lowercase": lowercase, "strip_accents": accents}
    try:
        reference(texts, labels, k, **options)
    except ValueError as error:
        left = str(error)
    else:
        left = ""
    if left:
        assert "no terms remain" in left or "empty vocabulary" in left
        with pytest.raises(DataError, match="no term is left"):
            NgramVectorizer(max_features=k, **options).fit(texts, labels)
        return
    vectorizer = NgramVectorizer(max_features=k, **options).fit(texts, labels, workers=0)
    assert_identical(vectorizer, texts, labels, texts, k, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"ngram_range": (1, 1)},
        {"ngram_range": (2, 2)},
        {"ngram_range": (1, 3), "min_df": 3},
        {"ngram_range": (2, 4)},
        {"min_df": 1},
        {"min_df": 0.02, "max_df": 0.4},
        {"max_df": 30},
        {"sublinear_tf": True},
        {"smooth_idf": False},
        {"lowercase": False, "strip_accents": None},
    ],
    ids=str,
)
def test_options_mean_what_they_mean_to_scikit_learn(options):
    texts = zipfian(400, words=300)
    labels = np.random.default_rng(1).integers(0, 3, len(texts))
    vectorizer = NgramVectorizer(max_features=200, **options).fit(texts, labels)
    assert_identical(vectorizer, texts, labels, zipfian(100, words=350, seed=9), 200, **options)


def test_max_terms_keeps_the_most_frequent_as_scikit_learn_does():
    texts = zipfian(400, words=300)
    labels = np.random.default_rng(1).integers(0, 3, len(texts))
    vectorizer = NgramVectorizer(max_terms=150, max_features=100).fit(texts, labels)
    assert_identical(vectorizer, texts, labels, texts, 100, max_features=150)


def test_chi2_is_that_of_scikit_learn():
    texts = zipfian(400, words=300)
    labels = np.random.default_rng(1).integers(0, 3, len(texts))
    vectorizer = NgramVectorizer(score="chi2", max_features=100).fit(texts, labels)
    assert_identical(vectorizer, texts, labels, texts, 100, score=chi2)


@given(
    scores=st.lists(st.sampled_from([0.0, 1.0, 2.0, np.nan, np.inf]), min_size=1, max_size=30), data=st.data()
)
def test_equal_scores_are_chosen_as_scikit_learn_chooses_them(scores, data):
    k = data.draw(st.integers(1, len(scores)))
    best = SelectKBest(lambda *_: (np.array(scores), np.array(scores)), k=k).fit(
        np.ones((2, len(scores))), [0, 1]
    )
    assert select_best(np.array(scores), k).tolist() == best.get_support(indices=True).tolist()


def test_without_a_choice_all_terms_are_columns_and_labels_are_not_needed():
    texts = zipfian(100)
    vectorizer = NgramVectorizer(max_features=None).fit(texts)
    theirs = TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    rows = theirs.fit_transform(texts).astype(np.float32)
    assert vectorizer.scores_ is None
    assert vectorizer.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    assert abs(vectorizer.transform(texts) - rows).max() < 1e-7


def test_a_fit_and_transform_at_once_gives_the_same_rows():
    texts, labels = zipfian(500), np.arange(500) % 2
    vectorizer = NgramVectorizer(max_features=300)
    together = vectorizer.fit_transform(texts, labels)
    apart = vectorizer.transform(texts)
    assert together.shape == apart.shape == (500, 300)
    for left, right in zip(
        (together.indptr, together.indices, together.data),
        (apart.indptr, apart.indices, apart.data),
        strict=True,
    ):
        assert left.dtype == right.dtype
        assert left.tobytes() == right.tobytes()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ngram_range", [(1, 2), pytest.param((1, 3), marks=pytest.mark.slow)])
def test_the_result_does_not_depend_on_memory_threads_or_chunks(ngram_range, monkeypatch):
    """A little memory lets dictionaries retire, streams and runs spill; sums go through parts of terms."""
    texts, labels = zipfian(3_000, words=50_000), np.arange(3_000) % 3
    make = {"ngram_range": ngram_range, "max_features": 500}
    expected = state_of(NgramVectorizer(**make).fit(texts, labels))
    monkeypatch.setattr("stoker.transforms.learning.LEAST_MEMORY", 1 << 10)
    monkeypatch.setattr("stoker.transforms.learning.Learner._check_room", lambda *_: None)
    monkeypatch.setattr("stoker.transforms.chunks.CHUNK_BYTES", 1 << 15)
    monkeypatch.setattr("stoker.transforms.chunks.CHUNK_TEXTS", 100)
    for memory, workers in [
        (1 << 30, 1),
        (1 << 30, 5),
        (1 << 20, 0),
        (1 << 20, 3),
        (1 << 18, 2),
        (1 << 16, 2),
    ]:
        assert (
            state_of(NgramVectorizer(**make).fit(texts, labels, memory=memory, workers=workers)) == expected
        )


@pytest.mark.timeout(300)
def test_little_memory_is_kept_to_and_much_is_spilled(monkeypatch):
    spilled = []
    close = stoker.transforms.spill.Spill.close
    monkeypatch.setattr(
        "stoker.transforms.spill.Spill.close", lambda self: (spilled.append(self.num_bytes), close(self))
    )
    texts, labels = zipfian(20_000, words=200_000), np.arange(20_000) % 2
    ledger = Ledger(limit=32 << 20)
    NgramVectorizer(max_features=500, min_df=5).fit(texts, labels, memory=32 << 20, workers=2, ledger=ledger)
    assert 0 < ledger.peak <= ledger.limit
    assert ledger.current == 0
    text_bytes = sum(map(len, texts))
    assert 0 < max(spilled) <= NgramVectorizer().temporary_bytes(text_bytes, len(texts))


def test_texts_that_are_held_make_room_for_what_is_learned_from_them(monkeypatch):
    texts, held = zipfian(4_000, words=60_000, longest=300), []
    fit = NgramVectorizer(max_features=None, min_df=3).fit
    expected = state_of(fit(texts, workers=0))
    monkeypatch.setattr("stoker.transforms.learning.LEAST_MEMORY", 1 << 20)
    find = stoker.transforms.selecting.finding_table
    monkeypatch.setattr(
        "stoker.transforms.selecting.finding_table",
        lambda *given: (
            held.append({kind: ledger.held(kind) for kind in ("terms", "streams")}),
            find(*given),
        )[1],
    )
    memory = 2 << 20
    ledger = Ledger(limit=memory)
    assert state_of(fit(texts, memory=memory, workers=0, ledger=ledger)) == expected
    assert held[0]["terms"] + memory // 4 > memory
    assert held[0]["terms"] + held[0]["streams"] <= memory


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_many_times_the_texts_take_no_more_memory():
    texts, peaks = zipfian(320_000, words=4_000_000), []
    for count in (80_000, 320_000):  # of fewer, not all that is held is as large as it may be
        ledger = Ledger(limit=16 << 20)
        vectorizer = NgramVectorizer(max_features=None, min_df=count // 1_000)
        vectorizer.fit(texts[:count], memory=16 << 20, workers=2, ledger=ledger)
        peaks.append(ledger.peak)
    assert peaks[1] <= 1.1 * peaks[0]
    assert max(peaks) <= 16 << 20


def test_texts_without_words_take_the_temporary_space_that_is_stated(monkeypatch):
    spilled = []
    close = stoker.transforms.spill.Spill.close
    monkeypatch.setattr(
        "stoker.transforms.spill.Spill.close", lambda self: (spilled.append(self.num_bytes), close(self))
    )
    NgramVectorizer(max_features=None).fit(["good"] * 2 + [""] * 700_000, memory=16 << 20)
    assert 0 < max(spilled) <= NgramVectorizer().temporary_bytes(8, 700_002)


def test_scores_by_many_classes_are_kept_to_the_memory_too():
    texts, labels = zipfian(8_000, words=60_000), np.arange(8_000) % 60
    fit = partial(NgramVectorizer(max_features=500).fit, texts, labels, memory=16 << 20, workers=0)
    num_terms = fit().idf_.size  # and whatever is compiled
    assert 8 * 60 * num_terms > 7 << 20
    tracemalloc.start()
    try:
        fit()
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_full_disk_is_told(monkeypatch):
    usage = stoker.transforms.spill.shutil.disk_usage("/")
    monkeypatch.setattr("stoker.transforms.spill.shutil.disk_usage", lambda _: usage._replace(free=64 << 20))
    texts = zipfian(30_000, words=300_000)
    with pytest.raises(MemoryBudgetError, match=r"temporary space in .* set TMPDIR"):
        NgramVectorizer(max_features=None).fit(texts, memory=16 << 20)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_becomes_full_while_it_is_written_is_told(monkeypatch, number):
    def full(*_):
        raise OSError(number, "no room")

    monkeypatch.setattr("stoker.transforms.spill.os.pwrite", full)
    with pytest.raises(MemoryBudgetError, match=r"is full .* set TMPDIR"):
        NgramVectorizer(max_features=None).fit(["good"] * 2 + [""] * 700_000, memory=16 << 20)


def test_no_folder_for_temporary_files_is_told(monkeypatch):
    def nowhere(*_, **__):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("stoker.transforms.spill.tempfile.gettempdir", nowhere)
    with pytest.raises(MemoryBudgetError, match=r"No usable temporary directory found .*: set TMPDIR"):
        NgramVectorizer(max_features=None).fit(["good"] * 2 + [""] * 700_000, memory=16 << 20)


def test_too_little_memory_is_told():
    with pytest.raises(MemoryBudgetError, match=r"at least 16 MiB, got 1\.0 MiB: raise memory="):
        NgramVectorizer(max_features=None).fit(["some text"] * 2, memory="1MB")


def test_a_vocabulary_beyond_the_memory_is_told(monkeypatch):
    monkeypatch.setattr("stoker.transforms.learning.LEAST_MEMORY", 1 << 10)
    with pytest.raises(MemoryBudgetError, match="raise memory= or min_df="):
        NgramVectorizer(max_features=None, min_df=1).fit(zipfian(3_000, words=50_000), memory=1 << 20)


def test_a_feed_gives_texts_in_passes_with_classes_that_may_be_absent():
    texts, labels = zipfian(600), np.arange(600) % 2 * 2
    seen = []

    def passes():
        for start in range(0, 600, 70):
            part = as_texts(texts[start : start + 70])
            yield TextChunk(texts=part, labels=labels[start : start + 70].astype(np.int64))

    vectorizer = NgramVectorizer(max_features=50).fit_passes(
        passes, columns=("text",), num_classes=4, progress=lambda done, whole: seen.append((done, whole)),
        num_rows=600,
    )  # fmt: skip
    assert vectorizer.columns_ == ("text",)
    assert seen[-1] == (600, 600)
    vectorizer.columns_ = ()
    assert state_of(vectorizer) == state_of(NgramVectorizer(max_features=50).fit(texts, labels))


def test_the_order_in_which_labels_come_changes_no_bit():
    texts, labels = zipfian(300), np.arange(300) % 5
    first = NgramVectorizer(max_features=50).fit(texts, [f"class {label}" for label in labels])
    again = NgramVectorizer(max_features=50).fit(texts, pa.array(labels))
    assert first.scores_.tobytes() == again.scores_.tobytes()


# Bad input.


def test_a_text_without_a_known_word_is_a_row_of_zeros():
    vectorizer = NgramVectorizer(max_features=None).fit(["good film"] * 3 + ["", "a", "x y z"])
    rows = vectorizer.transform(["", "a", "unseen words", "good", "\0\0", "!!!", None, "good unseen film"])
    assert np.diff(rows.indptr).tolist() == [0, 0, 0, 1, 0, 0, 0, 2]
    assert rows[3, 1] == 0 or rows[3].max() == 1.0


@pytest.mark.parametrize("longest", [1, 2, 4])
def test_a_character_that_is_four_words_is_counted_as_such(longest):
    texts = ["\ufdfa", "a\ufdfa b\ufdfac", "\ufdfa \ufdfad" * 3]
    for make in (NgramVectorizer, stoker.HashingVectorizer):
        options = {"min_df": 1, "max_features": None} if make is NgramVectorizer else {}
        vectorizer = make(ngram_range=(1, longest), **options).fit(texts)
        for text in texts:
            assert 0 < vectorizer.transform([text]).nnz <= vectorizer.most_entries(len(text.encode()))


def test_no_texts_give_no_rows():
    vectorizer = NgramVectorizer(max_features=None).fit(["good film"] * 2)
    assert vectorizer.transform([]).shape == (0, 3)
    assert vectorizer.get_feature_names_out().tolist() == ["film", "good", "good film"]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_text_of_ten_megabytes_is_a_text_like_any():
    long, word = "w1 w22 w333 " * 900_000, "x" * 3_000_000 + "é" * 500_000
    vectorizer = NgramVectorizer(max_features=None).fit([long, long + "tail", word, word * 2], memory="64MB")
    assert len(long) > 10_000_000
    assert set(vectorizer.vocabulary_) == {"w1", "w22", "w333", "w1 w22", "w22 w333", "w333 w1"}
    assert vectorizer.transform([long]).nnz == 6
    alone = NgramVectorizer(max_features=None).fit([word, f"{word} {word}"], memory="64MB")
    assert list(alone.vocabulary_) == ["x" * 3_000_000 + "e" * 500_000]


def test_nul_bytes_right_to_left_and_combining_characters_are_characters():
    texts = ["ab\0cd שָׁלוֹם e\u0301te\u0301", "ab\0cd שלום été"] * 2
    vectorizer = NgramVectorizer(ngram_range=(1, 1), max_features=None).fit(texts)
    assert set(vectorizer.vocabulary_) == {"ab", "cd", "שלום", "ete"}


def test_invalid_bytes_are_replacement_characters():
    broken = [
        b"good\xff film\xe2\x82 ok\xc3",
        "good\ufffd film\ufffd ok\ufffd".encode(),
        b"\xed\xa0\x80go od",
    ]
    vectorizer = NgramVectorizer(max_features=None, min_df=1).fit(pa.array(broken, pa.binary()))
    decoded = [text.decode("utf-8", "replace") for text in broken]
    assert vectorizer.vocabulary_ == TfidfVectorizer(ngram_range=(1, 2)).fit(decoded).vocabulary_
    sigma = [b"\xffTELOS \xce\xa3\xce\xa3", "ΤΕΛΟΣ ΣΣ".encode()]
    vectorizer = NgramVectorizer(max_features=None, min_df=1).fit(sigma)
    decoded = [text.decode("utf-8", "replace") for text in sigma]
    assert vectorizer.vocabulary_ == TfidfVectorizer(ngram_range=(1, 2)).fit(decoded).vocabulary_


def test_broken_characters_at_the_ends_of_texts_are_broken_even_where_they_would_fit_together():
    texts = [b"abq\xc3", b"\xa9cd", b"ef\xe2\x82", b"\xac gh"]
    vectorizer = NgramVectorizer(max_features=None, min_df=1, strip_accents=None).fit(texts)
    assert list(vectorizer.vocabulary_) == ["abq", "cd", "ef", "gh"]


def test_no_term_left_is_told():
    with pytest.raises(DataError, match=r"no term is left.*lower min_df=2"):
        NgramVectorizer(max_features=None).fit(["every word", "is different"])
    with pytest.raises(DataError, match=r"no term is left.*raise max_df=2"):
        NgramVectorizer(max_features=None, max_df=2).fit(["same words"] * 3)
    with pytest.raises(DataError, match="lower min_df or raise max_df"):
        NgramVectorizer(max_features=None, min_df=5, max_df=0.5).fit(["same words"] * 4)
    with pytest.raises(DataError, match="no texts"):
        NgramVectorizer(max_features=None).fit([])
    with pytest.raises(DataError, match="no term is left"):
        NgramVectorizer(max_features=None).fit(["", "!", "a"])


def test_more_features_than_terms_are_all_terms():
    vectorizer = NgramVectorizer(max_features=1_000).fit(["good film", "bad film"] * 2, [1, 0, 1, 0])
    assert vectorizer.num_outputs == len(vectorizer.idf_) == 5


def test_scores_without_labels_or_with_one_class_are_told():
    with pytest.raises(DataError, match=r"takes labels.*max_features=None"):
        NgramVectorizer().fit(["good film"] * 4)
    with pytest.raises(DataError, match="two classes at least, and all 4 are of one"):
        NgramVectorizer().fit(["good film"] * 4, [1, 1, 1, 1])
    with pytest.raises(DataError, match="more texts than classes"):
        NgramVectorizer().fit(["good film"] * 2, [0, 1])
    with pytest.raises(DataError, match="text 1 has no label"):
        NgramVectorizer().fit(["good film"] * 2, ["a", None])


@pytest.mark.parametrize("labels", [[0, 1, 0], [0, 1, 0, 1, 0]])
def test_as_many_labels_as_texts_are_needed(labels):
    with pytest.raises(DataError, match="texts and"):
        NgramVectorizer().fit(["good film"] * 4, labels)


def test_what_is_no_text_is_told_without_being_quoted():
    with pytest.raises(DataError, match="text 1 is a int"):
        NgramVectorizer(max_features=None).fit(["good", 7])
    with pytest.raises(OptionError, match="a single one"):
        NgramVectorizer(max_features=None).fit("good film")
    with pytest.raises(OptionError, match="got a int"):
        NgramVectorizer(max_features=None).fit(7)
    with pytest.raises(DataError, match="text 5000 is a int"):
        NgramVectorizer(max_features=None).fit(["good film"] * 5_000 + [7])
    with pytest.raises(DataError, match=r"one dimension, got an array of shape \(\)"):
        NgramVectorizer(max_features=None).fit(np.array("good film"))


def test_a_table_is_not_taken_for_the_texts_of_its_columns_names():
    frame = pd.DataFrame({"text": ["good film"] * 3})
    for table in (frame, {"text": ["good film"] * 3}, pa.table({"text": ["good film"] * 3})):
        with pytest.raises(OptionError, match="give one of its columns"):
            NgramVectorizer(max_features=None).fit(table)
    words = NgramVectorizer(max_features=None).fit(frame["text"]).vocabulary_
    assert list(words) == ["film", "good", "good film"]


def test_missing_texts_of_every_kind_are_empty():
    texts = ["good film", "good film", None, np.nan, pd.NA, pd.NaT]
    expected = NgramVectorizer(max_features=None).fit(["good film"] * 2 + [""] * 4)
    for some in (texts, np.array(texts, object), pd.Series(texts), [*texts[:5], b""]):
        assert state_of(NgramVectorizer(max_features=None).fit(some)) == state_of(expected)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.0, 1.0, 0.0, 1.0], "class numbers from 0 on, one a text, got an array of float64"),
        (["a", "b", "a", "b"], "class numbers from 0 on"),
        ([[0], [1], [0], [1]], r"of shape \(4, 1\)"),
        ([0, 1, -1, 1], "got -1"),
    ],
)
def test_texts_in_parts_have_numbers_of_classes(labels, message):
    with pytest.raises(DataError, match=message):
        NgramVectorizer().partial_fit(["good film"] * 4, labels)


def test_numbers_of_classes_may_come_as_a_list():
    texts, labels = ["good film", "good fun", "bad film", "bad luck"], [1, 1, 0, 0]
    parts = NgramVectorizer(min_df=1).partial_fit(texts[:2], labels[:2]).partial_fit(texts[2:], labels[2:])
    assert state_of(parts) == state_of(NgramVectorizer(min_df=1).fit(texts, labels))


def test_a_label_that_is_no_single_value_is_told():
    with pytest.raises(DataError, match="the label of text 0 is a list"):
        NgramVectorizer().fit(["good film"] * 4, np.zeros((4, 1)))


def test_an_error_in_further_texts_forgets_all_of_them(monkeypatch):
    monkeypatch.setattr("stoker.transforms.chunks.CHUNK_TEXTS", 2)
    vectorizer = NgramVectorizer(min_df=1).partial_fit(["good film"] * 4, [0, 1, 0, 1])
    with pytest.raises(DataError, match="only 3 labels"):
        vectorizer.partial_fit(["good film"] * 4, [0, 1, 0])
    assert not vectorizer.is_fitted


def test_a_vectoriser_may_be_pickled_and_copied():
    texts = ["good film", "good fun", "bad film"]
    vectorizer = NgramVectorizer(max_features=None, min_df=1)
    for made in (copy.deepcopy(vectorizer), pickle.loads(pickle.dumps(vectorizer))):  # noqa: S301
        assert state_of(made) == state_of(vectorizer)
    vectorizer.fit(texts)
    for made in (copy.deepcopy(vectorizer), pickle.loads(pickle.dumps(vectorizer))):  # noqa: S301
        assert (made.transform(texts) != vectorizer.transform(texts)).nnz == 0


def test_more_texts_than_can_be_counted_are_told(monkeypatch):
    monkeypatch.setattr("stoker.transforms.corpus._MOST_ROWS", 5)
    part = NgramVectorizer(max_features=None).partial_fit(["good film"] * 3)
    with pytest.raises(DataError, match="from 5 texts at most"):
        NgramVectorizer(max_features=None).fit(["good film"] * 6)
    with pytest.raises(DataError, match="from 5 texts at most"):
        NgramVectorizer(max_features=None).partial_fit(["good film"] * 3).merge(part)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ngram_range": (0, 1)}, "ngram_range must"),
        ({"ngram_range": (2, 1)}, "ngram_range must"),
        ({"ngram_range": 2}, "ngram_range must"),
        ({"strip_accents": "ascii"}, "strip_accents must"),
        ({"score": "f_regression"}, "score must"),
        ({"min_df": 0}, "min_df must"),
        ({"min_df": -0.1}, "min_df must"),
        ({"max_df": 1.5}, "max_df must"),
        ({"max_features": 0}, "max_features must"),
        ({"max_terms": True}, "max_terms must"),
        ({"columns": []}, "names no column"),
        ({"columns": ["a", "a"]}, "twice"),
    ],
)
def test_options_that_cannot_be_are_told(options, message):
    with pytest.raises(OptionError, match=message):
        NgramVectorizer(**options)


def test_a_restored_vectoriser_cannot_learn_more():
    fitted = NgramVectorizer(max_features=None).fit(["good film"] * 2)
    with pytest.raises(OptionError, match="no longer the texts"):
        NgramVectorizer.from_state(fitted.state()).partial_fit(["more"])
    with pytest.raises(OptionError, match="no longer the texts"):
        NgramVectorizer(max_features=None).merge(fitted)


def test_a_term_that_tells_the_classes_apart_has_no_negative_score_by_rounding():
    sums = np.array([[0.1 + 0.2, 3 * 0.1, 0.0]])
    squares = np.array([np.nextafter(3 * 0.1**2, 0)])
    counts = np.array([3, 3, 3])
    assert not (f_scores(sums, squares, counts) < 0).any()
    assert np.isposinf(f_scores(np.array([[2.0, 0.0]]), np.array([np.nextafter(2.0, 0)]), np.array([2, 2])))
