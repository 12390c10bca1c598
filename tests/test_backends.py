from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stoker import allocator, backends
from stoker.errors import MissingExtraError, OptionError


@pytest.fixture
def without_keras(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As in a process that has not imported Keras yet and has chosen nothing."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return monkeypatch


def found(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: object() if name in names else None)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (("jax", "tensorflow", "torch"), "jax"),
        (("tensorflow", "torch"), "tensorflow"),
        (("torch",), "torch"),
    ],
)
def test_jax_is_the_default_and_otherwise_what_is_installed(there, chosen, without_keras):
    found(without_keras, *there)
    assert backends.installed() == there
    assert backends.choose() == chosen
    assert backends.os.environ["KERAS_BACKEND"] == chosen


def test_the_users_choice_is_never_overridden(without_keras):
    found(without_keras, "jax", "torch")
    without_keras.setenv("KERAS_BACKEND", "torch")
    assert backends.choose() == "torch"
    assert backends.os.environ["KERAS_BACKEND"] == "torch"


def test_no_backend_at_all_names_the_command(without_keras):
    found(without_keras)
    with pytest.raises(MissingExtraError, match=r"pip install 'stoker\[jax\]'"):
        backends.choose()


def test_a_chosen_backend_that_is_not_installed_names_its_command(without_keras):
    found(without_keras, "jax")
    without_keras.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(MissingExtraError, match=r"pip install 'stoker\[tensorflow\]'"):
        backends.choose()


def test_a_backend_that_cannot_train_is_refused(without_keras):
    without_keras.setenv("KERAS_BACKEND", "numpy")
    with pytest.raises(OptionError, match="'numpy', which cannot train"):
        backends.choose()


def test_choosing_imports_neither_keras_nor_a_backend():
    code = (
        "import sys, stoker.backends as b; b.choose();"
        "print([m for m in ('keras', 'jax', 'tensorflow', 'torch') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


@pytest.mark.slow
def test_importing_stoker_first_lets_keras_find_the_default_backend(without_keras):
    program = "import stoker, keras; print(keras.config.backend())"
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == backends.installed()[0]


def test_where_nothing_is_installed_only_training_says_so(without_keras):
    found(without_keras)
    backends.prefer()
    assert "KERAS_BACKEND" not in os.environ


@pytest.mark.parametrize(
    ("wanted", "many_threads"), [(None, True), ("jax", True), ("tensorflow", False), ("torch", False)]
)
def test_the_allocator_is_prepared_for_a_feeds_threads_but_not_beside_those_of_others(
    wanted, many_threads, without_keras
):
    asked = []
    without_keras.setattr(allocator, "prepare", lambda *, many_threads: asked.append(many_threads))
    if wanted is not None:
        without_keras.setenv("KERAS_BACKEND", wanted)
    backends.prepare_for_threads()
    assert asked == [many_threads]


def test_a_feed_waits_for_no_import_of_keras_where_its_backend_is_settled(without_keras):
    without_keras.setenv("KERAS_BACKEND", "torch")
    without_keras.setattr(backends, "_imported", lambda: pytest.fail("the import was waited for"))
    asked = []
    without_keras.setattr(allocator, "prepare", lambda *, many_threads: asked.append(many_threads))
    backends.prepare_for_threads()
    assert asked == [False]


UNACCOMPANIED = """
import importlib.util, sys
from stoker import backends
finders = list(sys.meta_path)
with backends.unaccompanied():
    assert importlib.util.find_spec("pandas") is None  # PyTorch asks, and takes no error for an answer
    import keras, pyarrow
    keras.saving.serialize_keras_object(keras.layers.Dense(1))
    pyarrow.array(["a"])
    alone = sorted({"sklearn", "pandas", "tensorflow", "torch"} & set(sys.modules) - {backends.choose()})
assert [finder for finder in sys.meta_path if finder in finders] == finders
import pandas, sklearn
print(alone, pyarrow.table({"a": [1, 2]}).to_pandas().a.tolist(), len(pyarrow.array(pandas.Series([3]))))
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_keras_can_be_imported_without_what_it_takes_along_and_that_be_imported_later():
    pytest.importorskip("sklearn")
    pytest.importorskip("pandas")
    done = subprocess.run(
        [sys.executable, "-c", UNACCOMPANIED], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.stdout.split("\n")[-2:] == ["[] [1, 2] 1", ""], done.stderr


_SLOWLY = """
import sys, threading, time
from stoker import backends
threading.Thread(target=__import__, args=("keras",)).start()
while "keras" not in sys.modules:
    time.sleep(0.001)
assert backends.choose() == "torch"
"""


@pytest.mark.timeout(60)
def test_a_keras_that_another_thread_is_importing_is_waited_for(tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text(
        "import time, types\ntime.sleep(0.3)\nconfig = types.SimpleNamespace(backend=lambda: 'torch')\n"
    )
    paths = [str(tmp_path), os.path.dirname(os.path.dirname(backends.__file__))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "-c", _SLOWLY], env=environment, check=True, timeout=50)
