"""Whole processes, imports included: 42,000 rows of MNIST-CSV, a 784-50-10 MLP, ten epochs.

`scripts/arrays.py` trains on arrays in memory, and the seconds of loading them are taken off its time.
`scripts/stoker_csv.py` starts with the CSV alone (its survey is deleted before). `scripts/blog.py` is
quadratic in the rows: unless ``--full`` is given it runs one epoch, and nine more of the same length are
added.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, Figure, Report, Settings, Spread, alone, run_script
from benchmarks.data import CSV_ROWS, write_arrays, write_csv

EPOCHS = 10
SCRIPTS = ROOT / "benchmarks" / "scripts"


def _timed(script: str, *arguments: str) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    answer = run_script(["-m", "benchmarks.scripts", str(SCRIPTS / script), *arguments])
    return time.perf_counter() - start, answer


def _arrays(pixels: Path, labels: Path) -> float:
    seconds, answer = _timed("arrays.py", str(pixels), str(labels), str(EPOCHS))
    return seconds - float(answer["loading"])


def _stoker(path: Path, *, surveyed: bool) -> float:
    if not surveyed:
        shutil.rmtree(path.parent / ".stoker", ignore_errors=True)
    return _timed("stoker_csv.py", str(path), str(EPOCHS))[0]


def _blog(path: Path, full: bool) -> float:
    if full:
        return _timed("blog.py", str(path), str(EPOCHS))[0]
    seconds, answer = _timed("blog.py", str(path), "1")
    return seconds + (EPOCHS - 1) * float(answer["epoch_seconds"])


def run(settings: Settings) -> Report:
    """Measure the three scripts by turns."""
    path = write_csv(settings, CSV_ROWS)
    pixels, labels = write_arrays(settings, CSV_ROWS)
    turns = {
        "Keras on arrays in memory": lambda: _arrays(pixels, labels),
        "stoker from the CSV": lambda: _stoker(path, surveyed=False),
        "stoker from the CSV, survey stored by an earlier run": lambda: _stoker(path, surveyed=True),
    }
    firsts = {name: turn() for name, turn in turns.items()}
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(settings.rounds):
        for name, turn in turns.items():
            seconds[name].append(turn())
    spreads = {name: Spread(values=tuple(values), first=firsts[name]) for name, values in seconds.items()}
    blog = _blog(path, settings.full)
    blog_name = "the blog's script" + ("" if settings.full else " (1 epoch run, 10 extrapolated)")
    spreads[blog_name] = Spread(values=(blog,), first=blog)
    arrays = spreads["Keras on arrays in memory"].median
    ours = spreads["stoker from the CSV"].median
    return Report(
        title="Whole process: 42,000 rows, 784-50-10 MLP, 10 epochs, imports included",
        header=("who", "seconds min", "median", "max", "÷ arrays in memory"),
        rows=tuple(
            (name, *spread.cells("{:.2f}".format), f"{spread.median / arrays:.2f} ×")
            for name, spread in spreads.items()
        ),
        figures=(
            Figure(
                what="whole process ÷ arrays in memory", bound=1.25, measured=ours / arrays, at_least=False
            ),
            Figure(
                what="the blog's script ÷ stoker (expected)", bound=35, measured=blog / ours, at_least=True
            ),
        ),
        notes=(
            "the processes' first turns are left out: they warm the page cache and the compiled kernels",
            "TensorFlow and PyTorch are hidden from these processes: Keras on JAX would import them",
        ),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
