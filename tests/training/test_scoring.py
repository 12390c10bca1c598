from __future__ import annotations

import keras
import numpy as np
import pytest
from memory_feed import make_feed

from stoker.errors import OptionError
from stoker.training.scoring import Scorer, class_indices


class Fixed:
    """A model whose outputs are its inputs, and that knows the sizes it was asked for."""

    name = "fixed"

    def __init__(self, loss: object = "any", width: int | None = None) -> None:
        self.loss, self.width, self.sizes = loss, width, set()

    def predict_on_batch(self, x):
        self.sizes.add(len(x))
        return x[:, : self.width] if self.width else x


def scorer_of(model, task: str, outputs: int = 3) -> Scorer:
    return Scorer(model, make_feed(task, columns=outputs).spec)


def scores(model, task: str, x: np.ndarray) -> np.ndarray:
    (only,) = scorer_of(model, task)(x)
    return only


def test_every_call_of_the_model_has_one_size():
    model = Fixed()
    scorer = scorer_of(model, "classes")
    x = np.random.default_rng(0).random((2 * scorer.batch_rows + 5, 3)).astype(np.float32)
    assert np.array_equal(scorer(x)[0], x)
    assert model.sizes == {scorer.batch_rows}


@pytest.mark.parametrize(("rows", "size"), [(0, 256), (1, 256), (2048, 256), (2049, 4096), (4097, 4096)])
def test_few_rows_are_filled_up_to_a_sixteenth_where_that_is_asked_for(rows, size):
    x = np.random.default_rng(0).random((rows, 3)).astype(np.float32)
    for spares, expected in ((True, size), (False, 4096)):
        model = Fixed()
        found = Scorer(model, make_feed("classes", columns=3).spec, spares=spares)(x)
        assert np.array_equal(found[0], x)
        assert model.sizes == {expected}


def test_wide_rows_make_small_batches():
    assert scorer_of(Fixed(), "classes", 3).batch_rows == 4096
    wide = make_feed("classes", columns=100_000, rows=1).spec
    assert Scorer(Fixed(), wide).batch_rows == 16


def test_no_rows_give_no_outputs():
    assert scores(Fixed(), "classes", np.empty((0, 3), np.float32)).shape == (0, 3)
    assert scores(Fixed(width=1), "binary", np.empty((0, 3), np.float32)).shape == (0,)


def test_logits_become_probabilities():
    x = np.array([[1.0, 2.0, -40.0], [700.0, 0.0, 0.0]], np.float32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found = scores(Fixed(loss), "classes", x)
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert found[0] == pytest.approx(np.exp(x[0]) / np.exp(x[0]).sum(), rel=1e-5)
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    assert scores(Fixed(binary, 1), "binary", x[:1]) == pytest.approx([1 / (1 + np.exp(-1))])


def test_two_outputs_for_two_classes_are_taken_for_the_second():
    x = np.array([[0.3, 0.7, 0.0]], np.float32)
    assert scores(Fixed(width=2), "binary", x) == pytest.approx([0.7])


def test_outputs_of_another_shape_are_refused_with_both_shapes():
    with pytest.raises(OptionError, match=r"outputs of shape \(2,\) a row, the task 'classes' needs \(3,\)"):
        scores(Fixed(width=2), "classes", np.zeros((1, 3), np.float32))


def test_the_likeliest_class_is_found():
    assert class_indices(np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)).tolist() == [1, 0]
    assert class_indices(np.array([0.5, 0.51], np.float32)).tolist() == [0, 1]
