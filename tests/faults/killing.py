"""Runs the same command again and again, each time killed at another point, until it is through."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from stoker.checkpoints import CheckpointStore
from stoker.rundir import RunDirectory

SEED = 11
RUN = "run"
KEPT = 3
"""Checkpoints, unless it is said otherwise."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where a process is killed: at one of the first `calls` calls, drawn by name and seed."""

    name: str
    where: str
    calls: int = 1
    about: str = ""
    after: bool = False

    def drawn(self, seed: int = SEED) -> dict[str, Any]:
        """What `zygote.arm` takes."""
        given = asdict(self)
        name, calls = given.pop("name"), given.pop("calls")
        return given | {"call": Random(f"{seed} {name}").randint(1, calls)}


class Zygote:
    """The other end of `zygote.serve`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert self._read() == "ready"

    def run(
        self,
        folder: Path,
        command: Sequence[str],
        *points: dict[str, Any],
        settings: dict[str, Any] | None = None,
    ) -> int:
        """What a command exits with in a folder."""
        job = {
            "folder": str(folder),
            "command": list(command),
            "points": points,
            "settings": settings or {},
            "environment": {"XDG_CACHE_HOME": str(folder / "user-cache"), "TMPDIR": str(folder / "tmp")},
        }
        (folder / "tmp").mkdir(exist_ok=True)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        code, self.cpu_seconds = json.loads(self._read())
        return int(code)

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")


@contextmanager
def zygote() -> Iterator[Zygote]:
    """A process that forks for each command."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(Path(__file__).parent / "zygote.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        yield Zygote(process)
    finally:
        process.kill()
        process.communicate()


def killed_at(zygote: Zygote, folder: Path, command: Sequence[str], point: dict[str, Any], **options) -> None:
    """Run a command that must reach a point and die there."""
    code = zygote.run(folder, command, point, **options)
    assert code == -signal.SIGKILL, f"{point} was not reached: {code}\n{said(folder)}"


def finished(zygote: Zygote, folder: Path, command: Sequence[str], **options) -> None:
    """Run a command that must be through."""
    assert zygote.run(folder, command, **options) == 0, said(folder)


def said(folder: Path) -> str:
    """What the last command printed."""
    return (folder / "log.txt").read_text()


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run has come to: every variable of the model and the optimizer, and what each epoch gave."""
    run = folder / RUN
    checkpoint = CheckpointStore(run).newest()
    assert checkpoint is not None
    record = RunDirectory(run).read()
    return {
        "step": checkpoint.step,
        "variables": {
            variable.path: checkpoint.arrays[variable.array] for variable in checkpoint.manifest.variables
        },
        "epochs": [
            (epoch.epoch, epoch.rows, epoch.metrics, epoch.order_digest, epoch.member_digest)
            for epoch in record.epochs
        ],
        "table": [line.split(",")[:1] for line in (run / "epochs.csv").read_text().splitlines()],
        "outcome": (
            record.outcome.status,
            record.outcome.steps,
            record.outcome.rows,
            record.outcome.best_value,
        ),
    }


def assert_identical(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """To the bit."""
    variables, others = found.pop("variables"), expected["variables"]
    assert variables.keys() == others.keys()
    for name, value in variables.items():
        assert value.dtype == others[name].dtype, name
        assert np.array_equal(value, others[name], equal_nan=True), name
    assert found == {name: value for name, value in expected.items() if name != "variables"}


def age(folder: Path) -> None:
    """Have what killed processes left lie there for two minutes, as where somebody starts them again."""
    for name in left_over(folder):
        then = time.time() - 120
        os.utime(folder / name, (then, then))


def left_over(folder: Path) -> list[str]:
    """What processes leave behind when they are killed, and nobody may find later."""
    marks = (".building-", ".unfinished-", "unpacked-", ".lock")
    found = [path for path in folder.rglob("*") if path.name.startswith(marks)]
    found += (folder / "tmp").glob("*")
    found += sorted((folder / RUN).glob("checkpoints/step-*"))[:-KEPT]
    return sorted(path.relative_to(folder).as_posix() for path in found)
