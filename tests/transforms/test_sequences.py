"""Sequences of word indices equal Keras 2's Tokenizer and pad_sequences, element by element."""

from __future__ import annotations

import csv
import gzip
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import stoker
from keras2_sequences import Tokenizer, sequences_of, words_of
from property_examples import examples
from stoker.errors import DataError, OptionError
from stoker.ledger import Ledger
from stoker.transforms import NgramVectorizer, from_state
from stoker.transforms.chunks import TextChunk, text_chunks
from stoker.transforms.sequences import SequenceVectorizer
from stoker.types import Rows

STRANGE = (
    "aAbB i İ ı kK\u212a Σσς ΟΔΟΣ ß é e\u0301 \u0000 \u200d \u05d0\u05d1 \u202e 😀 𐐀 \ufffd"
    " \t\n!?'_\u00a0\u3000 \x85"
)
CHARACTERS = st.one_of(st.sampled_from(STRANGE), st.characters(exclude_categories=["Cs"]))
TEXTS = st.lists(st.text(CHARACTERS, max_size=60), min_size=1, max_size=12)
OPTIONS = {
    "the guide's": {},
    "few tokens": {"max_tokens": 4},
    "no limits": {"max_tokens": None, "max_length": None},
    "short": {"max_length": 3},
    "short, the beginning kept": {"max_length": 3, "truncating": "post", "padding": "post"},
    "unknown words": {"max_tokens": 5, "oov_token": "<oov>", "max_length": 7},
    "case kept": {"lower": False},
    "no filters": {"filters": ""},
    "filters of letters": {"filters": "ik"},
    "filters beyond ASCII": {"filters": "é\u0301σ😀"},
    "another split": {"split": "!"},
    "split of several characters": {"split": "ab", "filters": "!"},
    "split of a letter": {"split": "K"},
}

every_option = pytest.mark.parametrize("name", OPTIONS)


def assert_as_keras(vectorizer: SequenceVectorizer, fitted_on: list[str], texts: list[str], options) -> None:
    tokenizer, expected = sequences_of(fitted_on, texts, **options)
    rows = vectorizer.transform(texts)
    assert rows.dtype == np.int32
    np.testing.assert_array_equal(rows, expected)
    used = vectorizer.word_index
    assert used == dict(islice(tokenizer.word_index.items(), len(used)))
    assert vectorizer.num_words_ == len(tokenizer.word_counts)
    assert [tokenizer.word_counts[word] for word in vectorizer.vocabulary_] == vectorizer.counts_.tolist()
    most = options.get("max_tokens", 20_000) or sys.maxsize
    assert vectorizer.num_tokens == min(len(tokenizer.word_index) + 1, most)
    assert int(rows.max(initial=0)) < vectorizer.num_tokens


@every_option
@settings(max_examples=examples(60))
@given(fitted_on=TEXTS, others=TEXTS, workers=st.sampled_from([0, 2]))
@example(fitted_on=["ΟΔΟΣ ΟΔΟΣ. Σ", "aΣ Σa"], others=["ΟΔΟΣ"], workers=0)
@example(fitted_on=["İstanbul \u212aelvin k"], others=["i\u0307stanbul kelvin"], workers=0)
def test_any_unicode_gives_what_keras_gave(name: str, fitted_on, others, workers: int):
    options = OPTIONS[name]
    vectorizer = SequenceVectorizer(**options)
    if not any(words_of(text, **_cutting(options)) for text in fitted_on):
        with pytest.raises(DataError, match="no word"):
            vectorizer.fit(fitted_on)
        return
    vectorizer.fit(fitted_on, workers=workers)
    assert_as_keras(vectorizer, fitted_on, fitted_on, options)
    assert_as_keras(vectorizer, fitted_on, others, options)


def _cutting(options) -> dict[str, object]:
    return {name: options[name] for name in ("filters", "lower", "split") if name in options}


