"""A CSV of 20 numeric columns to Parquet: as it stands and shuffled, in memory and through the disk.

PyArrow reads the file once, takes the types that its first block suggests, and writes what it read; stoker
reads it twice where rows do not fit the memory, since types and bad rows are known before the first row is
written. The shuffles are of all rows: PyArrow's holds them in memory three times.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave

ROWS = 1_000_000
Turn = Callable[[], dict[str, Any]]


def write_numbers(settings: Settings, num_rows: int) -> Path:
    """Write ten columns of fractions and ten of integers of several widths, once; return the file."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    path = settings.work / f"numbers-{num_rows}" / "numbers.csv"
    if path.is_file():
        return path
    draw = np.random.default_rng(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {f"x{place}": np.round(draw.random(num_rows) * 1000, 3) for place in range(10)}
    for place, most in enumerate([2, 100, 256, 1_000, 70_000] * 2):
        columns[f"n{place}"] = draw.integers(0, most, num_rows)
    partial = path.with_suffix(".partial")
    pa.csv.write_csv(pa.table(columns), partial, pa.csv.WriteOptions(quoting_style="none"))
    partial.replace(path)
    return path


def _timed(path: str, out: str, work: Callable[[], object]) -> Turn:
    """Time one conversion, by the clock and by what all threads computed."""
    num_bytes = os.path.getsize(path)

    def turn() -> dict[str, Any]:
        start, before = time.perf_counter(), time.process_time()
        work()
        seconds, computed = time.perf_counter() - start, time.process_time() - before
        answer: dict[str, Any] = {"seconds": seconds, "cpu_seconds": computed, "rate": num_bytes / seconds}
        if os.path.exists(out):
            answer["out_bytes"] = os.path.getsize(out)
        return answer

    return turn


def stoker_survey(path: str) -> Turn:
    """What finding types and bad rows takes alone."""
    import stoker
    from stoker.survey import survey

    return _timed(
        path, "", lambda: survey(stoker.open(path), role="predict", na="zero", stored=False, texts=True)
    )


def stoker_convert(path: str, out: str, memory: str = "1GB", shuffle: bool = False) -> Turn:
    import stoker

    return _timed(
        path,
        out,
        lambda: stoker.convert(stoker.open(path), out, overwrite=True, memory=memory, shuffle=shuffle),
    )


def arrow_stream(path: str, out: str) -> Turn:
    """PyArrow's streaming reader into its writer."""
    import pyarrow.csv
    import pyarrow.parquet

    def work() -> None:
        reader = pyarrow.csv.open_csv(path)
        with pyarrow.parquet.ParquetWriter(out, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)

    return _timed(path, out, work)


def arrow_shuffle(path: str, out: str) -> Turn:
    """PyArrow with all rows in memory, taken in a random order."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    def work() -> None:
        table = pyarrow.csv.read_csv(path).combine_chunks()
        order = np.random.default_rng(0).permutation(table.num_rows)
        pyarrow.parquet.write_table(table.take(pa.array(order)), out)

    return _timed(path, out, work)


def run(settings: Settings) -> Report:
    """Measure all of them in turns."""
    path = str(write_numbers(settings, ROWS))
    module, number = "benchmarks.convert", 0

    def contestant(name: str, function: str, **options: Any) -> Contestant:
        nonlocal number
        number += 1
        out = str(settings.work / f"converted-{number}.parquet")
        given = {"path": path, "out": out, **options} if function != "stoker_survey" else {"path": path}
        return Contestant(name=name, target=f"{module}:{function}", options=given)

    contestants = [
        contestant("stoker's survey alone", "stoker_survey"),
        contestant("stoker.convert", "stoker_convert"),
        contestant("stoker.convert, 64 MB: read twice", "stoker_convert", memory="64MB"),
        contestant("PyArrow open_csv into ParquetWriter", "arrow_stream"),
        contestant("stoker.convert, shuffled", "stoker_convert", shuffle=True),
        contestant(
            "stoker.convert, shuffled, 64 MB: through the disk", "stoker_convert", memory="64MB", shuffle=True
        ),
        contestant("PyArrow read_csv, take, write_table", "arrow_shuffle"),
    ]
    results = interleave(contestants, settings)
    rows = [
        (
            name,
            *spreads["seconds"].cells("{:.2f}".format),
            f"{spreads['cpu_seconds'].median:.2f}",
            f"{spreads['rate'].median / 1e6:,.0f}",
            f"{spreads['out_bytes'].median / 1e6:,.0f}" if "out_bytes" in spreads else "",
        )
        for name, spreads in results.items()
    ]

    def figure(what: str, bound: float, ours: str, theirs: str) -> Figure:
        return Figure.speedup(
            what, bound=bound, theirs=results[theirs]["cpu_seconds"], ours=results[ours]["cpu_seconds"]
        )

    stream, taken = "PyArrow open_csv into ParquetWriter", "PyArrow read_csv, take, write_table"
    return Report(
        title=f"A CSV of {ROWS:,} × 20 numbers to Parquet",
        header=("who", "seconds min", "median", "max", "CPU seconds", "MB/s of CSV", "MB written"),
        rows=tuple(rows),
        figures=(
            figure("convert against PyArrow, CPU", 1.0, "stoker.convert", stream),
            figure("convert in 64 MB against PyArrow, CPU", 0.8, "stoker.convert, 64 MB: read twice", stream),
            figure(
                "shuffle through the disk against PyArrow in memory, CPU",
                0.8,
                "stoker.convert, shuffled, 64 MB: through the disk",
                taken,
            ),
        ),
        notes=("Files are in the page cache. PyArrow writes dictionaries for all columns, its default.",),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
