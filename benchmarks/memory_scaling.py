"""Peak memory and time a row at 100 times the rows, under the same budget, cached and not.

Each turn is a new process. Two kinds are measured: one that trains a 784-50-10 MLP (peak memory), and one
that only walks through the epochs (time a row, and peak memory without a framework that could hide it). The
peak is that of anonymous memory, sampled every 5 ms; pages mapped from files are reported apart.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import Figure, Report, Settings, alone, run_script
from benchmarks.data import CSV_ROWS, write_csv

BATCH = 256
BUDGET = "24MB"


class PeakMemory:
    """Samples this process's anonymous and mapped pages until told to stop."""

    def __init__(self) -> None:
        self.anonymous = 0
        self.mapped = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            self.look()

    def look(self) -> None:
        """Take one sample."""
        fields = {}
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("RssAnon", "RssFile"):
                fields[name] = int(value.split()[0]) * 1024
        self.anonymous = max(self.anonymous, fields["RssAnon"])
        self.mapped = max(self.mapped, fields["RssFile"])


def walk(path: str, cache: str, epochs: int) -> dict[str, Any]:
    """Survey (and cache), then walk through the epochs; report memory and the median epoch's time."""
    import stoker

    with PeakMemory() as peak:
        start = time.perf_counter()
        rows = stoker.open(path, label="label")
        feed = stoker.Feed(
            rows,
            batch_size=BATCH,
            shuffle=True,
            seed=7,
            memory=BUDGET,
            cache=cache,
        )
        feed.prepare()
        prepared = time.perf_counter() - start
        seconds = []
        for epoch in range(epochs):
            start = time.perf_counter()
            with closing(feed.epoch(epoch)) as batches:
                for _ in batches:
                    pass
            seconds.append(time.perf_counter() - start)
    return {
        "prepare": prepared,
        "seconds": sorted(seconds)[len(seconds) // 2],
        "anonymous": peak.anonymous,
        "mapped": peak.mapped,
        "ledger": feed.ledger.peak,
        "rows": feed.num_rows,
    }


def train(path: str, cache: str, epochs: int) -> dict[str, Any]:
    """Train the MLP; report memory."""
    import stoker
    from benchmarks.fit_overhead import _clock, _model

    with PeakMemory() as peak:
        rows = stoker.open(path, label="label")
        feed = stoker.Feed(
            rows,
            batch_size=BATCH,
            shuffle=True,
            seed=7,
            memory=BUDGET,
            cache=cache,
        )
        clock = _clock()
        start = time.perf_counter()
        stoker.fit(_model(), feed, epochs=epochs, callbacks=[clock], progress="none")
        seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "anonymous": peak.anonymous,
        "mapped": peak.mapped,
        "ledger": feed.ledger.peak,
        "rows": feed.num_rows,
    }


def _child(kind: str, path: Path, cache: str, epochs: int) -> dict[str, Any]:
    shutil.rmtree(path.parent / ".stoker", ignore_errors=True)
    return run_script(["-m", "benchmarks.memory_scaling", "child", kind, str(path), cache, str(epochs)])


def run(settings: Settings) -> Report:
    """Measure both kinds at 1 × and `factor` × the rows, cached and not, by turns."""
    small = write_csv(settings, CSV_ROWS)
    large = write_csv(settings, CSV_ROWS * settings.factor)
    rows = []
    figures = []
    for cache, name in (("never", "not cached"), ("always", "cached")):
        walks = {"1": [], "many": []}
        trains = {"1": [], "many": []}
        for number in range(min(2, settings.rounds)):
            walks["1"].append(_child("walk", small, cache, 21))
            walks["many"].append(_child("walk", large, cache, 1 + number))
            trains["1"].append(_child("train", small, cache, 3))
            if not number:
                trains["many"].append(_child("train", large, cache, 1))
        for kind, results in (("walking", walks), ("training", trains)):
            for scale, answers in results.items():
                factor = 1 if scale == "1" else settings.factor
                rows.append(_row(f"{kind}, {name}, {factor} ×", answers, kind))
            figures.append(
                Figure(
                    what=f"peak anonymous memory, {kind}, {name}: {settings.factor} × the rows ÷ 1 ×",
                    bound=1.05,
                    measured=_peak(results["many"]) / _peak(results["1"]),
                    at_least=False,
                )
            )
        figures.append(
            Figure(
                what=f"time a row, {name}: {settings.factor} × the rows ÷ 1 ×",
                bound=1.1,
                measured=_per_row(walks["many"]) / _per_row(walks["1"]),
                at_least=False,
            )
        )
    return Report(
        title=f"{settings.factor} × the rows under the same budget of {BUDGET} ({CSV_ROWS:,} × 785 is 1 ×)",
        header=(
            "what",
            "rows",
            "peak anonymous MB",
            "mapped MB",
            "ledger MB",
            "µs a row",
            "prepare s",
        ),
        rows=tuple(rows),
        figures=tuple(figures),
        notes=(
            "mapped MB counts program files beside stoker's own index and cache",
            "µs a row is that of walking: the median epoch of 21 at 1 ×, the best epoch at the larger size",
        ),
    )


def _peak(answers: list[dict[str, Any]]) -> float:
    return min(float(answer["anonymous"]) for answer in answers)


def _per_row(answers: list[dict[str, Any]]) -> float:
    return min(float(answer["seconds"]) / float(answer["rows"]) for answer in answers)


def _row(what: str, answers: list[dict[str, Any]], kind: str) -> tuple[str, ...]:
    mega = 1e-6
    return (
        what,
        f"{answers[0]['rows']:,}",
        f"{_peak(answers) * mega:.0f}",
        f"{min(answer['mapped'] for answer in answers) * mega:.0f}",
        f"{max(answer['ledger'] for answer in answers) * mega:.1f}",
        f"{_per_row(answers) * 1e6:.2f}" if kind == "walking" else "",
        f"{min(answer['prepare'] for answer in answers):.2f}" if kind == "walking" else "",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        kind, path, cache, epochs = sys.argv[2:]
        answer = {"walk": walk, "train": train}[kind](path, cache, int(epochs))
        print(json.dumps(answer))
    else:
        alone(run, __doc__ or "")
