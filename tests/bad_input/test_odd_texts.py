"""Texts as nobody expects them, from the file through training to predictions."""

from __future__ import annotations

import csv
import gzip
import json
import unicodedata
from pathlib import Path

import pytest

import stoker
from stoker.cli import main

pytestmark = pytest.mark.timeout(300)

ODD = [
    "",
    " ",
    "film",
    "\0",
    "a\0good\0film",
    "فيلم جيد جدا",
    "סרט טוב מאוד",
    "\u202eright to left\u202c",
    "naïve café",
    unicodedata.normalize("NFD", "naïve café"),
    "e\u0301\u0327\u0302\u0308",
    "👍🏽 👩‍👩‍👧 👍🏽",
    "很好的电影",
    "zero\u200bwidth\u00adsoft",
    "ΌΔΥΣΣΕΎΣ ΟΔΥΣΣΕΥΣ",
    'he said "no",\nand left',
    "x" * 5_000,
]
FLAGS = ("--text", "text", "--label", "label")
FEW = ("--epochs", "1", "--batch-size", "32", "--run", "run", "--quiet", "--json")


def write_texts(path, texts, labels):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *zip(texts, labels, strict=True)])


@pytest.fixture
def odd(here):
    """Every odd text a few times, among plain ones of two classes."""
    texts = [*ODD * 4, *["a good film", "a bad film"] * 40]
    write_texts(here / "odd.csv", texts, [("pos", "neg")[row % 2] for row in range(len(texts))])
    return "odd.csv"


@pytest.fixture
def trained(capsys):
    """Train for a few steps; gives what is told of it."""

    def run(*arguments):
        assert main(["train", *arguments, *FLAGS, *FEW]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


@pytest.mark.parametrize(
    "model",
    [
        ("--model", "mlp"),
        pytest.param(
            ("--model", "mlp", "--vectorizer", "hashing", "--max-features", "256"), marks=pytest.mark.slow
        ),
        pytest.param(("--model", "sepcnn"), marks=pytest.mark.slow),
    ],
    ids=["n-grams", "hashing", "sequences"],
)
def test_odd_texts_are_trained_on_and_every_one_is_answered(odd, trained, here, model):
    told = trained(odd, "--valid", odd, *model)
    assert told["rows"] == 4 * len(ODD) + 80
    new = [*ODD, "neverseen wörds אחרות"]
    write_texts(here / "new.csv", new, ["?"] * len(new))
    assert main(["predict", "run", "new.csv", "-o", "out.csv", "--keep", "text", "--quiet"]) == 0
    with open("out.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == new
    answers = stoker.load("run").predict(new).column("probability_pos").to_pylist()
    found = [float(row["probability_pos"]) for row in rows]
    assert found == pytest.approx(answers, abs=1e-6)
    if "sepcnn" not in model:
        assert found[8] == found[9]  # accents are stripped, composed or not
        assert found[0] == found[1]
    if "hashing" not in model:
        assert found[-1] == found[0]  # no word is known


def test_bytes_that_are_no_utf8_train_and_are_answered(trained, here):
    rows = b"".join(b"caf\xe9 \xff\xfe film,%s\na good film,%s\n" % (a, b) for a, b in [(b"x", b"y")] * 40)
    (here / "t.csv").write_bytes(b"text,label\n" + rows)
    assert trained("t.csv", "--valid", "t.csv", "--model", "mlp")["rows"] == 80
    assert len(stoker.load("run").predict(["caf\ufffd film"])) == 1


@pytest.mark.slow
def test_texts_of_ten_megabytes_go_through_training_and_prediction(trained, here):
    words = " ".join(f"word{number}" for number in range(1_000))
    long = (words + " ") * (10_000_000 // len(words))
    texts = [long, "a good film", long + "more", *["a bad film", "a good film"] * 30]
    write_texts(here / "t.csv", texts, [("pos", "neg")[row % 2] for row in range(len(texts))])
    assert (here / "t.csv").stat().st_size > 19_000_000
    told = trained("t.csv", "--valid", "t.csv", "--model", "mlp")
    assert told["rows"] == len(texts)
    assert main(["predict", "run", "t.csv", "-o", "out.csv", "--quiet"]) == 0
    assert len(Path("out.csv").read_text().splitlines()) == 1 + len(texts)


def test_more_features_than_words_are_all_words(odd, trained):
    told = trained(odd, "--valid", odd, "--model", "mlp", "--max-features", "1000000")
    assert told["rows"] == 4 * len(ODD) + 80
    width = json.loads(Path("run/run.json").read_text())["spec"]["input_shape"][0]
    assert 10 < width < 100


@pytest.mark.parametrize("text", ["", "x", "\0", "!?"])
def test_texts_without_a_word_leave_no_feature_and_are_told(refused, here, text):
    write_texts(here / "t.csv", [text] * 60, ["a", "b"] * 30)
    said = refused("train", "t.csv", *FLAGS, "--model", "mlp", "--run", "run")
    assert "no word" in said or "no term" in said or "min_df" in said
    assert not Path("run").exists()


def test_words_that_occur_once_leave_no_feature_and_are_told(refused, here):
    write_texts(here / "t.csv", [f"word{row}" for row in range(60)], ["a", "b"] * 30)
    assert "min_df" in refused("train", "t.csv", *FLAGS, "--model", "mlp", "--run", "run")
    assert not Path("run").exists()


def test_labels_seen_only_in_validation_are_named_before_anything_is_trained(refused, odd, here):
    write_texts(here / "v.csv", ["a film", "another"], ["pos", "neutral"])
    said = refused("train", odd, "--valid", "v.csv", *FLAGS, "--model", "mlp", "--run", "run")
    assert "'neutral'" in said
    assert "v.csv" in said
    assert not Path("run").exists()


def test_a_broken_gzip_of_texts_is_told_and_no_run_begun(refused, odd, here):
    packed = gzip.compress((here / odd).read_bytes())
    (here / "t.csv.gz").write_bytes(packed[: len(packed) // 2])
    said = refused("train", "t.csv.gz", *FLAGS, "--model", "mlp", "--run", "run")
    assert "t.csv.gz: the gzip data are cut off at byte" in said
    assert not Path("run").exists()
