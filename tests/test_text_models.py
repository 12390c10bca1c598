from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stoker import models
from stoker.errors import DataError, OptionError
from stoker.models.embeddings import read_embeddings
from stoker.types import FeedSpec, TargetSpec

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

COLUMNS, TOKENS, LENGTH = 100, 30, 24


def spec_of(kind: Any, task: Any = "classes", outputs: int = 3, length: int = LENGTH) -> FeedSpec:
    return FeedSpec(
        input_shape=(length,) if kind == "tokens" else (COLUMNS,),
        input_dtype="int32" if kind == "tokens" else "float32",
        features=("text",),
        task=task,
        classes=None if task == "regression" else tuple(range(max(2, outputs))),
        num_outputs=outputs,
        label="label",
        input_kind=kind,
        num_tokens=TOKENS if kind == "tokens" else None,
    )


def pairs(rows: int = 8, width: int = 32) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    indices = np.sort(random.integers(0, COLUMNS, (rows, width)).astype(np.int32))
    return {"indices": indices, "values": random.random((rows, width)).astype(np.float32)}


def words(rows: int = 8, length: int = LENGTH) -> np.ndarray:
    return np.random.default_rng(0).integers(0, TOKENS, (rows, length)).astype(np.int32)


def names(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"]


def test_an_mlp_on_ngrams_is_that_of_the_guide():
    model = models.mlp(spec_of("sparse"))
    assert names(model) == ["Dropout", "SparseDense", "Dropout", "Dense"]
    hidden, dropout, last = model.layers[-3:]
    assert (hidden.units, hidden.input_dim, hidden.activation.__name__) == (64, COLUMNS, "relu")
    assert (dropout.rate, last.units, last.activation.__name__) == (0.2, 3, "softmax")
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(1e-3)


def test_sizes_of_an_mlp_on_ngrams_can_be_chosen():
    model = models.mlp(spec_of("sparse", "binary", 1), layers=2, units=5, dropout=0.0)
    assert names(model) == ["SparseDense", "Dense", "Dense"]
    assert [layer.units for layer in model.layers[-3:]] == [5, 5, 1]


def test_a_linear_model_on_ngrams_is_one_layer():
    model = models.linear(spec_of("sparse", "binary", 1))
    assert names(model) == ["SparseDense"]
    assert model.layers[-1].activation.__name__ == "sigmoid"


def test_an_mlp_on_ngrams_has_the_weights_of_one_on_their_rows():
    sparse, dense = (
        models.mlp(spec_of("sparse"), layers=2, units=7),
        models.mlp(spec_of("dense"), layers=2, units=7),
    )
    dense.set_weights(sparse.get_weights())
    x = pairs()
    rows = np.zeros((8, COLUMNS), np.float32)
    np.add.at(rows, (np.arange(8)[:, None], x["indices"]), x["values"])
    np.testing.assert_allclose(
        np.asarray(sparse.predict_on_batch(x)), np.asarray(dense.predict_on_batch(rows)), rtol=1e-4, atol=1e-5
    )


def test_sepcnn_is_that_of_the_guide():
    model = models.sepcnn(spec_of("tokens"))
    assert names(model) == [
        "Embedding",
        *["Dropout", "SeparableConv1D", "SeparableConv1D", "MaxPooling1D"],
        *["SeparableConv1D", "SeparableConv1D", "GlobalAveragePooling1D", "Dropout", "Dense"],
    ]
    embedding, convolutions = model.layers[0], [each for each in model.layers if "Sep" in type(each).__name__]
    assert embedding.get_weights()[0].shape == (TOKENS, 200)
    assert [layer.filters for layer in convolutions] == [64, 64, 128, 128]
    for layer in convolutions:
        assert (layer.kernel_size, layer.padding, layer.activation.__name__) == ((3,), "same", "relu")
        assert (
            type(layer.bias_initializer).__name__
            == type(layer.depthwise_initializer).__name__
            == ("RandomUniform")
        )
    assert model.layers[4].pool_size == (3,)


def guides_sepcnn() -> Any:
    """The same model of Keras's own layers alone."""
    import keras

    random = {"bias_initializer": "random_uniform", "depthwise_initializer": "random_uniform"}
    convolution = lambda filters: keras.layers.SeparableConv1D(  # noqa: E731
        filters, 3, padding="same", activation="relu", **random
    )
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(TOKENS, 200),
            *[keras.layers.Dropout(0.2), convolution(64), convolution(64), keras.layers.MaxPooling1D(3)],
            *[convolution(128), convolution(128), keras.layers.GlobalAveragePooling1D()],
            *[keras.layers.Dropout(0.2), keras.layers.Dense(3, activation="softmax")],
        ]
    )


