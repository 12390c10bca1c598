"""Training on texts leaves a run that takes raw texts: files, frames, lists."""

from __future__ import annotations

import json

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import stoker
from stoker.errors import ColumnError, DataError, OptionError, RunError
from stoker.layers import SparseDense
from stoker.transforms.registry import TRANSFORMS
from test_text_feed import make_texts, opened, write_table
from text_transforms import Numbers, Words

pytestmark = pytest.mark.timeout(300)


def sparse_model(spec):
    pairs = {
        "indices": keras.Input((None,), dtype="int32", name="indices"),
        "values": keras.Input((None,), name="values"),
    }
    hidden = SparseDense(8, spec.input_shape[0], activation="relu")(pairs)
    return keras.Model(pairs, keras.layers.Dense(1, activation="sigmoid")(hidden))


def token_model(spec):
    tokens = keras.Input(spec.input_shape, dtype="int32")
    words = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(spec.num_tokens, 8)(tokens))
    return keras.Model(tokens, keras.layers.Dense(1, activation="sigmoid")(words))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((Words, sparse_model), id="sparse"),
        pytest.param((Numbers, token_model), id="tokens", marks=[pytest.mark.slow, pytest.mark.backends]),
    ],
)
def trained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    transform, build = request.param
    train = write_table(folder / "train.csv", *make_texts(rows=1_500, most=60))
    texts, labels = make_texts(rows=400, seed=5, most=100)
    valid = write_table(folder / "valid.csv", texts, labels)
    keras.utils.set_random_seed(3)
    feed = stoker.Feed(opened(train), transform=transform(), batch_size=64, epochs=2)
    model = build(feed.prepare().spec)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = stoker.fit(
        model, feed, validation=valid.as_posix(), epochs=2, run=folder / "run", progress="none"
    )
    return folder, feed, texts, history


@pytest.fixture
def run(trained, monkeypatch):
    for kind in (Words, Numbers):
        monkeypatch.setitem(TRANSFORMS, kind.name, kind)
    return stoker.load(trained[0] / "run")


def test_training_sees_every_row_and_validation_is_evaluation(trained, run):
    folder, feed, _, history = trained
    assert history.report.rows == 2 * 1_500
    by_file, by_feed = run.evaluate(folder / "valid.csv"), run.evaluate(feed.derive(folder / "valid.csv"))
    assert by_file.rows == by_feed.rows == 400
    assert by_file.accuracy == by_feed.accuracy
    assert by_file.loss == pytest.approx(by_feed.loss, rel=1e-5)
    best = int(np.argmin(history.history["val_loss"]))  # whose weights the run keeps
    assert history.history["val_accuracy"][best] == pytest.approx(by_file.accuracy)


def test_raw_texts_get_the_same_probabilities_however_they_come(trained, run):
    folder, _, texts, _ = trained
    expected = run.predict(folder / "valid.csv")
    assert expected.column_names == ["prediction", "probability_neg", "probability_pos"]
    for rows in (
        texts,
        pa.array(texts),
        pa.chunked_array([texts[:100], texts[100:]]),
        np.array(texts),
        {"text": texts},
        pa.table({"text": texts}),
    ):
        assert run.predict(rows).equals(expected)
    for frame in (pd.Series(texts, index=range(9, 409)), pd.DataFrame({"text": texts}, index=range(9, 409))):
        found = run.predict(frame)
        assert found.index[0] == 9
        assert found["probability_pos"].tolist() == expected["probability_pos"].to_pylist()


def test_unknown_words_empty_and_missing_texts_have_an_answer(run):
    found = run.predict(["", None, "never seen before"])["probability_pos"].to_pylist()
    assert found[0] == found[1] == found[2]
    assert run.predict([]).num_rows == 0


def test_a_list_of_files_is_told_from_a_list_of_texts(trained, run):
    path = trained[0] / "valid.csv"
    with pytest.raises(OptionError, match=r"a list of texts, and '.*valid.csv' is a file"):
        run.predict([str(path)])
    other = write_table(trained[0] / "other.csv", *make_texts(rows=7))
    assert run.predict([path, other]).num_rows == 407
    with pytest.raises(DataError, match=r"no such file .*; a text itself is given in a list"):
        run.predict("never seen before")


def test_a_frame_without_the_column_of_texts_is_refused(run):
    with pytest.raises(ColumnError, match="arrow://table: the feature column 'text' is absent"):
        run.predict({"review": ["a"]})
    with pytest.raises(ColumnError, match=r"column 'text' holds list<.*>, of which nothing is made here"):
        run.predict({"text": [[{"a": 1}], []]})


