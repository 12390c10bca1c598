"""What several processes cannot do together is refused with a way out."""

import keras
import numpy as np
import pytest

import stoker
from stoker import distributed
from stoker.errors import OptionError
from stoker.group import Group
from stoker.training.together import refuse_unshareable

of_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="other backends are refused before")


@pytest.fixture
def feed(tmp_path):
    rows = np.random.default_rng(1).normal(size=(40, 3)).round(3)
    np.savetxt(tmp_path / "t.csv", rows, "%g", ",", header="a,b,y", comments="")
    return stoker.Feed(stoker.open(tmp_path / "t.csv", label="y"), batch_size=4, memory="8MB")


def built(**options):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **({"jit_compile": True} | options))
    return model


def refused(model, training, validation=None, count=2):
    with pytest.raises(OptionError) as found:
        refuse_unshareable(Group(0, count, lambda frame: frame), model, training, validation)
    return str(found.value)


@of_jax
@pytest.mark.parametrize("options", [{"steps_per_execution": 4}, {"run_eagerly": True, "jit_compile": False}])
def test_steps_that_are_not_compiled_one_at_a_time(feed, options):
    assert "compile the model with jit_compile=True" in refused(built(**options), feed)


@of_jax
def test_generators_and_sequences(feed):
    assert "training on several hosts needs a stoker.Feed" in refused(built(), object())
    assert "validation on several hosts needs a stoker.Feed" in refused(built(), feed, object())


@of_jax
def test_more_hosts_than_a_batch_has_rows(feed):
    assert "5 hosts cannot share batches of 4 rows: raise batch_size=" in refused(built(), feed, count=5)


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_other_backends_than_jax(feed, monkeypatch, backend):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setattr("stoker.backends.choose", lambda: backend)

    assert f"needs the JAX backend, and this is {backend}" in refused(None, feed)
    with pytest.raises(OptionError, match=f"needs the JAX backend, and this is {backend}"):
        distributed.run(print, hosts=2)


@of_jax
def test_a_compiled_model_and_a_feed_are_not_refused(feed):
    refuse_unshareable(Group(0, 2, lambda frame: frame), built(), feed, feed)