def test_weights_go_from_sepcnn_into_one_of_keras_layers_and_back():
    ours, theirs = models.sepcnn(spec_of("tokens"), seed=1), guides_sepcnn()
    assert [each.shape for each in ours.weights] == [each.shape for each in theirs.weights]
    theirs.set_weights(ours.get_weights())
    expected = np.asarray(theirs.predict_on_batch(words()))
    np.testing.assert_allclose(np.asarray(ours.predict_on_batch(words())), expected, rtol=1e-4, atol=1e-5)
    other = models.sepcnn(spec_of("tokens"), seed=2)
    assert np.abs(np.asarray(other.predict_on_batch(words())) - expected).max() > 1e-3
    other.set_weights(theirs.get_weights())
    np.testing.assert_allclose(np.asarray(other.predict_on_batch(words())), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("build", "keeps"), [(models.sepcnn, True), (models.mlp, False)])
def test_memory_that_a_step_frees_is_kept_for_models_with_convolutions(build, keeps, monkeypatch):
    import keras

    from stoker.layers.backend import on_jax_cpu

    told = []
    monkeypatch.setattr("stoker.layers.sequences.keep_freed_memory", lambda: told.append(True))
    build(spec_of("tokens" if keeps else "sparse"))
    assert bool(told) == (keeps and (on_jax_cpu() or keras.backend.backend() == "torch"))


def test_sepcnn_answers_several_labels_with_an_output_each():
    asked = (
        TargetSpec(columns=("sky",), task="classes", classes=("clear", "dark", "grey"), num_outputs=3),
        TargetSpec(columns=("high",), task="regression", classes=None, num_outputs=1),
    )
    spec = replace(spec_of("tokens"), targets=asked, task="classes", classes=asked[0].classes, label="sky")
    small = {"embedding_dim": 4, "filters": 2}
    model = models.build("auto", spec, loss_weights={"high": 0.5}, **small)
    answers = model.predict_on_batch(words())
    assert {name: part.shape for name, part in answers.items()} == {"sky": (8, 3), "high": (8, 1)}
    assert model.loss == {"sky": "sparse_categorical_crossentropy", "high": "mean_squared_error"}
    with pytest.raises(OptionError, match="loss_weights has no effect on one output"):
        models.sepcnn(spec_of("tokens"), loss_weights={"label": 1.0}, **small)


def test_what_comes_out_depends_on_the_text_before_anything_is_learned():
    outputs = np.asarray(models.sepcnn(spec_of("tokens"), seed=1).predict_on_batch(words(32)))
    assert outputs.std(0).max() > 1e-4


def test_one_block_has_no_pooling_and_three_have_two():
    small = {"embedding_dim": 4, "filters": 2}
    assert "MaxPooling1D" not in names(models.sepcnn(spec_of("tokens"), blocks=1, **small))
    assert names(models.sepcnn(spec_of("tokens"), blocks=3, **small)).count("MaxPooling1D") == 2


@pytest.mark.parametrize("length", [1, 2, 5])
def test_texts_of_a_few_words_fill_a_pool_of_their_own(length):
    model = models.sepcnn(spec_of("tokens", length=length), embedding_dim=4, filters=2, blocks=3)
    assert np.asarray(model.predict_on_batch(words(length=length))).shape == (8, 3)


