"""Two processes of this machine, begun without Ray, come to what one comes to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from member import write_data, write_spoilt, write_texts

MEMBER = Path(__file__).parent / "member.py"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("members")
    write_data(made)
    write_texts(made)
    write_spoilt(made)
    return made


@contextmanager
def members(folder: Path, count: int, **options: Any) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes that train together; none of them runs any more afterwards."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    with ExitStack() as stack:
        begun = []
        for rank in range(count):
            command = [sys.executable, MEMBER, address, str(rank), str(count), folder, json.dumps(options)]
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"JAX_PLATFORMS": "cpu"},
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            begun.append(process)
        yield begun


def answers(processes: list[subprocess.Popen[str]]) -> list[Any]:
    found = []
    for process in processes:
        out, err = process.communicate(timeout=500)
        assert process.returncode == 0, err
        found.append(json.loads(out.splitlines()[-1]))
    return found


def record(run: Path) -> Any:
    return json.loads((run / "run.json").read_bytes())


def digests(run: Path) -> list[tuple[str, str]]:
    return [(epoch["order_digest"], epoch["member_digest"]) for epoch in record(run)["epochs"]]


def weights(run: Path) -> list[Any]:
    import keras

    return [np.asarray(each) for each in keras.saving.load_model(run / "last.keras").get_weights()]


@pytest.mark.parametrize(("batch_size", "count"), [(20, 2), (21, 2), (20, 3)])
def test_they_come_to_the_same_losses_weights_and_digests(folder, batch_size, count):
    options = {"epochs": 2, "batch_size": batch_size, "validate_every": "23steps", "early_stopping": 9}
    one, together = (folder / f"{name}-{batch_size}-{count}" for name in ("one", "together"))
    with members(folder, 1, run=one.name, **options) as processes:
        ((history, rows, best_step, _),) = answers(processes)
    with members(folder, count, run=together.name, **options) as processes:
        found = answers(processes)

    assert digests(together) == digests(one)
    assert [each[0] for each in found] == [found[0][0]] * count
    assert (found[0][1], found[0][2]) == (rows, best_step)
    for name, values in history.items():
        assert found[0][0][name] == pytest.approx(values, abs=2e-6), name
    for expected, value in zip(weights(one), weights(together), strict=True):
        np.testing.assert_allclose(value, expected, atol=2e-5)
    assert record(together)["outcome"]["rows"] == rows
    assert record(together)["training"]["hosts"] == count


def test_when_one_is_killed_the_others_end_and_one_process_goes_on(folder):
    options = {"epochs": 2, "checkpoint_every": "10steps", "slow": 0.02}
    with members(folder, 1, run="never-killed", epochs=2) as processes:
        answers(processes)
    with members(folder, 2, run="killed", **options) as (first, second):
        while not any((folder / "killed/checkpoints").glob("step-*")):
            assert first.poll() is None
            time.sleep(0.01)
        second.kill()
        assert first.wait(timeout=100) != 0

    with members(folder, 1, run="killed", resume="auto", **options) as processes:
        answers(processes)

    assert digests(folder / "killed") == digests(folder / "never-killed")
    for expected, value in zip(weights(folder / "never-killed"), weights(folder / "killed"), strict=True):
        np.testing.assert_allclose(value, expected, atol=2e-5)


def test_ctrl_c_on_any_of_them_stops_all_behind_the_same_step(folder):
    options = {"epochs": 2, "checkpoint_every": "10steps", "slow": 0.02}
    with members(folder, 2, run="stopped", **options) as (first, second):
        while not any((folder / "stopped/checkpoints").glob("step-*")):
            assert first.poll() is None
            time.sleep(0.01)
        second.send_signal(signal.SIGINT)
        first.communicate(timeout=100)
        second.communicate(timeout=100)

    assert record(folder / "stopped")["outcome"]["status"] == "interrupted"
    steps = record(folder / "stopped")["outcome"]["steps"]
    assert (folder / f"stopped/checkpoints/step-{steps:012d}").is_dir()


def test_models_that_draw_their_first_weights_begin_alike(folder):
    with members(folder, 2, run="drawn", epochs=1, seeded=False) as processes:
        found = answers(processes)

    assert found[0][3] == found[1][3]


def test_rows_of_texts_are_as_wide_for_all_as_the_widest(folder):
    with members(folder, 1, run="texts", epochs=2, texts=True) as processes:
        ((history, _, _, expected),) = answers(processes)
    with members(folder, 2, run="texts-together", epochs=2, texts=True) as processes:
        found = answers(processes)

    assert digests(folder / "texts-together") == digests(folder / "texts")
    assert found[0][0]["loss"] == pytest.approx(history["loss"], abs=2e-6)
    assert found[0][3] == pytest.approx(expected, rel=1e-5)


def test_bad_rows_are_set_aside_and_the_step_of_a_spoilt_loss_is_found_as_by_one(folder):
    options = {"epochs": 1, "spoilt": True}
    with members(folder, 1, run="spoilt-one", **options) as processes:
        ((text, step, rows),) = answers(processes)
    with members(folder, 2, run="spoilt", **options) as processes:
        found = answers(processes)

    assert "became no finite numbers in step" in text or "the loss became" in text
    told = text.replace("spoilt-one", "spoilt")
    assert found == [[told, step, rows]] * 2
    assert rows == 20
    assert (folder / "spoilt/quarantine.csv").read_bytes() == (
        folder / "spoilt-one/quarantine.csv"
    ).read_bytes()
    assert (folder / "spoilt/quarantine.csv").read_text().count("\n") == 3
