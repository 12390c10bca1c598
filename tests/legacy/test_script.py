"""stoker legacy SCRIPT.py runs a script as python would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stoker.cli import main
from stoker.legacy import run_script

pytestmark = pytest.mark.timeout(120)

OF_TENSORFLOW = re.compile(
    r"^(?:WARNING: All log messages before absl|To enable the following instructions|[IWE]\d{4} [\d:.]+ )"
    r".*\n",
    re.MULTILINE,
)
"""What it tells on standard error of the machine that it finds."""


@pytest.fixture
def script(tmp_path):
    def write(text: str, name: str = "script.py") -> str:
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
        return str(tmp_path / name)

    return write


def in_a_process(*arguments: str, flags: tuple[str, ...] = (), **options) -> subprocess.CompletedProcess[str]:
    """`stoker legacy` as a shell starts it, which takes seconds."""
    command = [sys.executable, *flags, "-m", "stoker", "legacy", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)
    done.stderr = OF_TENSORFLOW.sub("", done.stderr)
    return done


@pytest.fixture
def stoker(capfd):
    """`stoker legacy` here: its exit code, and what it says on standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        return main(["legacy", *arguments]), *capfd.readouterr()

    return run


def plainly(path: str) -> tuple[int, str, str]:
    """What `python SCRIPT.py` does."""
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


PROGRAM = """
    import sys, pickle
    class Mine: pass
    print(__name__, __file__, sys.argv[1:], sys.path[0])
    print(sys.modules["__main__"].Mine is Mine, pickle.loads(pickle.dumps(Mine())).__class__ is Mine)
    print(__builtins__.len("abc"), input())

    import keras
    import numpy as np
    from keras.layers import Dense
    from keras.models import Sequential
    from keras.utils import Sequence, np_utils

    class Batches(Sequence):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            import sys

            assert "keras" not in sys.modules
            return np.ones((8, 4)), np_utils.to_categorical(np.arange(8) % 3, 3)

    model = Sequential()
    model.add(Dense(3, input_dim=4, activation="softmax"))
    model.compile("sgd", "categorical_crossentropy", metrics=["acc"])
    history = model.fit_generator(Batches(), epochs=2, verbose=0, workers=2, use_multiprocessing=True)
    print(sorted(history.history), history.epoch)
    try:
        keras.layers.Dense(output_dim=3)
    except FutureWarning as told:
        print(told)
    sys.exit(7)
"""


def by_a_shell(test):
    """For what looks at `program`."""
    return pytest.mark.slow(pytest.mark.backends(test))


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> tuple[str, subprocess.CompletedProcess[str]]:
    """A script that a shell started, and what became of it."""
    path = tmp_path_factory.mktemp("program") / "script.py"
    path.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    words, flags = ("--help", "-x", "7", "--", "-"), ("-W", "error::FutureWarning")
    return str(path), in_a_process(str(path), *words, flags=flags, input="typed\n", cwd="/")


@by_a_shell
def test_the_script_finds_itself_as_the_program(program):
    path, done = program
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.splitlines()[:3] == [
        f"__main__ {path} ['--help', '-x', '7', '--', '-'] {Path(path).parent}",
        "True True",
        "3 typed",
    ]


@by_a_shell
def test_a_sequence_of_the_scripts_is_computed_in_processes_that_never_run_the_script_again(program):
    _, done = program
    assert done.stderr == ""
    assert done.stdout.count("__main__") == 1
    assert done.stdout.splitlines()[3:4] == ["['acc', 'loss'] [0, 1]"]


@pytest.mark.parametrize(
    ("leaving", "code", "said"),
    [("sys.exit(7)", 7, ""), ("sys.exit()", 0, ""), ("sys.exit('over')", 1, "over\n"), ("pass", 0, "")],
)
def test_the_scripts_exit_code_is_ours(leaving, code, said, script, stoker):
    assert stoker(script(f"import sys\n{leaving}\n")) == (code, "", said)


@pytest.mark.parametrize("text", ["def f():\n    raise KeyError('mine')\nf()\n", "x = (\n"])
def test_an_uncaught_exception_shows_the_scripts_own_frames_as_python_does(text, script, stoker):
    path = script(text)
    assert stoker(path) == plainly(path)


def test_a_missing_script_is_one_sentence(tmp_path, stoker):
    path = str(tmp_path / "nowhere.py")
    said = f"stoker: cannot read the script {path}: no such file or directory\n"
    assert stoker(path) == (2, "", said)


def test_a_folder_is_one_sentence(tmp_path, stoker):
    assert stoker(str(tmp_path)) == (2, "", f"stoker: {tmp_path} is a folder: name the script itself\n")


@by_a_shell
def test_filters_of_warnings_are_those_of_the_interpreter(program, script, stoker):
    path = script("import keras\nkeras.layers.Dense(output_dim=3)\n")
    with pytest.warns(FutureWarning, match="output_dim= is units="):
        assert stoker(path)[0] == 0
    (raised,) = program[1].stdout.splitlines()[4:]  # as its -W says
    assert "output_dim= is units=" in raised


def test_ctrl_c_ends_it_with_130(script, stoker):
    path = script("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    assert stoker(path) == (130, "", "stoker: stopped by Ctrl-C\n")


@pytest.mark.slow
def test_ctrl_c_ends_a_process_of_its_own_with_130(script):
    path = script("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
    command = [sys.executable, "-m", "stoker", "legacy", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=100)
    assert (process.returncode, OF_TENSORFLOW.sub("", said)) == (130, "stoker: stopped by Ctrl-C\n")


def test_run_script_leaves_the_program_as_it_was(script):
    before = sys.modules["__main__"], list(sys.argv), list(sys.path), os.getcwd()
    assert run_script(script("import sys; sys.exit(3)")) == 3
    assert (sys.modules["__main__"], sys.argv, sys.path, os.getcwd()) == before


def test_the_seam_takes_a_path_and_arguments(script, tmp_path):
    path = script("import pathlib, sys\npathlib.Path(sys.argv[1]).write_text(sys.argv[0])\n")
    assert run_script(path, [str(tmp_path / "out")]) == 0
    assert Path(tmp_path / "out").read_text() == path
