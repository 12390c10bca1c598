"""Commands that train on hosts, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROWS, EPOCHS = 6_430, 2
TRAIN = [
    *("train", "train.csv", "--valid", "valid.csv"),
    *("--label", "label", "--weight-column", "weight", "--batch-size", "32", "--epochs", str(EPOCHS)),
    *("--model", "mlp", "--learning-rate", "0.01", "--early-stopping", "off", "--json"),
]
CHECKPOINTED = ["--checkpoint-every", "20steps"]


@contextmanager
def started(folder: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A command, of which nothing runs any more afterwards; with a cluster of its own where none is given."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stoker", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "RAY_ADDRESS": "local"} | environment,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            for each in psutil.Process(process.pid).children(recursive=True):
                each.kill()
            process.kill()
        process.communicate()


def answered(process: subprocess.Popen[str], code: int = 0) -> dict[str, Any]:
    """The answer of a command that ends with a code, and what it said."""
    out, err = process.communicate(timeout=280)
    assert process.returncode == code, err
    assert out.count("\n") <= 1, out  # standard output is the answer's alone
    return (json.loads(out) if out else {}) | {"said": err}


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that train."""
    found = []
    for each in psutil.Process(process.pid).children(recursive=True):
        try:
            title = " ".join(each.cmdline())
        except psutil.Error:
            continue
        if title.startswith("ray::") and "TrainWorker" in title:
            found.append(each)
    return found


def wait_for_a_checkpoint(process: subprocess.Popen[str], run: Path) -> None:
    while not any((run / "checkpoints").glob("step-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
