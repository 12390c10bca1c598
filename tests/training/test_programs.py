"""Programs that are compiled ahead change nothing, and leave whoever tells of a mistake where he was."""

from __future__ import annotations

import threading
from typing import Any

import keras
import numpy as np
import pytest
from memory_feed import make_feed

import stoker
from stoker import models
from stoker.training import fit as fitting
from stoker.training import programs as compiling
from stoker.training.feeding import begun, expected_of
from stoker.training.programs import Programs, compile_ahead
from stoker.training.protocols import Expected
from test_text_feed import make_texts, opened, write_table
from text_transforms import Numbers, Words

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX alone compiles by shapes"),
]


def expecting(feed: Any, *shapes: tuple[int, ...]) -> Any:
    y = np.zeros((), np.int32)
    feed.expected_batches = lambda: [
        (np.zeros(shape, np.float32), np.broadcast_to(y, shape[:1]), None) for shape in shapes
    ]
    return feed


def built(seed: int = 3) -> Any:
    from stoker.training.adapter import build_model

    model = models.mlp(make_feed("classes").spec, units=5, seed=seed)
    build_model(model, make_feed("classes").spec, 8)
    return model


def trained(feed: Any, **options: Any) -> tuple[Any, Any]:
    model = built()
    history = stoker.fit(
        model, feed, validation=make_feed("classes", rows=20, seed=4), epochs=2, progress="none", **options
    )
    return model, history


def compiled_by_jax(model: Any) -> int:
    """Programs that were made while a batch was waiting."""
    return model.train_function._jitted._cache_size() + model.test_function._jitted._cache_size()


