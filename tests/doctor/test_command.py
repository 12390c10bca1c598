"""``stoker doctor`` and ``stoker legacy --doctor``."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from stoker.cli import main

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
    import sys
    import numpy as np
    from keras.layers import Dense
    from keras.models import Sequential

    x, y = np.arange(400.0).reshape(100, 4) / 400, np.arange(100) % 3

    def batches(shuffle):
        rng = np.random.default_rng(0)
        while True:
            order = rng.permutation(100) if shuffle else np.arange(100)
            for start in range(0, 100, 20):
                rows = order[start : start + 20]
                yield x[rows], y[rows]

    model = Sequential()
    model.add(Dense(3, activation="softmax", input_dim=4))
    model.compile("sgd", "sparse_categorical_crossentropy")
    print("arguments", sys.argv[1:])
    model.fit_generator(batches("--shuffle" in sys.argv), steps_per_epoch=5, epochs=2, verbose=0)
    print("trained")
"""


@pytest.fixture
def stoker(tmp_path, monkeypatch, capsys):
    """Run a command in the script's folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["stoker", *arguments])
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(textwrap.dedent(SCRIPT), "utf-8")
    return path


def test_problems_are_told_and_nothing_is_trained(script, stoker):
    code, out, _ = stoker("doctor", script.name, "--batches", "7", "--batches", "8")
    assert code == 1
    assert "arguments ['--batches', '7', '--batches', '8']" in out
    assert "trained" not in out.splitlines()
    assert "problem   not-shuffled in training (epoch 2, batch 1, row 1)" in out
    assert "remedy    draw a new order" in out


def test_a_healthy_script_has_a_clean_bill_of_health_as_json_too(script, stoker):
    code, out, _ = stoker("doctor", "--json", script.name, "--shuffle")
    assert code == 0
    report = json.loads(out.splitlines()[-1])
    assert report["script"] == "train.py"
    assert (report["problems"], report["batches"]) == (0, 10)
    # On a busy machine batches may be slower than steps.
    assert {each["name"] for each in report["findings"]} <= {"model-waits"}
    assert report["step_seconds"] > 0


def test_a_look_can_be_bounded_and_quiet(script, stoker):
    code, out, _ = stoker("doctor", "--batches", "3", script.name)
    assert code == 0
    assert "looked at 3 batches, 60 rows" in out
    assert "the first epoch was not seen to its end" in " ".join(out.split())
    code, out, _ = stoker("doctor", "--quiet", script.name)
    assert (code, out) == (1, "arguments []\n")


def test_a_script_that_is_not_there_and_one_that_trains_nothing_are_mistakes(tmp_path, stoker):
    (tmp_path / "idle.py").write_text("print('nothing')\n", "utf-8")
    absent, idle = stoker("doctor", "absent.py"), stoker("doctor", "idle.py")
    assert (absent[0], idle[0]) == (2, 2)
    assert "absent.py" in absent[2]
    assert "idle.py ended with exit code 0 before it called fit_generator" in idle[2]


def test_a_flag_before_the_script_is_not_given_twice(script, stoker):
    code, _, err = stoker("doctor", "--batches", "3", "--batches=4", script.name)
    assert code == 2
    assert "--batches takes one value and was given '3' and '4'" in err


def test_fit_on_a_generator_is_examined_as_fit_generator_is(tmp_path, script, stoker):
    other = tmp_path / "fit.py"
    other.write_text(script.read_text("utf-8").replace("model.fit_generator(", "model.fit("), "utf-8")
    code, out, _ = stoker("doctor", "fit.py")
    assert code == 1
    assert "not-shuffled" in out


def test_legacy_trains_and_tells_on_standard_error(script, stoker):
    code, out, err = stoker("legacy", "--doctor", script.name)
    assert code == 0
    assert out.splitlines() == ["arguments []", "trained"]
    assert "looked at 10 batches, 200 rows" in err
    assert "problem   not-shuffled" in err


@pytest.mark.slow
def test_a_process_of_its_own_ends_with_the_exit_code(script):
    command = [sys.executable, "-m", "stoker", "doctor", script.name]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, timeout=150)
    assert done.returncode == 1, done.stderr
    assert "not-shuffled" in done.stdout
