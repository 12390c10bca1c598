"""Where the first epoch's time goes: each stage over the 42,000-row CSV, alone, on one thread.

``python -m benchmarks.profile_csv --work FOLDER``
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.common import command_line, table
from benchmarks.data import CSV_ROWS, write_csv

CHUNK_BYTES = 2 << 20


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """Least processor time of several runs, after one that warms up: what else runs disturbs it little."""
    work()
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return 1e3 * min(times)


def main() -> None:
    import stoker
    from stoker.sources.files import FileReader
    from stoker.transforms.numeric import Cast
    from stoker.transforms.scaling import Standardize
    from stoker.transforms.statistics import ColumnStatistics
    from stoker.types import Matrix, Rows

    with command_line(__doc__ or "") as settings:
        path = write_csv(settings, CSV_ROWS)
        source = stoker.open(str(path), label="label")
        size = path.stat().st_size
        chunks = list(source.chunks(CHUNK_BYTES))
        narrow = np.dtype(np.uint8)
        parsed = [source.parse(chunk, narrow) for chunk in chunks]
        whole = np.concatenate([part.rows.matrix.values for part in parsed]).reshape(CSV_ROWS, -1)
        rows = Rows(num_rows=CSV_ROWS, features=source.features, matrix=Matrix.of(whole))
        cast = Cast().fit(parsed[0].rows)
        standardize = Standardize().fit(parsed[0].rows)
        groups = np.array_split(np.arange(CSV_ROWS), CSV_ROWS // 1280)

        def read() -> None:
            with FileReader(source.paths[0]) as file:
                for start in range(0, size, CHUNK_BYTES):
                    file.read_into(np.empty(min(CHUNK_BYTES, size - start), np.uint8), start)

        def statistics() -> None:
            seen = ColumnStatistics()
            for part in parsed:
                seen.update(part.rows)

        def keep() -> None:
            kept = np.empty_like(whole)
            at = 0
            for part in parsed:
                values = part.rows.matrix.values.reshape(-1, whole.shape[1])
                kept[at : at + len(values)] = values
                at += len(values)

        def run_all(apply: Callable[[Rows, Any], Any]) -> None:
            for group in groups:  # each result is dropped at once, as a consumer does
                apply(rows, group)

        stages: dict[str, Callable[[], Any]] = {
            "open (sample, types)": lambda: stoker.open(str(path), label="label"),
            "read": read,
            "read and scan for records": lambda: [None for _ in source.chunks(CHUNK_BYTES)],
            "checksum": lambda: [chunk.checksums() for chunk in chunks],
            "parse": lambda: [source.parse(chunk, narrow) for chunk in chunks],
            "statistics": statistics,
            "keep": keep,
            "batches: cast": lambda: run_all(cast.apply),
            "batches: standardise": lambda: run_all(standardize.apply),
        }
        lines = []
        for name, work in stages.items():
            spent = milliseconds(work, settings.rounds)
            lines.append(
                (name, f"{spent:.1f}", f"{size / spent / 1e3:,.0f}", f"{CSV_ROWS / spent * 1e3:,.0f}")
            )
        print(table(("stage", "CPU ms", "MB/s of the file", "rows/s"), lines))


if __name__ == "__main__":
    main()