@pytest.mark.parametrize("every", [16, pytest.param(1, marks=pytest.mark.slow)])
def test_every_character_is_lowered_as_python_lowers_it(every: int):
    """The quick test leaves pages of 256 characters out that have no capital; the slow one has them all."""
    pages = [page for page in range(0x1100) if not 0xD8 <= page < 0xE0]  # surrogates are no text
    characters = {page: [chr(code) for code in range(page << 8, (page + 1) << 8)] for page in pages}
    words = [
        f"a{character}b"
        for page in pages
        if page % every == 0 or any(character.lower() != character for character in characters[page])
        for character in characters[page]
        if character != "\0"
    ]
    texts = [" ".join(words[start : start + 5000]) for start in range(0, len(words), 5000)]
    vectorizer = SequenceVectorizer(max_tokens=None).fit(texts)
    expected = Tokenizer()
    expected.fit_on_texts(texts)
    assert vectorizer.word_index == expected.word_index


@settings(max_examples=examples(100))
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6))
@example([b"\xe2\x82 \xf0\x9f\x98", b"\xed\xa0\x80x", b"\xc0\xaf", b"a\xffb"])
@example([b"ab\xc3", b"\xa9cd"])  # together a character
def test_what_is_no_utf8_becomes_replacement_characters(texts: list[bytes]):
    decoded = [text.decode("utf-8", "replace") for text in texts]
    if not any(map(words_of, decoded)):
        return
    vectorizer = SequenceVectorizer().fit(texts)
    np.testing.assert_array_equal(vectorizer.transform(texts), sequences_of(decoded, decoded)[1])


def test_lone_surrogates_are_read_as_what_is_no_utf8():
    rows = SequenceVectorizer().fit(["a \ud800"]).transform(["\ud800 \ufffd\ufffd\ufffd a"])
    assert rows.tolist() == [[2, 1]]  # the longest text of the fit has two words


def reviews(folder, name: str) -> list[str]:
    csv.field_size_limit(1 << 30)
    with gzip.open(folder / "imdb" / name, "rt", newline="", encoding="utf-8") as file:
        return [row[1] for row in islice(csv.reader(file), 1, None)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_imdb_gives_what_keras_gave(shared_data):
    train, test = reviews(shared_data, "train.csv.gz"), reviews(shared_data, "test.csv.gz")
    vectorizer = SequenceVectorizer().fit(train)
    assert_as_keras(vectorizer, train, train, {})
    assert_as_keras(vectorizer, train, test, {})
    spilled = SequenceVectorizer().fit(train, memory=1 << 20, workers=3)
    assert spilled.state() == vectorizer.state()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("the guide's", "unknown words") else pytest.mark.slow)
        for name in OPTIONS
    ],
)
def test_ag_news_gives_what_keras_gave(shared_data, name: str):
    """Every option is held by texts that are drawn, too."""
    with open(shared_data / "ag_news" / "test.csv", newline="", encoding="utf-8") as file:
        texts = [f"{title} {description}" for _, title, description in csv.reader(file)]
    vectorizer = SequenceVectorizer(**OPTIONS[name]).fit(texts[:5000])
    assert_as_keras(vectorizer, texts[:5000], texts, OPTIONS[name])


def many_words(num_texts: int = 3000) -> list[str]:
    draw = np.random.default_rng(3)
    words = [f"word{number}" + "x" * (number % 23) for number in range(60_000)]
    places = (60_000 * draw.random((num_texts, 40)) ** 3).astype(np.int64)
    lengths = np.minimum(draw.geometric(0.1, num_texts), 40).tolist()
    return [
        " ".join(words[place] for place in row[:length])
        for row, length in zip(places.tolist(), lengths, strict=True)
    ]


def test_chunks_threads_and_memory_change_nothing():
    texts = many_words()
    expected = SequenceVectorizer(max_tokens=5000).fit(texts, workers=0)
    assert_as_keras(expected, texts, texts, {"max_tokens": 5000})
    for memory, workers in product(["1MB", "1GB"], [1, 3]):
        fitted = SequenceVectorizer(max_tokens=5000).fit(texts, memory=memory, workers=workers)
        assert fitted.state() == expected.state()
        np.testing.assert_array_equal(fitted.transform(texts, workers=workers), expected.transform(texts))

    def passes():
        return (chunk for start in range(0, len(texts), 7) for chunk in text_chunks(texts[start : start + 7]))

    assert SequenceVectorizer(max_tokens=5000).fit_passes(passes, workers=2).state() == expected.state()