def test_numbers_are_texts_where_the_user_said_so(run):
    assert run.predict({"text": [1.5, 2.5]}).equals(run.predict(["1.5", "2.5"]))


def test_what_the_transform_has_learned_stands_beside_run_json_and_is_checked(trained, run, tmp_path):
    record = json.loads((trained[0] / "run" / "run.json").read_text())["transform"]
    assert sorted(record) == ["digest", "file", "name"]
    learned = trained[0] / "run" / record["file"]
    assert json.loads(learned.read_text())["words"] == list(run.transform.words_)
    content = learned.read_bytes()
    try:
        learned.write_bytes(content.replace(b"good", b"evil", 1))
        with pytest.raises(RunError, match=r"transform\.json is damaged"):
            stoker.load(trained[0] / "run")
        learned.unlink()
        with pytest.raises(RunError, match=r"transform\.json cannot be read"):
            stoker.load(trained[0] / "run")
    finally:
        learned.write_bytes(content)


def test_a_taken_folder_with_a_transform_in_it_is_refused(trained, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "transform.json").write_text("{}")
    model = sparse_model(trained[1].spec)
    model.compile("adam", "binary_crossentropy")
    with pytest.raises(RunError, match=r"transform\.json is there already"):
        stoker.fit(model, trained[1], run=tmp_path / "run", progress="none")


def test_columns_that_have_other_names_in_a_file_are_renamed(trained, run):
    folder, _, texts, _ = trained
    head, rest = (folder / "valid.csv").read_text().split("\n", 1)
    names = [{"text": "review", "label": "mood"}.get(name, name) for name in head.split(",")]
    (folder / "other.csv").write_text(",".join(names) + "\n" + rest)
    rename = {"review": "text", "mood": "label"}
    expected = run.predict(folder / "valid.csv")
    assert run.predict(folder / "other.csv", rename=rename).equals(expected)
    assert run.evaluate(folder / "other.csv", rename=rename).rows == 400
    with pytest.raises(ColumnError, match=r"'text' is absent; .*; if it has .* say which with rename="):
        run.predict(folder / "other.csv")
    (folder / "near.csv").write_text(head.replace("text", "texts") + "\n" + rest)
    with pytest.raises(ColumnError, match=r"did you mean 'texts'\? If it has another name there, say which"):
        run.predict(folder / "near.csv")
    with pytest.raises(OptionError, match=r"this run knows no such column; it knows 'text', 'label'"):
        run.predict(folder / "other.csv", rename={"review": "txt"})
    with pytest.raises(ColumnError, match="'review' cannot be renamed to 'text', which another column is"):
        run.predict(folder / "other.csv", rename={"review": "text", "mood": "text"})
    with pytest.raises(OptionError, match="rename is for files"):
        run.predict(texts, rename=rename)
    with pytest.raises(OptionError, match="rename is for files"):
        run.evaluate(pd.DataFrame({"text": texts}), rename=rename)


@pytest.mark.slow
@pytest.mark.backends
def test_a_second_stage_leaves_a_run_of_its_own_and_the_first_as_it_was(tmp_path):
    train = write_table(tmp_path / "train.csv", *make_texts(rows=256, most=9))
    valid = write_table(tmp_path / "valid.csv", *make_texts(rows=64, seed=5, most=9))
    (tmp_path / "vectors.txt").write_text("good 1 0.5 0.25\nbad -1 0.5 -0.25\n")
    feed = stoker.Feed(opened(train), transform=stoker.SequenceVectorizer(), batch_size=64, epochs=2)
    model = stoker.models.sepcnn(feed, embeddings=tmp_path / "vectors.txt", filters=4, seed=1)
    options = {"validation": valid.as_posix(), "epochs": 2, "early_stopping": 2, "progress": "none"}
    stoker.fit(model, feed, run=tmp_path / "frozen", **options)
    stoker.models.unfreeze(model, learning_rate=1e-2)
    stoker.fit(model, feed, run=tmp_path / "tuned", **options)
    frozen, tuned = (stoker.load(tmp_path / name) for name in ("frozen", "tuned"))
    place = frozen.transform.word_index["good"]
    vectors = [run.model.layers[0].get_weights()[0][place].tolist() for run in (frozen, tuned)]
    assert vectors[0] == [1, 0.5, 0.25] != vectors[1]
    assert [run.model.layers[0].trainable for run in (frozen, tuned)] == [False, True]
    assert [float(run.model.optimizer.learning_rate.numpy()) for run in (frozen, tuned)] == pytest.approx(
        [1e-3, 1e-2]
    )
    assert tuned.evaluate(valid).rows == 64
