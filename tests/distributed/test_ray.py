"""Two worker processes of a Ray cluster of this machine come to what one process comes to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from commands import CHECKPOINTED, EPOCHS, ROWS, TRAIN, answered, started, wait_for_a_checkpoint, workers_of

from stoker.cluster.notes import own_notes

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


MIXED = [
    *("--label", "sold", "--types", "note=text", "--batch-size", "32", "--epochs", str(EPOCHS)),
    *("--model", "mlp", "--early-stopping", "off", "--json"),
]


def write_mixed(folder: Path, rows: int = 8_000) -> None:
    """Rows of a number with gaps, a category and a text."""
    draw = np.random.default_rng(3)
    words = np.array(["good", "bad", "film", "fun", "luck", "long"])
    lines = ["price,kind,note,sold"]
    for row in range(rows):
        note = " ".join(words[draw.integers(0, 6, draw.integers(1, 9))])
        price = f"{draw.normal():.3f}" if row % 9 else ""
        lines.append(f"{price},{words[row % 4]},{note},{int('good' in note)}")
    (folder / "mixed.csv").write_text("\n".join([*lines, ""]))


def weights_of(run: Path) -> list[Any]:
    import keras

    import stoker.layers  # noqa: F401  # registers what a model may be made of

    return [np.asarray(each) for each in keras.saving.load_model(run / "last.keras").get_weights()]


def ours() -> list[int]:
    """Processes of Ray's that this test began, directly or not."""
    return [each.pid for each in psutil.Process().children(recursive=True)]


@pytest.fixture(scope="module")
def two(folder: Path, scratch: Path) -> dict[str, Any]:
    """What two hosts come to of which none is lost; nothing of them runs any more, and no file is left."""
    command = [*TRAIN, "--run", "two", "--hosts", "2"]
    with started(folder, *command, RAY_TMPDIR=str(scratch)) as process:
        found = answered(process)
        assert not (psutil.pid_exists(process.pid) and ours())
    assert not list(scratch.iterdir())
    return found


