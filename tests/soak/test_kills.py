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
AFTER_START = 3.0
"""Seconds of training, at most, that a process has until it is killed."""

COMMAND = shlex.split(
    "train t.csv --valid valid.csv --label y --model mlp --batch-size 250 --memory 8MB --cache always --seed 1 "
    f"--early-stopping off --run {RUN} --resume auto --checkpoint-every 5steps --quiet --epochs"
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


def seconds_to_first_checkpoint(folder: Path, life: Life) -> float:
    began = time.monotonic()
    while not steps_saved(folder):
        assert life.process.poll() is None, life.said()
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(tmp_path, soak_seconds):
    kills = max(2, min(KILLS, int(soak_seconds["kills"] / SECONDS_A_KILL)))
    epochs = 6 * kills
    random = Random(SEED)
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "undisturbed"
    for folder in (disturbed, undisturbed):
        folder.mkdir()
        shutil.copy(write_table(folder / "t.csv"), folder / "valid.csv")
    whole = Life(undisturbed, epochs)
    start = seconds_to_first_checkpoint(undisturbed, whole)
    assert whole.end() == 0, whole.said()

    saved = []
    for _ in range(kills):
        life = Life(disturbed, epochs)
        code = life.end(random.uniform(0.0, start + AFTER_START))
        assert code == -signal.SIGKILL, life.said()
        saved.append(steps_saved(disturbed))
    age(disturbed)
    last = Life(disturbed, epochs)
    assert last.end() == 0, last.said()
    went_on = len(set(saved) - {0})
    print(
        f"\n{kills} kills, {went_on} behind new checkpoints, the last at step {saved[-1]:,}; start {start:.1f} s"
    )
    assert saved == sorted(saved)
    assert went_on >= kills // 10
    assert_identical(outcome(disturbed), outcome(undisturbed))
    assert left_over(disturbed) == []
