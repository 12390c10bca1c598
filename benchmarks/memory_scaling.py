"""Peak memory and time a row at 100 times the rows, under the same budget, cached and not.

Two kinds of processes are measured, each beginning with a survey. One trains a 784-50-10 MLP for an epoch
(peak memory). The other only walks through epochs, by turns with its counterpart of the other size (time a
row, and peak memory without a framework to hide it). The budget is one that even the small file's rows
do not fit, so that both do the same. The peak is that of anonymous memory, sampled every 5 ms; pages mapped
from files are reported apart.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, Spread, alone, interleave, run_script
from benchmarks.data import CSV_ROWS, write_csv
from benchmarks.scripts import hide_other_backends

BATCH = 256
BUDGET = "32MB"
EPOCHS_A_TURN = 5


class PeakMemory:
    """Samples this process's anonymous and mapped pages, to the end of the process."""

    def __init__(self) -> None:
        self.anonymous = 0
        self.mapped = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            self._look()
            time.sleep(0.005)

    def _look(self) -> None:
        fields = {}
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("RssAnon", "RssFile"):
                fields[name] = int(value.split()[0]) * 1024
        self.anonymous = max(self.anonymous, fields["RssAnon"])
        self.mapped = max(self.mapped, fields["RssFile"])

    def measurements(self, feed: Any) -> dict[str, float]:
        """Peaks so far, in MB, with the ledger's."""
        self._look()
        return {
            "anonymous": self.anonymous / 1e6,
            "mapped": self.mapped / 1e6,
            "ledger": feed.ledger.peak / 1e6,
        }


def _feed(path: str, cache: str, memory: str = BUDGET) -> Any:
    import stoker

    shutil.rmtree(Path(path).parent / ".stoker", ignore_errors=True)
    rows = stoker.open(path, label="label")
    return stoker.Feed(rows, batch_size=BATCH, shuffle=True, seed=7, memory=memory, cache=cache)


def walk(path: str, cache: str, epochs: int, memory: str = BUDGET) -> Callable[[], dict[str, Any]]:
    """Survey and cache; each turn walks through some epochs and reports the median one's time a row."""
    peak = PeakMemory()
    start = time.perf_counter()
    feed = _feed(path, cache, memory)
    feed.prepare()
    next(batches := feed.epoch(0))
    batches.close()
    prepared = time.perf_counter() - start
    os.sync()
    numbers = iter(range(1_000_000))

    def epoch() -> float:
        start = time.perf_counter()
        with closing(feed.epoch(next(numbers))) as batches:
            for _ in batches:
                pass
        return (time.perf_counter() - start) / feed.num_rows

    def turn() -> dict[str, Any]:
        seconds = sorted(epoch() for _ in range(epochs))
        return {"microseconds": 1e6 * seconds[epochs // 2], "prepare": prepared, **peak.measurements(feed)}

    return turn


def train(path: str, cache: str) -> dict[str, float]:
    """Train the MLP for an epoch; report memory."""
    hide_other_backends()
    import stoker
    from benchmarks.fit_overhead import _model

    peak = PeakMemory()
    feed = _feed(path, cache)
    stoker.fit(_model(), feed, epochs=1, progress="none")
    return peak.measurements(feed)


def _trained(path: Path, cache: str, turns: int) -> dict[str, Spread]:
    found = [run_script(["-m", "benchmarks.memory_scaling", "train", str(path), cache]) for _ in range(turns)]
    return {name: Spread(values=tuple(one[name] for one in found), first=found[0][name]) for name in found[0]}


def _walked(paths: dict[str, Path], cache: str, settings: Settings) -> dict[str, dict[str, Spread]]:
    contestants = [
        Contestant(
            name=scale,
            target="benchmarks.memory_scaling:walk",
            options={"path": str(path), "cache": cache, "epochs": EPOCHS_A_TURN if scale == "1 ×" else 1},
        )
        for scale, path in paths.items()
    ]
    return interleave(contestants, settings)


def _figures(what: str, one: dict[str, Spread], many: dict[str, Spread], settings: Settings) -> list[Figure]:
    scale = f"{settings.factor} × the rows ÷ 1 ×"
    figures = [
        Figure(
            what=f"peak anonymous memory, {what}: {scale}",
            bound=1.05,
            measured=many["anonymous"].median / one["anonymous"].median,
            at_least=False,
        )
    ]
    if "microseconds" in one:
        figures.append(
            Figure(
                what=f"time a row, {what}: {scale}",
                bound=1.1,
                measured=many["microseconds"].median / one["microseconds"].median,
                at_least=False,
            )
        )
    return figures


def _row(what: str, found: dict[str, Spread]) -> tuple[str, ...]:
    cells = [what, *(f"{max(found[name].values):.1f}" for name in ("anonymous", "mapped", "ledger"))]
    if "microseconds" not in found:
        return (*cells, "", "", "", "")
    return (*cells, *found["microseconds"].cells("{:.2f}".format), f"{found['prepare'].median:.2f}")


def run(settings: Settings) -> Report:
    """Measure both kinds at 1 × and `factor` × the rows, cached and not."""
    many = f"{settings.factor} ×"
    paths = {"1 ×": write_csv(settings, CSV_ROWS), many: write_csv(settings, CSV_ROWS * settings.factor)}
    rows: list[tuple[str, ...]] = []
    figures: list[Figure] = []
    for cache, name in (("never", "not cached"), ("always", "cached")):
        walked = _walked(paths, cache, settings)
        trained = {scale: _trained(path, cache, 3 if scale == "1 ×" else 1) for scale, path in paths.items()}
        for kind, found in ((f"walking, {name}", walked), (f"training, {name}", trained)):
            rows += [_row(f"{kind}, {scale}", found[scale]) for scale in paths]
            figures += _figures(kind, found["1 ×"], found[many], settings)
    return Report(
        title=f"{settings.factor} × the rows under the same budget of {BUDGET} ({CSV_ROWS:,} × 785 is 1 ×)",
        header=(
            "what",
            "peak anonymous MB",
            "mapped MB",
            "ledger MB",
            "µs a row min",
            "median",
            "max",
            "survey, cache s",
        ),
        rows=tuple(rows),
        figures=tuple(figures),
        notes=("mapped MB counts program files beside stoker's own index and cache",),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        print(json.dumps(train(*sys.argv[2:])))
    else:
        alone(run, __doc__ or "")
