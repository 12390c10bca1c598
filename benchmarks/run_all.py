"""Run every benchmark and write ``benchmarks/RESULTS.md`` with machine, versions and command."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    checkpoints,
    columnar_memory,
    columns,
    convert,
    csv_first_epoch,
    fit_overhead,
    generators,
    hosts,
    images,
    jsonl,
    memory_scaling,
    seek,
    sepcnn,
    sequences,
    shuffled_cache,
    sources,
    text,
    text_training,
    whole_process,
    workers,
)
from benchmarks.common import ROOT, Report, Settings, command_line, table

BENCHMARKS = (
    csv_first_epoch,
    shuffled_cache,
    whole_process,
    fit_overhead,
    memory_scaling,
    seek,
    sepcnn,
    workers,
    generators,
    sequences,
    text,
    text_training,
    checkpoints,
    columns,
    convert,
    sources,
    columnar_memory,
    jsonl,
    images,
    hosts,
)
PACKAGES = ("keras", "jax", "numba", "numpy", "pyarrow", "scikit-learn", "tensorflow", "torch", "pandas")
PACKAGES += ("datasets", "ray")


def machine() -> list[str]:
    """Describe processor, memory, system and versions, one line each."""
    import psutil

    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = psutil.virtual_memory().total / 2**30
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} absent")
    return [
        f"machine: {model}, {psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}",
        f"versions: {', '.join(versions)}",
    ]


def results(reports: list[Report], settings: Settings, seconds: float) -> str:
    """Render the whole page."""
    rows = [figure.row() for report in reports for figure in report.figures]
    options = f"--rounds {settings.rounds} --factor {settings.factor}" + (" --full" if settings.full else "")
    head = [
        "# Measured figures",
        "",
        "Written by `make bench`. Every benchmark lets stoker and its peers take turns in the same run, each",
        "in a process of its own; the data lie in the page cache. Ratios are of medians.",
        "",
        *[f"- {line}" for line in machine()],
        f"- command: `python -m benchmarks {options}`",
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds / 60:.0f} minutes",
        "",
        table(("figure", "asked", "measured", "met"), rows),
        "",
    ]
    return "\n".join(head) + "\n" + "\n".join(report.markdown() for report in reports)


def main() -> None:
    start = time.perf_counter()
    with command_line(__doc__ or "") as settings:
        reports = []
        for benchmark in BENCHMARKS:
            print(f"{benchmark.__name__} …", file=sys.stderr, flush=True)
            reports.append(benchmark.run(settings))
            print(reports[-1].markdown(), file=sys.stderr, flush=True)
        page = results(reports, settings, time.perf_counter() - start)
    (ROOT / "benchmarks" / "RESULTS.md").write_text(page)


if __name__ == "__main__":
    main()