def test_a_seed_makes_the_same_weights_and_another_different_ones():
    make = lambda seed: models.sepcnn(spec_of("tokens"), embedding_dim=4, filters=2, seed=seed).get_weights()  # noqa: E731
    first, again, other = make(1), make(1), make(2)
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(np.array_equal(one, two) for one, two in zip(first[:3], other[:3], strict=True))


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        (
            "mlp",
            "tokens",
            "mlp takes numbers or n-grams, and this feed gives texts as sequences: sepcnn takes",
        ),
        ("linear", "tokens", "linear takes numbers or n-grams"),
        ("sepcnn", "sparse", "sepcnn takes sequences of words, and this feed gives texts as n-grams"),
        ("sepcnn", "dense", "sepcnn takes sequences of words, and this feed gives numbers"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_those_that_do(name, kind, message):
    with pytest.raises(OptionError, match=message):
        models.build(name, spec_of(kind))


@pytest.mark.parametrize(("kind", "name"), [("tokens", "sepcnn"), ("sparse", "mlp"), ("dense", "mlp")])
def test_auto_takes_what_fits_the_feed(kind, name):
    options = {"embedding_dim": 4} if kind == "tokens" else {}
    assert models.build("auto", spec_of(kind), **options).name == name


@pytest.mark.parametrize(
    "options", [{"blocks": 0}, {"filters": 0}, {"pool_size": 0}, {"embedding_dim": 0}, {"dropout": 1.0}]
)
def test_a_size_that_cannot_be_is_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        models.sepcnn(spec_of("tokens"), **options)


VECTORS = "the 1 2 3\nof 4 5 6\ncat 7 8 9\ncat 0 0 0\n. . . 1 1 1\n"
WORDS = {"cat": 1, "of": 2, "dog": 3, ". . .": 4}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text(VECTORS)
    return path


def feed_on(index: dict[str, int]) -> Any:
    return SimpleNamespace(spec=spec_of("tokens"), transform=SimpleNamespace(word_index=index))


def test_vectors_of_known_words_are_kept_and_the_first_of_two_counts(file):
    vectors = read_embeddings(file, WORDS, num_tokens=6, embedding_dim=3)
    assert vectors.tolist() == [[0] * 3, [7, 8, 9], [4, 5, 6], [0] * 3, [1] * 3, [0] * 3]


def test_a_first_line_of_two_counts_is_passed_over(file):
    expected = read_embeddings(file, WORDS, num_tokens=6, embedding_dim=3)
    file.write_text("5 3\n" + VECTORS.replace("\n", " \r\n"))
    assert np.array_equal(read_embeddings(file, WORDS, num_tokens=6, embedding_dim=3), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "the 1 2\ncat 1 2\n",
            "line 1 holds a vector of 2 numbers, and embedding_dim is 3: pass embedding_dim=2",
        ),
        ("the 1 2 3 4\n", "line 1 holds a vector of 4 numbers, and embedding_dim is 3: pass embedding_dim=4"),
        ("the 1 2 3\ncat 1 2\n", "line 2 holds a vector of 2 numbers"),
        ("the 1 2 3\ncat 1 x 3\n", "line 2 holds something that is no number"),
        ("the 1 2 3\ncat 1 nan 3\n", "line 2 holds a number that is not finite"),
        ("the 1 2 3\n", "holds a vector for none of the 4 words"),
        ("", "holds a vector for none of the 4 words"),
        ("x" * (1 << 20) + "y", "line 1 is longer than"),
    ],
)
def test_a_file_that_holds_no_such_vectors_is_refused_with_its_line(file, text, message):
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_embeddings(file, WORDS, num_tokens=6, embedding_dim=3)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"no-vectors\.txt cannot be read"):
        models.sepcnn(feed_on(WORDS), embeddings=tmp_path / "no-vectors.txt")


def test_pretrained_vectors_take_their_length_from_the_file_and_stay_as_they_are(file):
    model = models.sepcnn(feed_on(WORDS), embeddings=file, filters=2)
    before = model.layers[0].get_weights()[0]
    assert before.shape == (TOKENS, 3)
    assert before[1].tolist() == [7, 8, 9]
    model.fit(words(), np.arange(8) % 3, epochs=2, verbose=0)
    assert np.array_equal(model.layers[0].get_weights()[0], before)


