"""The commands on raw text: plan, train, evaluate, predict; what has no effect is an error."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

import stoker
from stoker.cli import main
from stoker.datasets import Located
from test_text_feed import make_texts, write_table

pytestmark = pytest.mark.timeout(300)


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "reviews.csv", *make_texts(rows=1_200, most=40))
    write_table(tmp_path / "valid.csv", *make_texts(rows=300, seed=5, most=40))
    return "reviews.csv"


FLAGS = ("--label", "label", "--text", "text")


def refused(capsys, *arguments):
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return said.err


def test_plan_says_what_texts_become_and_why(reviews, capsys):
    assert main(["plan", reviews, *FLAGS]) == 0
    said = capsys.readouterr().out
    assert "1 text · label label\n" in said
    assert "text      tf-idf of" in said
    assert "1,200 rows" not in said
    assert "n-grams (--model, --vectorizer)" in said
    assert "transform" in said


def test_plan_takes_the_vectorizer_that_is_asked_for(reviews, capsys):
    assert main(["plan", reviews, *FLAGS, "--vectorizer", "sequence", "--max-features", "5", "--json"]) == 0
    found = last_json(capsys)
    assert found["spec"]["input_kind"] == "tokens"
    assert found["spec"]["num_tokens"] <= 6
    assert found["plan"]["order"]["batch_size"] == 128


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "flags"),
    [
        ("mlp", ()),
        ("mlp", ("--vectorizer", "hashing", "--max-features", "512")),
        ("sepcnn", ()),
    ],
)
def test_raw_text_in_label_and_probability_out(reviews, tmp_path, capsys, model, flags):
    command = ["train", reviews, *FLAGS, "--valid", "valid.csv", "--model", model, *flags]
    assert main([*command, "--epochs", "2", "--run", "run", "--quiet", "--json"]) == 0
    trained = last_json(capsys)
    assert trained["rows"] % 1_200 == 0
    assert main(["evaluate", "run", "valid.csv", "--json", "--quiet"]) == 0
    assert last_json(capsys)["accuracy"] == pytest.approx(max_of(trained, "val_accuracy"), abs=0.02)
    assert main(["verify", "run", "--json", "--quiet"]) == 0
    assert last_json(capsys)["validation_files"] == 1
    with gzip.open(tmp_path / "new.csv.gz", "wt", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["id", "text"], ["1", "good film"], ["2", ""], ["3", "never, seen\nbefore"]])
    assert main(["predict", "run", "new.csv.gz", "-o", "out.csv", "--keep", "id", "--quiet"]) == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    there = gzip.decompress((tmp_path / "new.csv.gz").read_bytes()).replace(b"id,text", b"id,review")
    (tmp_path / "new.csv").write_bytes(there)
    named = ("--rename", "review=text", "-o", "renamed.csv", "--keep", "id", "--quiet")
    assert main(["predict", "run", "new.csv", *named]) == 0
    assert Path("renamed.csv").read_text().splitlines() == lines
    assert "--rename" in refused(capsys, "predict", "run", "new.csv", "--rename", "review", "-o", "a.csv")
    assert lines[0] == "id,prediction,probability_neg,probability_pos"
    assert [line[0] for line in lines[1:]] == ["1", "2", "3"]
    assert all(0 < float(line.split(",")[-1]) < 1 for line in lines[1:])


@pytest.mark.slow
def test_embeddings_from_a_file_are_the_frozen_vectors_of_the_words_that_a_run_predicts_with(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "reviews.csv", *make_texts(rows=128, most=9))
    write_table(tmp_path / "valid.csv", *make_texts(rows=64, seed=5, most=9))
    Path("vectors.txt").write_text("good 1 0.5 0.25\nbad -1 0.5 -0.25\nfar 9 9 9\n")
    command = ["train", "reviews.csv", *FLAGS, "--valid", "valid.csv", "--batch-size", "64", "--epochs", "2"]
    flags = ["--model", "sepcnn", "--embeddings", "vectors.txt", "--run", "run", "--quiet", "--json"]
    assert main([*command, *flags]) == 0
    assert last_json(capsys)["steps"] == 4
    run = stoker.load("run")
    embedding, index = run.model.layers[0], run.transform.word_index
    vectors = embedding.get_weights()[0]
    assert not embedding.trainable
    assert vectors.shape == (run.spec.num_tokens, 3)
    assert vectors[index["good"]].tolist() == [1, 0.5, 0.25]
    assert vectors[index["bad"]].tolist() == [-1, 0.5, -0.25]
    assert np.count_nonzero(vectors.any(axis=1)) == 2  # no other word of the texts is in the file
    Path("new.csv").write_text("text\ngood film\nbad\n")
    assert main(["predict", "run", "new.csv", "-o", "out.csv", "--quiet"]) == 0
    lines = Path("out.csv").read_text().splitlines()
    assert lines[0] == "prediction,probability_neg,probability_pos"
    assert [line.split(",")[0] in ("neg", "pos") for line in lines[1:]] == [True, True]


def max_of(trained, name):
    record = json.loads(Path("run/run.json").read_text())
    best = record["outcome"]["best_epoch"]
    return record["epochs"][best]["metrics"][name]


def test_a_known_data_set_brings_its_files_columns_and_test_split(reviews, tmp_path, capsys, monkeypatch):
    from stoker import datasets

    def locate(name, **_):
        assert name == "@reviews"
        return Located(
            dataset=datasets.CATALOGUE["ag_news"],
            train=(tmp_path / "reviews.csv",),
            test=(tmp_path / "valid.csv",),
            format="csv",
            label="label",
            text=("text",),
        )

    monkeypatch.setattr(datasets, "locate", locate)
    assert main(["plan", "@reviews", "--json"]) == 0
    found = last_json(capsys)
    assert (found["rows"], found["validation_rows"]) == (1_200, 300)
    assert "--format has no effect on @reviews" in refused(capsys, "plan", "@reviews", "--format", "csv")
    assert "stands alone" in refused(capsys, "plan", "@reviews", "valid.csv")


def test_a_data_set_that_was_not_fetched_is_told_with_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("STOKER_DATA", str(tmp_path))
    assert "stoker fetch ag_news" in refused(capsys, "plan", "@ag_news")


def test_flags_for_texts_have_no_effect_on_numbers(tmp_path, capsys):
    path = tmp_path / "n.csv"
    path.write_text("x,y\n" + "".join(f"{row},{row % 2}\n" for row in range(60)))
    for flags in (("--vectorizer", "ngram"), ("--max-features", "9"), ("--model", "sepcnn")):
        assert "--text" in refused(capsys, "plan", str(path), "--label", "y", *flags)


def test_a_model_and_a_vectorizer_that_do_not_fit_are_refused(reviews, capsys):
    for model, vectorizer in (("sepcnn", "ngram"), ("mlp", "sequence"), ("sepcnn", "hashing")):
        said = refused(capsys, "plan", reviews, *FLAGS, "--model", model, "--vectorizer", vectorizer)
        assert f"--model {model} takes" in said


def test_text_beside_numbers_is_refused_with_the_flags_that_settle_it(tmp_path, capsys):
    path = tmp_path / "m.csv"
    path.write_text("text,age,y\n" + "".join(f"word,{row % 7},{row % 2}\n" for row in range(50)))
    said = refused(capsys, "plan", str(path), "--label", "y", "--transform", "ask")
    assert "--drop text, or --text text to learn from it alone, or --transform auto to have it chosen" in said


def test_no_feature_left_is_told(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("text,y\n" + "".join(f"word{row},{row % 2}\n" for row in range(40)))
    said = refused(capsys, "plan", str(path), "--label", "y", "--text", "text")
    assert "min_df" in said


def test_folders_of_texts_train_and_are_scored_and_so_are_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for split, rows, seed in (("train", 300, 1), ("test", 60, 2)):
        for number, (text, label) in enumerate(zip(*make_texts(rows=rows, seed=seed), strict=True)):
            folder = tmp_path / split / label
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    command = ["train", "train", "--valid", "test", "--model", "mlp", "--epochs", "1", "--run", "run"]
    assert main([*command, "--quiet", "--json"]) == 0
    accuracy = max_of(last_json(capsys), "val_accuracy")
    assert main(["evaluate", "run", "test", "--json", "--quiet"]) == 0
    assert last_json(capsys)["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    (tmp_path / "new.csv").write_text("id,text\n7,good film\n")
    assert main(["predict", "run", "new.csv", "-o", "out.csv", "--keep", "id", "--quiet"]) == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("7,")


def test_classes_that_are_numbers_are_predicted_with_their_names(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"1": "World", "2": "Sports"}
    with Path("train.csv").open("w", newline="") as file:
        rows = [("1", "far away", f"a vote {row}") for row in range(80)]
        rows += [("2", "at home", f"a goal {row}") for row in range(80)]
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    Path("classes.txt").write_text("World\nSports\n")
    run = ("--format", "zhang", "--model", "linear", "--epochs", "1", "--run", "run", "--batch-size", "16")
    assert main(["train", "train.csv", *run]) == 0
    assert stoker.load("run").spec.class_names == ("World", "Sports")
    assert main(["predict", "run", "train.csv", "-o", "scored.csv", "--keep", "#0"]) == 0
    with Path("scored.csv").open(newline="") as file:
        scored = list(csv.DictReader(file))
    assert list(scored[0]) == ["#0", "prediction", "prediction_name", "probability_1", "probability_2"]
    assert {row["prediction"] for row in scored} == {"1", "2"}
    assert all(row["prediction_name"] == names[row["prediction"]] for row in scored)
    Path("classes.txt").unlink()
    found = stoker.load("run").predict({"#1": ["far away"], "#2": ["a vote"]})
    assert found.column_names[:2] == ["prediction", "prediction_name"]


@pytest.mark.slow
def test_the_second_stage_is_a_run_that_begins_with_the_first_and_is_resumed_like_any_other(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "reviews.csv", *make_texts(rows=128, most=9))
    Path("vectors.txt").write_text("good 1 0.5 0.25\nbad -1 0.5 -0.25\n")
    command = ["train", "reviews.csv", *FLAGS, "--batch-size", "64", "--model", "sepcnn"]
    assert main([*command, "--embeddings", "vectors.txt", "--epochs", "1", "--run", "frozen"]) == 0
    second = [*command, "--init", "frozen", "--learning-rate", "0.01", "--early-stopping", "off"]
    capsys.readouterr()
    assert main([*second, "--epochs", "2", "--run", "tuned"]) == 0
    assert "frozen in frozen, and learns here: embedding" in capsys.readouterr().err
    assert main([*second, "--epochs", "1", "--run", "parted"]) == 0
    os.rename("frozen", "elsewhere")
    assert main(["resume", "parted", "--epochs", "2"]) == 0
    frozen, tuned, parted = (stoker.load(name, which="last") for name in ("elsewhere", "tuned", "parted"))
    place = frozen.transform.word_index["good"]
    known, learned = (run.model.layers[0].get_weights()[0] for run in (frozen, tuned))
    assert known.shape == learned.shape == (frozen.spec.num_tokens, 3)
    assert known[place].tolist() == [1, 0.5, 0.25] != learned[place].tolist()
    for one, other in zip(tuned.model.get_weights(), parted.model.get_weights(), strict=True):
        assert np.array_equal(one, other)
