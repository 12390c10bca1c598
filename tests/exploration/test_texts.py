"""What `explore_texts` says of texts is what they hold."""

from __future__ import annotations

import csv
import gzip
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

import stoker
from reading import PACK
from stoker.errors import BadRowError, ColumnError
from stoker.exploration import explore_texts
from stoker.exploration.grams import count_grams
from stoker.transforms.chunks import as_texts
from stoker.transforms.cutting import word_cutter

pytestmark = pytest.mark.timeout(120)


def _write(path, rows, header=("kind", "text")):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return path


def _reference(texts, length):
    analyse = CountVectorizer(strip_accents="unicode", ngram_range=(length, length)).build_analyzer()
    return Counter(gram for text in texts for gram in analyse(text))


@given(st.lists(st.text(max_size=40), max_size=8))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_words_and_pairs_are_those_of_the_reference(texts):
    table = word_cutter(lowercase=True, strip_accents=True)
    for length, grams in enumerate(count_grams(as_texts(texts), table), 1):
        names = grams.names(list(range(grams.keys.size)))
        assert dict(zip(names, grams.counts.tolist(), strict=True)) == _reference(texts, length)
        assert np.all(grams.keys[1:] > grams.keys[:-1])


def test_an_n_gram_has_the_same_key_in_all_texts():
    table = word_cutter(lowercase=True, strip_accents=True)
    one, other = (count_grams(as_texts([text]), table)[1] for text in ("to be", "never mind to be to be"))
    place = other.names(list(range(other.keys.size))).index("to be")
    assert one.keys[0] == other.keys[place]


def test_classes_lengths_and_frequent_words_are_told(tmp_path):
    rows = [("ham", "See you soon, you!")] * 3 + [("spam", "buy NOW")] * 2 + [("spam", "")]
    report = explore_texts(stoker.open(_write(tmp_path / "t.csv", rows), label="kind", text="text"))
    assert (report.num_rows, report.num_left_out) == (6, 0)
    assert (report.labels.classes, report.labels.counts) == (("ham", "spam"), (3, 3))
    assert report.lengths.words() == ((0, 1), (2, 2), (4, 3))
    assert report.lengths.median_words == 3
    assert (report.words.names[:3], report.words.counts[:3]) == (("you", "see", "soon"), (6, 3, 3))
    assert report.pairs.names == ("see you", "soon you", "you soon", "buy now")
    assert report.columns == ("text",)


@pytest.mark.parametrize("suffix", ["", *sorted(PACK)])
@pytest.mark.parametrize("num_rows", [None, 40])
def test_texts_are_looked_at_in_one_reading(tmp_path, monkeypatch, suffix, num_rows):
    plain = _write(tmp_path / "t.csv", [("ab"[row % 2], f"some words {row % 9}") for row in range(99)])
    path = tmp_path / f"t.csv{suffix}"
    path.write_bytes(PACK[suffix](plain.read_bytes()) if suffix else plain.read_bytes())
    source = stoker.open(path, label="kind", text="text")
    chunks, readings = type(source.table).chunks, []
    monkeypatch.setattr(type(source.table), "chunks", lambda *given: (readings.append(1), chunks(*given))[1])
    report = explore_texts(source if num_rows is None else source.head(num_rows))
    assert report.num_rows == (num_rows or 99)
    assert len(readings) == 1


def test_pieces_and_threads_change_nothing(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [(str(row % 3), " ".join(f"w{word}" for word in rng.zipf(1.3, 20) % 5000)) for row in range(3000)]
    source = stoker.open(_write(tmp_path / "t.csv", rows), label="kind", text="text")
    whole = explore_texts(source, workers=0).to_dict()
    monkeypatch.setattr("stoker.exploration.texts._CHUNK_BYTES", 20_000)
    assert explore_texts(source, workers=3).to_dict() == whole
    truth = _reference([text for _, text in rows], 2)
    assert list(whole["pairs"]["counts"]) == sorted(truth.values(), reverse=True)[:50]


def test_progress_ends_with_all_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("stoker.exploration.texts._CHUNK_BYTES", 1000)
    path = _write(tmp_path / "t.csv", [("a", "some words")] * 20_000)
    seen = []
    explore_texts(
        stoker.open(path, label="kind", text="text"), progress=lambda done, total: seen.append((done, total))
    )
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1][1] == path.stat().st_size
    assert seen[-1][0] >= 0.99 * path.stat().st_size


