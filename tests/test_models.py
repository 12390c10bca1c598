from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stoker import models
from stoker.errors import OptionError
from stoker.types import FeedSpec

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def spec_of(task: Any, outputs: int = 1) -> FeedSpec:
    return FeedSpec(
        input_shape=(5,),
        input_dtype="float32",
        features=("a", "b", "c", "d", "e"),
        task=task,
        classes=None if task == "regression" else tuple(range(max(2, outputs))),
        num_outputs=outputs,
        label="y",
    )


def kernel_of(model: Any, place: int) -> np.ndarray:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(model.layers[place].kernel.value))


class Holder:
    """A feed, as far as models know feeds."""

    spec = spec_of("classes", 3)


@pytest.mark.parametrize(
    ("task", "outputs", "loss", "activation"),
    [
        ("classes", 3, "sparse_categorical_crossentropy", "softmax"),
        ("binary", 1, "binary_crossentropy", "sigmoid"),
        ("regression", 1, "mean_squared_error", "linear"),
    ],
)
@pytest.mark.parametrize("make", [models.linear, models.mlp])
def test_the_last_layer_and_the_loss_follow_the_task(make, task, outputs, loss, activation):
    model = make(spec_of(task, outputs))
    assert model.compiled
    assert model.output_shape == (None, outputs)
    assert model.loss == loss
    assert model.layers[-1].activation.__name__ == activation


def test_an_mlp_has_the_layers_that_were_asked_for():
    model = models.mlp(Holder(), layers=3, units=7, dropout=0.1)
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dropout"] * 3 + ["Dense"]
    assert [layer.units for layer in model.layers[::2]] == [7, 7, 7, 3]
    assert "Dropout" not in {type(layer).__name__ for layer in models.mlp(Holder(), dropout=0.0).layers}


def test_a_seed_makes_the_same_weights():
    first, second, other = (models.mlp(Holder(), units=4, seed=seed) for seed in (1, 1, 2))
    values = [kernel_of(model, 0) for model in (first, second, other)]
    assert np.array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])


def test_layers_of_one_model_begin_differently_under_one_seed():
    model = models.mlp(spec_of("classes", 5), layers=2, units=5, seed=3)
    assert not np.array_equal(kernel_of(model, 0), kernel_of(model, 2))


@pytest.mark.parametrize(
    ("classes", "counts", "middle", "spread"),
    [(None, (), 200_000.0, 50_000.0), ((1e5, 3e5), (3, 1), 150_000.0, 86_602.54)],
)
def test_regression_on_a_feed_answers_in_the_labels_unit(classes, counts, middle, spread):
    labels = SimpleNamespace(minimum=1e5, maximum=3e5, classes=classes, counts=counts)
    feed = SimpleNamespace(spec=spec_of("regression"), survey=SimpleNamespace(view_counts={"y": labels}))
    for model in (models.linear(feed), models.build("mlp", feed)):
        assert model.layers[-1].offset == middle
        assert model.layers[-1].scale == pytest.approx(spread)
        at_zero = np.asarray(model.predict_on_batch(np.zeros((1, 5), np.float32)))
        assert at_zero[0, 0] == pytest.approx(middle, rel=1e-6)


def test_metrics_by_name_fit_the_task():
    model = models.linear(spec_of("binary"), metrics=["accuracy", "auc", "precision", "recall"])
    x, y = np.zeros((8, 5), np.float32), np.arange(8, dtype=np.int32) % 2
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "accuracy", "auc", "precision", "recall"}


