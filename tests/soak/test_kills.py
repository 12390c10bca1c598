"""One run, killed with SIGKILL at 50 random moments and begun again each time, ends with the same bits."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from faulty import write_table
from killing import RUN, age, assert_identical, left_over, outcome

from stoker.checkpoints import CheckpointStore

KILLS = 50
SECONDS_A_KILL = 12.0
SEED = 17
AFTER_START = 2.0
"""Half of the processes are killed while they start, half so many seconds behind a new checkpoint."""
STEPS = 200
"""Of an epoch."""
NEVER_REACHED, MORE_EPOCHS = 1_000_000, 20
"""Epochs that processes which are killed are asked for; and what follows the last kill."""

COMMAND = shlex.split(
    "train t.csv --valid valid.csv --label y --model mlp --batch-size 50 --memory 8MB --cache always "
    f"--seed 1 --early-stopping off --run {RUN} --resume auto --checkpoint-every 5steps --quiet --epochs"
)


class Life:
    """One process of the run."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder = folder
        self.log = (folder.parent / f"{folder.name}.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stoker", *COMMAND, str(epochs)],
            cwd=folder,
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, "XDG_CACHE_HOME": str(folder / "user-cache")},
        )

    def end(self, seconds: float | None = None) -> int:
        """Kill it after so many seconds, or wait for it; its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.close()

    def said(self) -> str:
        return Path(self.log.name).read_text()


def steps_saved(folder: Path) -> int:
    paths = CheckpointStore(folder / RUN).paths()
    return int(paths[0].name[5:]) if paths else 0


def seconds_to_new_checkpoint(folder: Path, life: Life) -> float:
    began, before = time.monotonic(), steps_saved(folder)
    while steps_saved(folder) == before:
        assert life.process.poll() is None, life.said()
        time.sleep(0.02)
    return time.monotonic() - began


def seconds_to_start(tmp_path: Path) -> float:
    """What a process takes to its first checkpoint, once kernels are on the disk and files in memory."""
    for name in ("first", "again"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(write_table(folder / "t.csv"), folder / "valid.csv")
        life = Life(folder, NEVER_REACHED)
        seconds = seconds_to_new_checkpoint(folder, life)
        life.end(0.0)
    return seconds


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(tmp_path, soak_seconds):
    kills = max(2, min(KILLS, int(soak_seconds["kills"] / SECONDS_A_KILL)))
    random = Random(SEED)
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "undisturbed"
    for folder in (disturbed, undisturbed):
        folder.mkdir()
        shutil.copy(write_table(folder / "t.csv"), folder / "valid.csv")
    start = seconds_to_start(tmp_path)

    saved = [0]
    while len(saved) <= kills:
        life = Life(disturbed, NEVER_REACHED)
        if random.random() < 0.5:
            seconds = random.uniform(0.0, start)
        else:
            seconds_to_new_checkpoint(disturbed, life)
            seconds = random.uniform(0.0, AFTER_START)
        assert life.end(seconds) == -signal.SIGKILL, life.said()
        saved.append(steps_saved(disturbed))
    age(disturbed)
    epochs = saved[-1] // STEPS + MORE_EPOCHS
    for folder in (disturbed, undisturbed):
        last = Life(folder, epochs)
        assert last.end() == 0, last.said()
    new = len(set(saved) - {0})
    print(
        f"\n{kills} kills, {new} behind new checkpoints, the last at step {saved[-1]:,} of {STEPS * epochs:,}"
    )
    assert saved == sorted(saved)
    assert new >= kills // 4
    assert_identical(outcome(disturbed), outcome(undisturbed))
    assert left_over(disturbed) == []
