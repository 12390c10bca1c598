"""Old module paths lead to the names' new homes; names that are gone say what to write instead."""

from __future__ import annotations

import importlib
import sys

import keras
import pytest

from stoker.legacy.gone import BACKEND_NAMES, GONE, sentence_for
from stoker.legacy.modules import HOMES, NAMES

pytestmark = pytest.mark.usefixtures("old_names")


@pytest.fixture
def without_tensorflow():
    """It may be the backend, or another test or library may have imported it where it is installed."""
    if getattr(sys.modules.get("tensorflow"), "__file__", None) or keras.backend.backend() == "tensorflow":
        pytest.skip("tensorflow is TensorFlow")


@pytest.mark.parametrize("name", HOMES)
def test_an_old_module_is_imported_and_has_its_homes_names(name):
    module = importlib.import_module(name)
    home = importlib.import_module(HOMES[name][0])
    public = [each for each in vars(home) if not each.startswith("_")]
    assert public
    assert all(getattr(module, each) is getattr(home, each) for each in public)
    assert importlib.import_module(f"tensorflow.{name}") is module
    assert importlib.import_module(f"tensorflow.python.{name}") is module


@pytest.mark.parametrize("name", HOMES)
def test_a_star_import_takes_all_names(name):
    found: dict[str, object] = {}
    exec(f"from {name} import *", found)
    assert len(found) > 2


@pytest.mark.parametrize(("module", "name"), [(module, name) for module in NAMES for name in NAMES[module]])
def test_an_old_name_is_in_its_module(module, name):
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("full", [*GONE, *(f"keras.backend.{name}" for name in sorted(BACKEND_NAMES))])
def test_a_name_that_is_gone_says_so_wherever_it_is_asked_for(full):
    package, _, name = full.rpartition(".")
    with pytest.raises(ImportError) as by_import:
        exec(f"from {package} import {name}")
    assert str(by_import.value) == sentence_for(full)
    assert len(str(by_import.value).splitlines()) == 1
    if package in sys.modules:
        with pytest.raises(AttributeError) as by_attribute:
            getattr(sys.modules[package], name)
        assert str(by_attribute.value) == sentence_for(full)


def test_what_neither_keras_had_is_missing_in_pythons_own_words():
    with pytest.raises(AttributeError, match=r"module 'keras\.layers' has no attribute 'Nonsense'"):
        _ = keras.layers.Nonsense
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec("from keras.layers.core import Nonsense")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'keras\.nonsense'"):
        importlib.import_module("keras.nonsense")


@pytest.mark.usefixtures("without_tensorflow")
def test_the_stand_in_for_tensorflow_has_keras_alone():
    import tensorflow as tf

    assert tf.keras is keras
    assert tf.python.keras is keras
    for line in ("tf.Session", "tf.constant(1)", "tf.__version__"):
        with pytest.raises(AttributeError):
            eval(line, {"tf": tf})  # noqa: S307 - our own lines
    with pytest.raises(ImportError, match=r"stands for tensorflow\.keras alone"):
        exec("from tensorflow import ConfigProto")


@pytest.mark.usefixtures("without_tensorflow")
def test_keras_itself_does_not_take_the_stand_in_for_tensorflow():
    import tensorflow  # noqa: F401
    from keras.src.utils.module_utils import tensorflow as asked

    assert not asked.available


def test_modules_travel_to_other_processes_without_their_contents():
    import pickle

    from keras.utils import np_utils

    assert len(pickle.dumps(np_utils)) < 200
    assert pickle.loads(pickle.dumps(np_utils)).to_categorical([1]).tolist() == [[0, 1]]  # noqa: S301 - our own