@pytest.mark.parametrize("suffix", sorted(PACK))
def test_a_compressed_file_is_looked_at_as_it_passes_and_leaves_nothing(tmp_path, suffix):
    plain = _write(tmp_path / "t.csv", [("ab"[row % 2], f"some\0 words {row % 9}") for row in range(999)])
    packed = tmp_path / f"t.csv{suffix}"
    packed.write_bytes(PACK[suffix](plain.read_bytes()))
    seen = []
    found, expected = (
        explore_texts(
            stoker.open(path, label="kind", text="text"),
            progress=lambda done, total: seen.append((done, total)),
        ).to_dict()
        for path in (packed, plain)
    )
    assert {**found, "paths": 0, "bytes": 0} == {**expected, "paths": 0, "bytes": 0}
    assert found["bytes"] == seen[0][1] == packed.stat().st_size
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv", packed.name}


def test_a_folder_a_class_is_looked_at(tmp_path):
    for kind in ("bad", "good"):
        (tmp_path / "reviews" / kind).mkdir(parents=True)
        for place in range(3):
            (tmp_path / "reviews" / kind / f"{place}.txt").write_text(f"a {kind} film")
    report = explore_texts(stoker.open(tmp_path / "reviews"))
    assert (report.labels.classes, report.labels.counts) == (("bad", "good"), (3, 3))
    assert report.words.names[0] == "film"
    assert report.num_bytes == 3 * (len("a bad film") + len("a good film"))


def test_several_columns_are_one_text(tmp_path):
    path = _write(tmp_path / "t.csv", [("1", "one two", "three")], header=("kind", "a", "b"))
    report = explore_texts(stoker.open(path, label="kind", text=["a", "b"]))
    assert "two three" in report.pairs.names


def test_without_a_label_there_are_no_classes(tmp_path):
    report = explore_texts(stoker.open(_write(tmp_path / "t.csv", [("a", "b c")] * 3), text="text"))
    assert report.labels is None


def test_a_view_is_looked_at_alone(tmp_path):
    rows = [("a", "early")] * 4 + [("b", "late")] * 4
    source = stoker.open(_write(tmp_path / "t.csv", rows), label="kind", text="text").head(4)
    report = explore_texts(source)
    assert (report.num_rows, report.num_left_out, report.words.names) == (4, 0, ("early",))


def test_bad_rows_are_an_error_or_are_left_out_and_counted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,text\na,fine words\nb,fine,too many\na,other words\n,no label here\n")
    source = stoker.open(path, label="kind", text="text")
    with pytest.raises(BadRowError, match="line 3"):
        explore_texts(source)
    report = explore_texts(source, on_bad_row="skip")
    assert (report.num_rows, report.num_left_out) == (2, 2)


def test_numbers_are_no_texts(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,0\n2,1\n")
    with pytest.raises(ColumnError, match="no text to learn from"):
        explore_texts(stoker.open(path, label="y"))


def test_a_long_text_and_words_of_a_letter_are_looked_at(tmp_path):
    rows = [("a", "word " * 400_000), ("b", "x y"), ("a", "שלום عالم e\u0301"), ("b", "x" * 1_000_000)]
    report = explore_texts(stoker.open(_write(tmp_path / "t.csv", rows), label="kind", text="text"))
    assert report.words.counts[0] == 400_000
    assert report.pairs.names[:2] == ("word word", "שלום عالم")


@pytest.mark.slow
def test_the_reviews_are_told_as_they_are(shared_data):
    path = shared_data / "imdb" / "test.csv.gz"
    report = explore_texts(stoker.open(path, label="label", text="text"))
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    words, pairs = _reference(texts[:2000], 1), _reference(texts[:2000], 2)
    assert report.labels.counts == (12_500, 12_500)
    assert report.lengths.median_words == np.median([len(text.split()) for text in texts])
    assert {name for name, _ in words.most_common(10)} <= set(report.words.names)
    assert {name for name, _ in pairs.most_common(10)} <= set(report.pairs.names)
    assert report.pairs.error <= report.pairs.total / (1 << 18)
    assert report.model == "mlp"


def test_few_words_for_many_rows_are_for_a_model_of_sequences(tmp_path):
    source = stoker.open(_write(tmp_path / "t.csv", [("a", "one")] * 1600), label="kind", text="text")
    report = explore_texts(source)
    assert report.model == "sepcnn"
    assert report.reason == "1 600 rows ÷ 1 words a row = 1 600, not below 1 500: words in their order"
