"""Two worker processes of a Ray cluster of this machine predict, evaluate and convert as one process does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from member import write_data
from test_ray import answered, started

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

ROWS = 300_000
"""More than can be in flight."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scoring")
    write_data(made, rows=3_000)
    header, *lines = (made / "train.csv").read_text().splitlines()
    with (made / "rows.csv").open("w") as file:
        file.write(header + "\n")
        for _ in range(ROWS // len(lines)):
            file.write("\n".join(lines) + "\n")
    run(made, "train", "train.csv", "--label", "label", "--epochs", "1", "--run", "run", "--model", "mlp")
    run(made, "predict", "run", "rows.csv", "-o", "one.csv", "--keep", "x0,label")
    return made


def run(folder: Path, *command: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "stoker", *command],
        cwd=folder,
        check=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )


def workers_of(process: subprocess.Popen[str], name: str) -> list[psutil.Process]:
    """The processes of Ray Data's that work, or read."""
    found = []
    for each in psutil.Process(process.pid).children(recursive=True):
        try:
            title = " ".join(each.cmdline())
        except psutil.Error:
            continue
        if title.startswith("ray::") and name in title:
            found.append(each)
    return found


def begun(process: subprocess.Popen[str], folder: Path, name: str) -> None:
    """Wait until a file begins to be written."""
    while not any(path.stat().st_size for path in folder.glob(f".building-{name}-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_predictions_are_the_bytes_of_one_process_though_one_of_two_is_killed(folder):
    with started(
        folder, "predict", "run", "rows.csv", "-o", "two.csv", "--keep", "x0,label", "--hosts", "2", "--json"
    ) as process:
        begun(process, folder, "two.csv")
        workers_of(process, "MapWorker")[0].send_signal(signal.SIGKILL)
        found = answered(process)

    assert found["rows"] == ROWS
    # Where the other one ends before a new process begins, nobody takes the place of the lost one.
    assert found["said"].count("hosts     a process was lost: its work is done again") <= 1
    assert (folder / "two.csv").read_bytes() == (folder / "one.csv").read_bytes()


def test_an_evaluation_is_that_of_one_process(folder):
    found: list[dict[str, Any]] = []
    for hosts in ("1", "2"):
        with started(folder, "evaluate", "run", "rows.csv", "--hosts", hosts, "--json") as process:
            found.append(answered(process))

    one, two = found
    assert (two["rows"], two["confusion"], two["support"]) == (ROWS, one["confusion"], one["support"])
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-6)
    assert two["auc"] == pytest.approx(one["auc"], abs=1e-6)


def test_a_conversion_is_the_file_of_one_process(folder):
    for hosts in ("1", "2"):
        with started(folder, "convert", "rows.csv", f"out-{hosts}.parquet", "--hosts", hosts) as process:
            answered(process)

    assert (folder / "out-2.parquet").read_bytes() == (folder / "out-1.parquet").read_bytes()


def test_a_bad_row_is_told_by_file_and_line_without_a_traceback(folder):
    lines = (folder / "rows.csv").read_text().splitlines()
    lines[250_000] = lines[250_000].replace(lines[250_000].split(",")[0], "?", 1)
    (folder / "bad.csv").write_text("\n".join(lines) + "\n")
    command = ("predict", "run", "bad.csv", "-o", "bad.parquet", "--on-bad-row", "error", "--hosts", "2")
    with started(folder, *command) as process:
        said = answered(process, 2)["said"]

    assert "bad.csv, line 250,001" in said
    assert "Traceback" not in said
    assert not (folder / "bad.parquet").exists()
    assert not list(folder.glob(".building-bad*"))


def test_ctrl_c_ends_it_with_130_and_leaves_nothing(folder):
    with started(folder, "predict", "run", "rows.csv", "-o", "never.csv", "--hosts", "2") as process:
        begun(process, folder, "never.csv")
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in answered(process, 130)["said"]
        left = [each.pid for each in psutil.Process().children(recursive=True)]

    assert not left
    assert not list(folder.glob("*never.csv*"))


READING = """
import json, sys, time
from pathlib import Path
from stoker.cluster.spreading import spread

count, size, log = 120, 4 << 20, Path(sys.argv[1])

def read():
    for number in range(count):
        with log.open("a") as file:
            file.write(f"{number}\\n")
        yield number, bytes(size)

ahead = 0
for number, _ in spread(read, lambda: lambda item: item, hosts=2):
    time.sleep(0.05)
    ahead = max(ahead, len(log.read_text().split()) - number)
print(json.dumps({"ahead": ahead, "last": number}))
"""


def test_what_is_in_flight_is_bounded_however_slow_the_writer(folder):
    process = subprocess.run(
        [sys.executable, "-c", READING, folder / "read.log"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=280,
        check=True,
    )
    found = json.loads(process.stdout.splitlines()[-1])

    assert found["last"] == 119
    assert found["ahead"] <= 2 * (2 + 1) + 2  # what there is room for, what was taken, and what is read next