@pytest.mark.parametrize(
    ("task", "metric", "message"),
    [
        ("classes", "auc", "is for two classes"),
        ("regression", "accuracy", "is for classes"),
        (
            "binary",
            "binary_crossentropy",
            r"shape \(rows,\) and whose answers have \(rows, 1\) .*try accuracy",
        ),
        ("classes", "mse", "metric 'mse' is for numbers, the task is 'classes'; try accuracy"),
        ("classes", "binary_accuracy", r"answers have \(rows, classes\)"),
        *[
            (
                "classes",
                name,
                rf"metric '{name}' does not fit the task 'classes', .*Error: .*; try accuracy or",
            )
            for name in ("poisson", "hinge", "kl_divergence", "mean_absolute_percentage_error")
        ],
        ("binary", "goodness", "there is no metric 'goodness' in Keras$"),
        ("binary", "acuracy", r"there is no metric 'acuracy' in Keras; did you mean 'accuracy'\?"),
        ("regression", "mean_absolut_error", r"did you mean 'mean_absolute_error'\?"),
        ("classes", "f1_scor", r"did you mean 'F1Score'\?"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(task, metric, message):
    with pytest.raises(OptionError, match=message):
        models.linear(spec_of(task, 3 if task == "classes" else 1), metrics=[metric])


def test_a_metric_that_looks_among_the_five_best_classes_is_taken_with_any_backend():
    models.linear(spec_of("classes", 7), metrics=["sparse_top_k_categorical_accuracy"])
    models.refuse_unfit(["top_k_categorical_accuracy"], ["labels"])


@pytest.mark.parametrize("raised", [RuntimeError, IndexError, ArithmeticError])
def test_whatever_a_metric_raises_is_told_with_its_class_and_words(raised, monkeypatch):
    def sized(labels, answers):
        raise raised("sizes 2 and 3\nof tensors")

    monkeypatch.setattr("keras.metrics.get", lambda name: sized)
    said = (
        rf"^metric 'sized' does not fit .*\(on two rows {raised.__name__}: sizes 2 and 3\); try mae or mse$"
    )
    with pytest.raises(OptionError, match=said):
        models.refuse_unfit(["sized"], ["regression"])


class Unread:
    """A feed whose rows must not be surveyed."""

    @property
    def spec(self) -> Any:
        raise AssertionError("surveyed")


@pytest.mark.parametrize("model", [models.mlp, models.linear, models.sepcnn, models.cnn])
def test_a_metric_that_there_is_not_is_refused_before_the_survey(model):
    for build in (model, lambda feed, **options: models.build(model.__name__, feed, **options)):
        with pytest.raises(OptionError, match="there is no metric 'acuracy'"):
            build(Unread(), metrics=["mae", "acuracy"])


@pytest.mark.parametrize(
    "options", [{"layers": 0}, {"units": 0}, {"dropout": 1.0}, {"dropout": -0.1}, {"learning_rate": 0.0}]
)
def test_a_size_that_cannot_be_is_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        models.mlp(Holder(), **options)


def test_a_model_is_built_by_name_with_options():
    assert models.build("auto", Holder()).name == "mlp"
    assert models.build("mlp", Holder(), units=3).layers[0].units == 3
    assert models.build("linear", Holder().spec).name == "linear"


@pytest.fixture
def module_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(text: str) -> str:
        (tmp_path / "my_model_for_test.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "my_model_for_test", raising=False)
        return "my_model_for_test"

    return write


GOOD = """
import keras

def build(spec):
    model = keras.Sequential([keras.layers.Input(spec.input_shape), keras.layers.Dense(spec.num_outputs)])
    model.compile("sgd", "mse")
    return model

def unfinished(spec):
    return keras.Sequential([keras.layers.Dense(1)])

def nothing(spec):
    return None

number = 3
"""


def test_a_function_of_ones_own_gets_the_spec(module_of):
    name = module_of(GOOD)
    assert models.build(f"{name}:build", Holder()).output_shape == (None, 3)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("unfinished", "is not compiled"),
        ("nothing", "must return a keras.Model, got NoneType"),
        ("absent", "has no function 'absent'"),
        ("number", "has no function 'number'"),
    ],
)
def test_a_function_that_gives_no_compiled_model_is_refused(function, message, module_of):
    name = module_of(GOOD)
    with pytest.raises(OptionError, match=message):
        models.build(f"{name}:{function}", Holder())


def test_an_error_inside_of_ones_own_module_is_shown_as_it_is(module_of):
    name = module_of("import a_module_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        models.build(f"{name}:build", Holder())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet", {}, "model must be auto, mlp, linear, sepcnn, cnn or package.module:build, got 'resnet'"),
        ("no_such_package_here.models:build", {}, "there is no module"),
        ("mlp", {"depth": 3}, "does not take these options"),
        ("json:loads", {"units": 3}, "units has no effect on a model of your own"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(name, options, message):
    with pytest.raises(OptionError, match=message):
        models.build(name, Holder(), **options)