@pytest.mark.slow
def test_shards_fitted_apart_merge_into_what_all_give():
    texts = many_words()
    expected = SequenceVectorizer(max_tokens=5000).fit(texts)
    for memory in ("1MB", "1GB"):
        shards = [
            SequenceVectorizer(max_tokens=5000).fit(texts[start : start + 1100], memory=memory)
            for start in range(0, len(texts), 1100)
        ]
        merged = SequenceVectorizer(max_tokens=5000)
        for shard in shards:
            merged.merge(shard)
        assert merged.state() == expected.state()


def test_memory_is_bounded_and_given_back():
    texts, ledger = many_words(), Ledger(limit=1 << 40)
    memory = 4_000_000
    fitted = SequenceVectorizer().fit_passes(
        lambda: text_chunks(texts), memory=memory, workers=2, ledger=ledger
    )
    assert 0 < ledger.peak <= memory
    assert ledger.current == 0
    assert fitted.num_bytes > 0


def test_the_length_is_that_of_known_words_even_where_a_second_pass_must_tell():
    texts = [f"a b unknown{number}" for number in range(600)] + ["a b a"]
    options = {"max_tokens": 3}
    assert_as_keras(SequenceVectorizer(**options).fit(texts), texts, texts, options)
    without_the_last = texts[:-1]
    fitted = SequenceVectorizer(**options).fit(without_the_last)
    assert fitted.length_ == 2
    assert_as_keras(fitted, without_the_last, texts, options)
    # An iterator is gone after one pass: then no text is cut, but rows may be longer than the longest.
    assert SequenceVectorizer(**options).fit(iter(without_the_last)).length_ == 3


def test_the_beginning_of_an_enormous_text_tells_its_length():
    texts = ["a " * 300_000, "b"]
    assert_as_keras(SequenceVectorizer().fit(texts), texts, texts, {})
    words = " ".join(f"w{number}" for number in range(40_000))
    assert_as_keras(SequenceVectorizer(max_tokens=9).fit([words]), [words], [words, "w1"], {"max_tokens": 9})


@pytest.mark.slow
def test_a_text_of_ten_megabytes_is_a_text():
    texts = ["one", "x" * 10_000_000, "lorem ipsum " * 830_000 + "one"]
    assert_as_keras(SequenceVectorizer().fit(texts, memory="1MB"), texts, texts, {})


def test_empty_texts_and_texts_of_unknown_words_are_zeros():
    fitted = SequenceVectorizer().fit(["one", "", "!!!"])
    assert fitted.length_ == 1
    assert fitted.transform(["", "two three", "one", None]).tolist() == [[0], [0], [1], [0]]
    assert fitted.transform([]).shape == (0, 1)


def test_a_fit_without_a_word_is_an_error():
    for texts in ([], [""], ["...", " \t\n"], [None]):
        with pytest.raises(DataError, match="no word in any of"):
            SequenceVectorizer().fit(texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 1}, "max_tokens must be an integer of at least 2"),
        ({"max_tokens": 2, "oov_token": "<oov>"}, "max_tokens must be an integer of at least 3"),
        ({"max_tokens": 3.5}, "max_tokens must be an integer"),
        ({"max_length": 0}, "max_length must be an integer of at least 1"),
        ({"max_length": "500"}, "max_length must be an integer"),
        ({"padding": "left"}, "padding must be 'pre' or 'post'"),
        ({"truncating": "left"}, "truncating must be 'pre' or 'post'"),
        ({"split": ""}, "split must not be empty"),
        ({"filters": None}, "filters and split must be text"),
        ({"oov_token": "unknown"}, "may be a word of the texts"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, message: str):
    with pytest.raises(OptionError, match=message):
        SequenceVectorizer(**options)


def test_a_fit_and_transform_at_once_gives_the_same_rows_of_an_iterator_too():
    texts = ["the cat", "the dog sat"]
    expected = SequenceVectorizer().fit(texts).transform(texts)
    for some in (texts, iter(texts), pa.chunked_array([texts[:1], texts[1:]])):
        np.testing.assert_array_equal(SequenceVectorizer().fit_transform(some), expected)


def test_what_is_no_texts_is_told():
    with pytest.raises(OptionError, match="got a int"):
        SequenceVectorizer().fit(["one"]).transform(5)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [SequenceVectorizer, lambda: NgramVectorizer(max_features=None)])
def test_a_vectorizer_is_not_merged_with_itself(make):
    vectorizer = make().partial_fit(
        Rows(num_rows=1, features=(), matrix=None, columns={"text": pa.array(["one"])})
    )
    with pytest.raises(OptionError, match="with itself"):
        vectorizer.merge(vectorizer)