def test_two_hosts_come_to_what_one_process_comes_to(folder, alone, two):
    found = two
    assert found["digests"] == alone["digests"]
    assert (found["steps"], found["rows"]) == (alone["steps"], EPOCHS * ROWS)
    assert alone["steps"] > 200
    assert found["metrics"] == pytest.approx(alone["metrics"], abs=2e-5)
    for one, two in zip(weights_of(folder / "alone"), weights_of(folder / "two"), strict=True):
        np.testing.assert_allclose(two, one, atol=2e-5)
    record = json.loads((folder / "two/run.json").read_bytes())
    assert record["training"]["hosts"] == 2
    with started(folder, "verify", "two", "--json") as process:
        answered(process)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_worker_that_is_killed_costs_time_and_no_bit(folder, two, rank):
    run = f"killed-{rank}"
    with started(folder, *TRAIN, "--run", run, "--hosts", "2", *CHECKPOINTED) as process:
        wait_for_a_checkpoint(process, folder / run)
        workers_of(process)[rank].kill()
        found = answered(process)

    assert (found["digests"], found["metrics"]) == (two["digests"], two["metrics"])
    for expected, value in zip(weights_of(folder / "two"), weights_of(folder / run), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_ctrl_c_stops_all_behind_a_step_and_one_process_goes_on(folder, alone):
    with started(folder, *TRAIN, "--run", "stopped", "--hosts", "2", *CHECKPOINTED) as process:
        wait_for_a_checkpoint(process, folder / "stopped")
        process.send_signal(signal.SIGINT)
        stopped = answered(process, code=130)
    assert "stoker resume stopped" in stopped["said"]
    assert (stopped["ended"], stopped["steps"] > 0) == ("interrupted", True)
    assert json.loads((folder / "stopped/run.json").read_bytes())["outcome"]["status"] == "interrupted"

    with started(folder, "resume", "stopped", "--hosts", "1", "--json") as process:
        found = answered(process)

    assert found["digests"] == alone["digests"]
    assert found["metrics"] == pytest.approx(alone["metrics"], abs=2e-5)


def test_ctrl_c_that_comes_twice_waits_for_no_host_and_tells_the_way_on(folder):
    with started(folder, *TRAIN, "--run", "left", "--hosts", "2", *CHECKPOINTED) as process:
        wait_for_a_checkpoint(process, folder / "left")
        for _ in range(2):
            process.send_signal(signal.SIGINT)
        said = answered(process, code=130)["said"]
        assert not ours()
    assert said.count("stoker resume left") == 1
    assert "Traceback" not in said


def test_ctrl_c_stops_hosts_on_numbers_words_and_texts_and_one_process_goes_on(tmp_path):
    write_mixed(tmp_path)
    command = ("train", "mixed.csv", *MIXED, *CHECKPOINTED, "--run")
    with started(tmp_path, *command, "alone") as process:
        alone = answered(process)
    with started(tmp_path, *command, "stopped", "--hosts", "2") as process:
        wait_for_a_checkpoint(process, tmp_path / "stopped")
        process.send_signal(signal.SIGINT)
        assert "stoker resume stopped" in answered(process, code=130)["said"]
    assert json.loads((tmp_path / "stopped/run.json").read_bytes())["outcome"]["status"] == "interrupted"

    with started(tmp_path, "resume", "stopped", "--hosts", "1", "--json") as process:
        found = answered(process)

    assert found["digests"] == alone["digests"]
    assert found["metrics"] == pytest.approx(alone["metrics"], abs=2e-5)


def test_sigterm_to_the_whole_group_is_heard_by_the_command_alone(folder):
    with started(folder, *TRAIN, "--run", "ended", "--hosts", "2", *CHECKPOINTED) as process:
        wait_for_a_checkpoint(process, folder / "ended")
        assert all(os.getpgid(each.pid) != os.getpgid(process.pid) for each in workers_of(process))
        for each in psutil.Process(process.pid).children(recursive=True):
            if os.getpgid(each.pid) == os.getpgid(process.pid):
                each.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        said = answered(process, code=143)["said"]
    assert "stoker resume ended" in said
    assert json.loads((folder / "ended/run.json").read_bytes())["outcome"]["status"] == "interrupted"


def test_when_the_command_is_killed_rays_processes_end_and_the_next_cluster_removes_what_is_left(
    folder, scratch, monkeypatch
):
    command = [*TRAIN, "--run", "gone", "--hosts", "2", *CHECKPOINTED]
    with started(folder, *command, RAY_TMPDIR=str(scratch)) as process:
        wait_for_a_checkpoint(process, folder / "gone")
        begun = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(begun, timeout=120)
    assert not alive

    (left,) = scratch.iterdir()
    os.utime(left, (1, 1))  # as if a minute had passed
    monkeypatch.setenv("RAY_TMPDIR", str(scratch))
    with own_notes():
        assert not left.exists()


def test_an_error_of_the_hosts_is_told_as_by_one_process(folder):
    lines = (folder / "train.csv").read_text().splitlines()
    lines[100] = f"?{lines[100]}"
    (folder / "bad.csv").write_text("\n".join(lines) + "\n")

    with started(folder, "train", "bad.csv", *TRAIN[2:], "--run", "bad", "--hosts", "2") as process:
        said = answered(process, code=2)["said"]

    assert "column 'x0': 1 value that is no number, first at bad.csv, line 101 (row 99)" in said
    assert "Traceback" not in said


STOPPED_EARLY = """
import os, signal, sys, threading, time
from pathlib import Path
from stoker import distributed
from stoker.cluster import quiet_ray

with quiet_ray():
    import ray
folder = Path(sys.argv[1])

def wait(host):
    (folder / f"begun-{host.rank}").touch()
    time.sleep(600)

def stop():
    while not all((folder / f"begun-{rank}").exists() for rank in (0, 1)):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

def trainers():
    return [thread.name for thread in threading.enumerate() if thread.name == "stoker-ray"]

shutdown, ray.shutdown = ray.shutdown, lambda: (print(trainers()), shutdown())
threading.Thread(target=stop, daemon=True).start()
try:
    distributed.run(wait, hosts=2)
except KeyboardInterrupt:
    print("stopped")
print(distributed.run(lambda host: host.count, hosts=2))
"""


def test_ctrl_c_before_training_ends_rays_trainer_before_the_connection(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_EARLY, tmp_path],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "RAY_ADDRESS": "local"},
    )

    assert (done.returncode, done.stdout) == (0, "[]\nstopped\n[]\n2\n"), done.stderr