def test_training_is_the_same_to_the_bit_with_programs_compiled_ahead(monkeypatch):
    ahead, _ = trained(expecting(make_feed("classes"), (8, 4), (2, 4)))
    assert model_is_ready(ahead)
    monkeypatch.setattr(fitting, "compile_ahead", lambda *given: None)
    plain, _ = trained(make_feed("classes"))
    for one, other in zip(ahead.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def model_is_ready(model: Any) -> bool:
    return model.train_function._jitted._cache_size() == 0


@pytest.mark.parametrize("weight", [None, "balanced"])
@pytest.mark.parametrize("transform", [Words, Numbers, None], ids=["sparse", "tokens", "regression"])
def test_the_batches_of_a_feed_have_the_shapes_and_types_that_it_expects(tmp_path, transform, weight):
    if transform is None:
        if weight is not None:
            pytest.skip("values have no classes to weigh")
        path = tmp_path / "n.csv"
        path.write_text("x,y\n" + "".join(f"{row},{row / 7}\n" for row in range(150)))
        feed = stoker.Feed(stoker.open(path, label="y"), batch_size=64, task="regression")
    else:
        path = write_table(tmp_path / "t.csv", *make_texts(rows=150))
        options = {"batch_size": 64, "class_weight": weight, "epochs": 2}
        feed = stoker.Feed(opened(path), transform=transform(), **options)
    seen = {described((batch.x, batch.y, batch.sample_weight)) for batch in feed.epoch(0)}
    assert {described(batch) for batch in feed.expected_batches()} == seen
    assert len(seen) == 2


def described(batch: Any) -> Any:
    x, y, weights = batch
    parts = [*(x.values() if isinstance(x, dict) else [x]), y, *([] if weights is None else [weights])]
    return tuple((part.shape, str(part.dtype)) for part in parts)


@pytest.mark.slow
@pytest.mark.backends
def test_texts_wait_for_no_compilation_but_that_of_the_first_program(tmp_path):
    path = write_table(tmp_path / "t.csv", *make_texts(rows=300))
    feed = stoker.Feed(opened(path), transform=Words(), batch_size=64, epochs=2)
    model = models.mlp(feed, units=4, seed=1)
    valid = write_table(tmp_path / "v.csv", *make_texts(rows=100, seed=9))
    stoker.fit(model, feed, validation=valid.as_posix(), epochs=2, progress="none")
    assert compiled_by_jax(model) == 0


LONG = 8 * 100 + 2
"""Rows of an epoch whose last batch, of two, is rare."""


def trained_long(*expected: tuple[int, ...]) -> Any:
    model = built()
    stoker.fit(model, expecting(make_feed("classes", rows=LONG), *expected), epochs=1, progress="none")
    return model


def test_the_short_last_batch_of_a_long_epoch_alone_is_rare():
    long, short = (expecting(make_feed("classes", rows=rows)) for rows in (LONG, LONG - 16))
    assert (expected_of(long).rare_rows, expected_of(short).rare_rows) == (8, 0)
    assert expected_of(None) == expected_of(make_feed("classes", rows=LONG)) == Expected()


def test_a_rare_batch_has_the_program_that_is_quick_to_make_whether_it_was_expected_or_not():
    ahead, behind = trained_long((8, 4), (2, 4)), trained_long()
    counts = [
        (model.train_function._jitted._cache_size(), model.train_function._quickly._cache_size())
        for model in (ahead, behind)
    ]
    assert counts == [(0, 0), (1, 1)]
    for one, other in zip(ahead.get_weights(), behind.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def programs_of(model: Any) -> tuple[int, int]:
    """Programs that were made while a batch was waiting: as ever, and quickly."""
    step = model.train_function
    return step._jitted._cache_size(), step._quickly._cache_size()


@pytest.mark.parametrize("rows", [(LONG, LONG - 16), (LONG - 16, LONG)], ids=["long first", "short first"])
def test_a_model_that_was_trained_before_takes_the_programs_that_a_new_one_would(rows):
    model, found = built(), []
    for each in rows:
        feed = expecting(make_feed("classes", rows=each), (8, 4), (2, 4))
        stoker.fit(model, feed, epochs=1, progress="none")
        found.append(programs_of(model))
    # The first training's were ahead; the program that it had for batches of two is not the second's.
    assert found == [(0, 0), (1, 0) if rows[0] == LONG else (0, 1)]


@pytest.mark.parametrize("after", ["another feed", "keras"])
def test_no_batch_is_rare_behind_the_training_that_it_was_rare_in(after):
    model = trained_long((8, 4), (2, 4))
    x, y = np.ones((6, 4), np.float32), np.zeros(6, np.int32)
    if after == "keras":
        model.fit(x, y, batch_size=3, verbose=0)
    else:
        stoker.fit(model, ArraySequence(x, y), epochs=1, progress="none")
    assert programs_of(model) == (1, 0)


class ArraySequence(keras.utils.PyDataset):
    """Batches of three, of which nothing is known before they come."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Any:
        return self.x[3 * number : 3 * number + 3], self.y[3 * number : 3 * number + 3]


@pytest.mark.parametrize("before", ["fit", "evaluate"])
def test_a_model_that_keras_had_before_takes_the_programs_that_a_new_one_would(before):
    model, x, y = built(), np.ones((8, 4), np.float32), np.zeros(8, np.int32)
    getattr(model, before)(x, y, batch_size=8, verbose=0)
    stoker.fit(model, expecting(make_feed("classes", rows=LONG)), epochs=1, progress="none")
    assert programs_of(model) == (1, 1)


def test_a_program_that_is_quick_to_make_computes_the_same(monkeypatch):
    quick = trained_long((8, 4), (2, 4))
    monkeypatch.setattr(compiling, "_quick_to_make", lambda: None)
    plain = trained_long((8, 4), (2, 4))
    for one, other in zip(quick.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_options_that_this_xla_lacks_are_done_without(monkeypatch):
    known = compiling._quick_to_make()
    assert known
    assert known.items() <= compiling._QUICK_TO_MAKE.items()
    monkeypatch.setattr(compiling, "_QUICK_TO_MAKE", {"xla_cpu_of_another_time": True} | known)
    assert compiling._quick_to_make.__wrapped__() == known
    monkeypatch.setattr(compiling, "_QUICK_TO_MAKE", {"xla_cpu_of_another_time": True})
    assert compiling._quick_to_make.__wrapped__() is None


def test_a_training_goes_on_with_programs_that_were_begun_before_it():
    feed = expecting(make_feed("classes"), (8, 4), (2, 4))
    valid = expecting(make_feed("classes", rows=20, seed=4), (8, 4), (4, 4))
    model = models.mlp(feed.spec, units=5, seed=3)
    with begun(model, feed) as validated_on:
        step = model.train_function
        validated_on(valid)
        stoker.fit(model, feed, validation=valid, epochs=2, progress="none")
    assert model.train_function is step
    assert compiled_by_jax(model) == 0
    plain, _ = trained(make_feed("classes"))
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_programs_that_were_begun_for_a_training_that_never_came_are_left_alone():
    feed = expecting(make_feed("classes"), (8, 4), (2, 4))
    model = built()
    with pytest.raises(LookupError), begun(model, feed):
        raise LookupError
    assert not [each for each in threading.enumerate() if each.name.startswith("stoker-compile")]
    stoker.fit(model, feed, epochs=1, progress="none")


def test_a_batch_that_nobody_expected_is_compiled_when_it_comes():
    model, history = trained(expecting(make_feed("classes"), (8, 4)))
    assert model.train_function._jitted._cache_size() == 1  # the short last batch
    assert np.isfinite(history.history["loss"]).all()


def test_wrong_expectations_are_no_mistake():
    model, _ = trained(expecting(make_feed("classes"), (8, 9), (8, 4)))
    assert model.train_function._jitted._cache_size() == 1


def test_a_model_that_was_compiled_again_takes_no_old_program():
    model = built()
    feed = expecting(make_feed("classes"), (8, 4), (2, 4))
    stoker.fit(model, feed, epochs=1, progress="none")
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.layers[0].get_weights()[0]
    stoker.fit(model, feed, epochs=1, progress="none")
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], before)


def test_a_state_of_another_shape_has_its_own_program():
    import jax

    batch = (np.ones((2, 3), np.float32), None, None)
    programs = Programs()
    step = programs.step(
        lambda state, data: (data[0].sum(), 2 * state),
        jax.ShapeDtypeStruct((3,), np.float32),
        Expected((batch,)),
    )
    for size in (3, 4):
        logs, state = step(jax.numpy.ones(size), iter([batch]))
        assert (float(logs), state.tolist()) == (6.0, [2.0] * size)
    programs.end()


def test_no_compilation_goes_on_behind_a_training_that_ended():
    class EndedError(Exception):
        pass

    class AtOnce(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            raise EndedError

    with pytest.raises(EndedError):
        trained(expecting(make_feed("classes"), (8, 4), (2, 4), (3, 4)), callbacks=[AtOnce()])
    assert not [each for each in threading.enumerate() if each.name.startswith("stoker-compile")]


def test_what_is_wrong_with_a_step_is_said_by_the_step_itself():
    model = built()

    def failing(y: Any, outputs: Any) -> Any:
        if outputs.shape[0] == 2:
            raise LookupError("a loss for eights alone")
        return keras.ops.mean(outputs, axis=-1)

    model.compile("sgd", failing)
    feed = expecting(make_feed("classes"), (8, 4), (2, 4))
    with pytest.raises(LookupError, match="for eights alone"):
        stoker.fit(model, feed, epochs=1, progress="none")


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model, "run_eagerly", True),
        lambda model: setattr(model, "steps_per_execution", 2),
        lambda model: setattr(model, "train_function", lambda state, iterator: None),
    ],
    ids=["eager", "several steps", "of one's own"],
)
def test_other_steps_than_those_of_keras_are_left_to_keras(change):
    model = built()
    change(model)
    assert compile_ahead(model, expected_of(expecting(make_feed("classes"), (8, 4))), Expected()) is None


def test_a_train_step_of_ones_own_is_left_alone():
    class Own(keras.Model):
        def train_step(self, state: Any, data: Any) -> Any:
            return super().train_step(state, data)

    inputs = keras.Input((4,))
    model = Own(inputs, keras.layers.Dense(3)(inputs))
    model.compile("sgd", "mse")
    assert compile_ahead(model, expected_of(expecting(make_feed("classes"), (8, 4))), Expected()) is None