def test_an_error_in_further_rows_forgets_all_of_them(monkeypatch):
    rows = Rows(num_rows=2, features=(), matrix=None, columns={"text": pa.array(["one two", "two"])})
    vectorizer = SequenceVectorizer().partial_fit(rows)
    monkeypatch.setattr("stoker.transforms.wordcounts._step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        vectorizer.partial_fit(rows)
    assert not vectorizer.is_fitted


def test_an_unfitted_vectorizer_says_so():
    with pytest.raises(OptionError, match="not fitted"):
        SequenceVectorizer().transform(["one"])


def test_texts_come_in_any_form():
    texts = ["one two", "two"]
    expected = SequenceVectorizer().fit(texts).transform(texts)
    forms = [
        tuple(texts),
        np.array(texts, object),
        pa.array(texts),
        pa.chunked_array([texts[:1], texts[1:]]),
        pa.array(["zero", *texts]).slice(1),
        [text.encode() for text in texts],
    ]
    for form in forms:
        np.testing.assert_array_equal(SequenceVectorizer().fit(form).transform(form), expected)
    np.testing.assert_array_equal(SequenceVectorizer().fit(iter(texts)).transform(iter(texts)), expected)
    with pytest.raises(OptionError, match="put it into a list"):
        SequenceVectorizer().fit("one two")


def test_rows_with_several_columns_are_joined_by_a_blank():
    columns = {"title": pa.array(["One", None]), "body": pa.array(["two!", "three"])}
    rows = Rows(num_rows=2, features=(), matrix=None, columns=columns)
    fitted = SequenceVectorizer(columns=("title", "body")).fit(rows)
    assert fitted.columns_ == ("title", "body")
    assert fitted.vocabulary_ == ("one", "two", "three")
    assert fitted.apply(rows, np.array([1, 0])).tolist() == [[0, 3], [1, 2]]


def test_a_source_of_texts_is_read_batch_by_batch(tmp_path):
    texts = many_words(500)
    with open(tmp_path / "rows.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("label", "text"), *((place % 2, text) for place, text in enumerate(texts))]
        )
    source = stoker.open(tmp_path / "rows.csv", label="label", text="text")
    fitted = SequenceVectorizer(max_tokens=1000).fit(source)
    assert fitted.columns_ == ("text",)
    expected = SequenceVectorizer(max_tokens=1000).fit(texts)
    assert fitted.state()["learned"] == expected.state()["learned"]


def test_a_stored_vectorizer_applies_and_says_that_it_learns_no_more():
    fitted = SequenceVectorizer(oov_token="<oov>").fit(["one two", "ÉTÉ one"])
    copy = from_state(msgspec.json.decode(msgspec.json.encode(fitted.state())))
    assert copy.state() == fitted.state()
    assert copy.transform(["été new one"]).tolist() == fitted.transform(["été new one"]).tolist()
    rows = Rows(num_rows=1, features=(), matrix=None, columns={"text": pa.array(["one"])})
    with pytest.raises(OptionError, match="fit it anew"):
        copy.partial_fit(rows)
    with pytest.raises(OptionError, match="fit it anew"):
        SequenceVectorizer(oov_token="<oov>").merge(copy)


def test_a_vectorizer_may_be_pickled():
    fitted = pickle.loads(pickle.dumps(SequenceVectorizer().fit(["one two"])))  # noqa: S301
    assert fitted.vocabulary_ == ("one", "two")
    unfitted = pickle.loads(pickle.dumps(SequenceVectorizer(max_length=7)))  # noqa: S301
    assert unfitted.options()["max_length"] == 7


def test_threads_may_transform_at_once():
    texts = many_words(400)
    fitted = SequenceVectorizer().fit(texts)
    expected = fitted.transform(texts)
    with ThreadPoolExecutor(8) as pool:
        for rows in pool.map(lambda _: fitted.transform(texts, workers=0), range(16)):
            np.testing.assert_array_equal(rows, expected)


def test_an_error_within_a_pass_is_raised_as_it_is():
    def passes():
        yield TextChunk(texts=pa.array(["one"], pa.large_string()))
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        SequenceVectorizer().fit_passes(passes, workers=2)
