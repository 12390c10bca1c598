"""Both tutorials as they were written, under stoker legacy; their twins; and what doctor says."""

from __future__ import annotations

import gzip
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stoker import backends
from stoker.cli import main

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SHARED = ROOT.parent / "shared"
IMDB, MNIST, SEEDS = SHARED / "data" / "imdb", SHARED / "data" / "mnist", SHARED / "seeds"

pytestmark = pytest.mark.timeout(300)


def real(folder):
    return pytest.mark.skipif(not folder.is_dir(), reason=f"the data of {folder} are not on this machine")


def in_a_process(*words, folder, code=0, seconds=280):
    """A command of its own process; its output and errors as one text."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture
def here(capfd, monkeypatch):
    """The same in this process, which has imported Keras already."""

    def run(*words, folder, code=0):
        words = [str(word) for word in words]
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", "200")
        capfd.readouterr()
        if words[:2] == ["-m", "stoker"]:
            monkeypatch.setattr(sys, "argv", words[1:])
            found = main(words[2:])
        else:
            monkeypatch.setattr(sys, "argv", words)
            runpy.run_path(words[0], run_name="__main__")
            found = 0
        said = "".join(capfd.readouterr())
        assert found == code, said
        return said

    return run


def legacy(name, *words, folder, run=in_a_process, **limits):
    return run("-m", "stoker", "legacy", EXAMPLES / name, *words, folder=folder, **limits)


def twin(name, *words, folder, run=in_a_process):
    return run(EXAMPLES / name, *words, folder=folder)


def doctor(name, *words, folder, run=in_a_process):
    """The findings, by name and stream."""
    said = run("-m", "stoker", "doctor", "--json", EXAMPLES / name, *words, folder=folder, code=1)
    (report,) = [line for line in said.splitlines() if line.startswith("{")]
    return {(found["name"], found["stream"]) for found in json.loads(report)["findings"]}


def accuracies(said):
    """Of the rows held out, an epoch each."""
    return [float(value) for value in re.findall(r"^valid .*acc(?:uracy)? (\S+)", said, re.M)]


def loaded(path):
    backends.prefer()  # before Keras is imported
    import keras

    return keras.saving.load_model(path, compile=False)


def outcome(run_folder):
    return json.loads((run_folder / "run.json").read_text("utf-8"))["outcome"]


def write_texts(folder, rows, valid_rows):
    """Texts of twelve words, half of which tell the label; a tenth of the labels is wrong: training ends."""
    rng = np.random.default_rng(3)
    telling = np.array([["dull", "awful", "worse"], ["bright", "lovely", "better"]])
    for part, count in (("train", rows), ("test", valid_rows)):
        meant = rng.integers(0, 2, count)
        lines = ["label,text"]
        for each, wrong in zip(meant, rng.random(count) < 0.1, strict=True):
            words = [f"word{number}" for number in rng.integers(0, 50, 6)] + [*rng.choice(telling[each], 6)]
            lines.append(f'{("neg", "pos")[each ^ wrong]},"{" ".join(words)}"')
        (folder / f"{part}.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))


def write_digits(path, rows, *, labels=True, seed=0):
    """Rows of 0 to 255, each digit about a pattern of its own; the last 20 rows lack the nine."""
    patterns = np.random.default_rng(1).integers(0, 256, (10, 784))
    rng = np.random.default_rng(seed)
    digits = rng.integers(0, 10, rows)
    digits[-20:] %= 9
    pixels = np.clip(patterns[digits] // 2 + rng.integers(-40, 40, (rows, 784)), 0, 255)
    pixels[:, 0] = 0
    header = [f"pixel{place}" for place in range(784)]
    if labels:
        header, pixels = ["label", *header], np.column_stack([digits, pixels])
    lines = [",".join(map(str, row)) for row in (header, *pixels.tolist())]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture
def digits(tmp_path):
    """train.csv of 1,280 rows, five batches of 256, and test.csv of 300, with labels as the blog supposes."""
    write_digits(tmp_path / "train.csv", 1_280)
    write_digits(tmp_path / "test.csv", 300, seed=2)
    return tmp_path


@pytest.fixture
def texts(tmp_path):
    write_texts(tmp_path, 6_000, 600)  # enough steps an epoch for the sequence model to begin within two
    return tmp_path


@pytest.mark.slow
def test_the_blogs_script_trains_to_its_end_as_it_was_written(digits, here):
    said = legacy("blog_mnist.py", 1_280, 256, folder=digits, run=here)
    assert "epoch 10/10" in said
    assert len(accuracies(said)) == 10
    assert f"{10 * 1_280:,} rows used".replace(",", " ") in said


@pytest.mark.slow
def test_the_blogs_job_in_stokers_words_learns_and_leaves_a_run(digits, here):
    said = twin("blog_mnist_in_stoker.py", folder=digits, run=here)
    assert accuracies(said)[-1] > 0.95
    assert "every row used 10 times" in said
    assert outcome(digits / "runs/mnist")["rows"] == 12_800


@pytest.mark.slow
def test_doctor_names_what_is_wrong_with_the_blogs_script(digits, here):
    write_digits(digits / "train.csv", 1_290)  # the last batch has ten rows, none of them a nine
    write_digits(digits / "test.csv", 300, labels=False, seed=2)
    found = doctor("blog_mnist.py", 1_290, 300, folder=digits, run=here)
    assert {("not-shuffled", "training"), ("target-shapes", "training")} <= found
    assert {("constant-targets", "validation"), ("validation-shapes", "validation")} <= found


@pytest.mark.slow
def test_doctor_sees_that_the_blogs_number_of_rows_is_another_files(digits):
    assert ("no-batch", "training") in doctor("blog_mnist.py", 2_000, 256, folder=digits)


@pytest.mark.slow
def test_the_appendixs_sparse_ngrams_train_until_early_stopping(texts, here):
    said = legacy("appendix_text.py", "ngram", texts, folder=texts, run=here)
    assert 3 <= len(accuracies(said)) < 100
    assert accuracies(said)[-1] > 0.8
    assert "Validation accuracy: 0.8" in said
    assert loaded(texts / "text_model.h5").output_shape == (None, 1)


@pytest.mark.slow
def test_the_appendixs_sequences_train_until_early_stopping(texts):
    said = legacy("appendix_text.py", "sequence", texts, folder=texts)
    assert 3 <= len(accuracies(said)) < 100
    assert accuracies(said)[-1] > 0.8
    assert (texts / "text_model.h5").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ngram", "sequence"])
def test_the_appendixs_job_in_stokers_words_learns_and_keeps_the_best_weights(kind, texts):
    said = twin("appendix_text_in_stoker.py", kind, texts, folder=texts)
    assert max(accuracies(said)) > 0.8
    run_folder = texts / "runs" / kind
    assert outcome(run_folder)["best_epoch"] < len(accuracies(said))
    assert loaded(run_folder / "model.keras").output_shape == (None, 1)


@pytest.mark.slow
def test_doctor_sees_that_the_appendix_never_shuffles(texts):
    assert doctor("appendix_text.py", "ngram", texts, folder=texts) == {("not-shuffled", "training")}


@pytest.mark.slow
def test_without_a_folder_the_appendix_makes_its_texts_up(tmp_path):
    said = legacy("appendix_text.py", "sequence", folder=tmp_path)
    assert accuracies(said)[-1] > 0.85
    assert max(accuracies(twin("appendix_text_in_stoker.py", "sequence", folder=tmp_path))) > 0.85


@pytest.mark.slow
@real(MNIST)
def test_the_blogs_script_trains_on_real_digits(tmp_path):
    for part, rows in (("train", 8_000), ("test", 512)):
        lines = gzip.decompress((MNIST / f"{part}.csv.gz").read_bytes()).decode().splitlines()[: rows + 1]
        (tmp_path / f"{part}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert len(accuracies(legacy("blog_mnist.py", 8_000, 512, folder=tmp_path))) == 10
    assert accuracies(twin("blog_mnist_in_stoker.py", folder=tmp_path))[-1] > 0.8


@pytest.mark.slow
@pytest.mark.timeout(900)
@real(IMDB)
def test_the_appendix_learns_from_real_reviews(tmp_path):
    said = legacy("appendix_text.py", "ngram", IMDB, folder=tmp_path, seconds=850)
    assert accuracies(said)[-1] > 0.87


def code_of(text):
    """Without blanks, the formatter's last commas, and the kind of the quotation marks."""
    for written, meant in (("\\n", "\n"), ("\\u003e", ">"), ('\\"', '"'), ('"', "'")):
        text = text.replace(written, meant)
    return re.sub(r",(?=[)\]])", "", re.sub(r"\s+", "", text))


@real(SEEDS)
@pytest.mark.parametrize(
    ("name", "tutorial", "parts"),
    [
        (
            "blog_mnist.py",
            "train-keras-with-large-dataset.txt",
            (
                r"def batch_generator.*?idx = 1\n\n",
                r"    df = pd.*?\[:, 0\]",
                r"## Layer 1.*?(?=model.fit_gen)",
                r"model.fit_gen.*",
            ),
        ),
        (
            "appendix_text.py",
            "batch-training-appendix.txt",
            (r"def _data_generator.*?y_batch\n", r"# Create training and.*?# Logs once per epoch."),
        ),
    ],
)
def test_the_tutorials_own_lines_stand_as_they_were_written(name, tutorial, parts):
    written = code_of((SEEDS / tutorial).read_text("utf-8"))
    for part in parts:
        (lines,) = re.findall(part, (EXAMPLES / name).read_text("utf-8"), re.S)
        assert code_of(lines) in written