@pytest.mark.slow
@pytest.mark.backends
def test_a_second_stage_trains_them_with_a_learning_rate_of_its_own(file):
    model = models.sepcnn(feed_on(WORDS), embeddings=file, seed=1, metrics=["accuracy"])
    x, y = words(), np.arange(8) % 3
    model.fit(x, y, verbose=0)
    before = model.layers[0].get_weights()[0]
    models.unfreeze(model, learning_rate=0.01)
    assert np.array_equal(model.layers[0].get_weights()[0], before)
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.01)
    history = model.fit(x, y, verbose=0)
    assert set(history.history) == {"accuracy", "loss"}
    assert not np.array_equal(model.layers[0].get_weights()[0], before)


def test_pretrained_vectors_can_be_trained_from_the_start(file):
    model = models.sepcnn(feed_on(WORDS), embeddings=file, seed=1, trainable_embeddings=True)
    before = model.layers[0].get_weights()[0]
    model.fit(words(), np.arange(8) % 3, verbose=0)
    assert not np.array_equal(model.layers[0].get_weights()[0], before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": 1.0}, "has no frozen layer"),
    ],
)
def test_a_second_stage_that_cannot_be_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        models.unfreeze(models.sepcnn(spec_of("tokens"), embedding_dim=4, filters=2), **options)


def test_a_bare_spec_does_not_know_the_words(file):
    with pytest.raises(OptionError, match="pass the feed itself"):
        models.sepcnn(spec_of("tokens"), embeddings=file)
    model = models.sepcnn(spec_of("tokens"), embeddings=file, word_index=WORDS, filters=2)
    assert model.layers[0].get_weights()[0][2].tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("options", "width"), [({}, 7), ({"embedding_dim": 5}, 5), ({"embeddings": "file"}, 3)]
)
def test_a_feed_that_begins_with_a_run_has_words_as_wide_as_it(file, options, width):
    feed = feed_on(WORDS)
    feed.options = SimpleNamespace(inheritance=SimpleNamespace(embedding_dim=7))
    options = {name: file if value == "file" else value for name, value in options.items()}
    model = models.sepcnn(feed, filters=2, **options)
    assert model.layers[0].get_weights()[0].shape == (TOKENS, width)
    assert model.layers[0].trainable == ("embeddings" not in options)


def test_options_for_embeddings_without_embeddings_are_refused(file):
    with pytest.raises(OptionError, match="word_index has no effect"):
        models.sepcnn(spec_of("tokens"), word_index=WORDS)
    with pytest.raises(OptionError, match="embeddings has no effect on mlp"):
        models.build("mlp", spec_of("sparse"), embeddings=file)
    with pytest.raises(OptionError, match=r"not below 3"):
        read_embeddings(file, WORDS, num_tokens=3, embedding_dim=3)


def test_ragged_batches_compile_a_handful_of_programs(monkeypatch):
    import keras

    if keras.backend.backend() != "jax":
        pytest.skip("other backends compile by other rules")
    import jax

    from stoker.kernels.padding import padded_width

    model = models.mlp(spec_of("sparse", "binary", 1), units=4)
    traced = []
    original = type(model).compute_loss_and_updates

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        traced.append(jax.tree.leaves(args[3])[0].shape)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "compute_loss_and_updates", counting)
    random = np.random.default_rng(0)
    for longest in random.integers(1, COLUMNS, 40):
        model.train_on_batch(pairs(4, padded_width(longest, COLUMNS)), np.array([0, 1, 0, 1]))
    assert len(traced) <= 2 * 2  # 64 and 100 wide, and the first step's shapes of the optimizer


@pytest.mark.parametrize(
    "kind", ["sparse", pytest.param("tokens", marks=[pytest.mark.slow, pytest.mark.backends])]
)
def test_a_text_model_learns_and_is_saved_and_loaded(kind, tmp_path):
    import keras

    y = np.arange(64) % 2
    x: Any = pairs(64) if kind == "sparse" else (words(64) // 2 + 15 * y[:, None]).astype(np.int32)
    if kind == "sparse":
        x["values"][y == 0] = 0.0
    options = {} if kind == "sparse" else {"embedding_dim": 32}
    model = models.build("auto", spec_of(kind, "binary", 1), seed=1, learning_rate=0.01, **options)
    history = model.fit(x, y, epochs=30, batch_size=32, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        np.asarray(again.predict_on_batch(x)), np.asarray(model.predict_on_batch(x))
    )
