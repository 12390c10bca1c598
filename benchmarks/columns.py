"""Fit 20 numeric and 5 category columns beside scikit-learn's partial_fit and pandas's counts of each chunk.

The first rows are of chunks in memory, each in the form that its reader gives: a pandas frame, or a packed
matrix and Arrow texts. The others begin with a Parquet file, which PyArrow reads for pandas in batches and
stoker surveys. A million rows, ten times over with ``--full``. Means, deviations and counts must be the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave

CHUNK = 65_536
DRAWN = 1_000_000
"""Rows that are drawn; more of them are these again."""
NUM_NUMBERS = 20
CARDINALITIES = (2, 12, 200, 5_000, 50_000)
NUMBERS = tuple(f"x{place}" for place in range(NUM_NUMBERS))
CITIES = tuple(f"city{place}" for place in range(len(CARDINALITIES)))


def chunks(num_rows: int) -> list[tuple[Any, list[Any]]]:
    """Numbers of shape (n, 20) and five Arrow arrays of texts, the same at every call."""
    drawn = list(_drawn(min(num_rows, DRAWN)))
    return drawn * max(1, num_rows // DRAWN)


def _drawn(num_rows: int) -> Iterator[tuple[Any, list[Any]]]:
    import numpy as np
    import pyarrow as pa

    known = [
        pa.array([f"{name} {i:05d}" for i in range(n)])
        for name, n in zip("abcde", CARDINALITIES, strict=True)
    ]
    for start in range(0, num_rows, CHUNK):
        draw, size = np.random.default_rng(start), min(CHUNK, num_rows - start)
        numbers = np.round(draw.normal(5.0, 3.0, (size, NUM_NUMBERS)), 4)
        ranks = [np.minimum(draw.zipf(1.3, size) - 1, n - 1) for n in CARDINALITIES]
        yield numbers, [values.take(pa.array(rank)) for values, rank in zip(known, ranks, strict=True)]


def parquet_file(work: Path, num_rows: int) -> Path:
    """The chunks as one Parquet file with a label, a row group every four chunks."""
    import pyarrow as pa
    from pyarrow import parquet

    path = work / f"columns-{num_rows}.parquet"
    if not path.exists():
        tables = []
        for numbers, texts in chunks(num_rows):
            label = pa.array((numbers[:, 0] > 5).astype("int8"))
            tables.append(pa.table([*numbers.T, *texts, label], names=[*NUMBERS, *CITIES, "sold"]))
        with parquet.ParquetWriter(path, tables[0].schema) as writer:
            for start in range(0, len(tables), 4):
                writer.write_table(pa.concat_tables(tables[start : start + 4]))
    return path


def timed(fit: Callable[[], tuple[Any, Any, list[dict[str, int]]]]) -> Callable[[], dict[str, Any]]:
    """Fit once a turn; what comes of it is the checksum."""

    def turn() -> dict[str, Any]:
        begin, cpu = time.perf_counter(), time.process_time()
        mean, deviation, counts = fit()
        seconds, used = time.perf_counter() - begin, time.process_time() - cpu
        told = [f"{value:.9g}" for value in (*mean, *deviation)]
        sums = [(len(held), sum(n * (1 + sum(word.encode())) for word, n in held.items())) for held in counts]
        return {"seconds": seconds, "cpu": used, "checksum": f"{told} {sums}"}

    return turn


def sklearn_chunks(rows: int) -> Callable[[], dict[str, Any]]:
    import pandas as pd

    frames = []
    for numbers, texts in chunks(min(rows, DRAWN)):
        frame = pd.DataFrame(numbers, columns=list(NUMBERS))
        frames.append(
            frame.assign(**{name: held.to_pandas() for name, held in zip(CITIES, texts, strict=True)})
        )
    frames *= max(1, rows // DRAWN)
    return timed(lambda: _partial_fits(frames))


def sklearn_file(path: str) -> Callable[[], dict[str, Any]]:
    from pyarrow import parquet

    def frames() -> Iterator[Any]:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(CHUNK):
                yield batch.to_pandas()

    return timed(lambda: _partial_fits(frames()))


def _partial_fits(frames: Any) -> tuple[Any, Any, list[dict[str, int]]]:
    """StandardScaler's partial_fit, and what ``value_counts`` gives of each chunk, added up."""
    import pandas as pd
    from sklearn.preprocessing import StandardScaler

    scaler, counts = StandardScaler(), [pd.Series(dtype="int64") for _ in CITIES]
    for frame in frames:
        scaler.partial_fit(frame[list(NUMBERS)])
        for place, name in enumerate(CITIES):
            counts[place] = counts[place].add(frame[name].value_counts(), fill_value=0)
    return scaler.mean_, scaler.scale_, [held.astype("int64").to_dict() for held in counts]


def stoker_chunks(rows: int) -> Callable[[], dict[str, Any]]:
    import stoker
    from stoker.types import Matrix, Rows

    held = [
        Rows(
            num_rows=len(numbers),
            features=NUMBERS,
            matrix=Matrix.of(numbers),
            columns=dict(zip(CITIES, texts, strict=True)),
        )
        for numbers, texts in chunks(rows)
    ]

    def fit() -> tuple[Any, Any, list[dict[str, int]]]:
        columns = stoker.Columns({"numbers": (NUMBERS, stoker.Standardize()), **_categories(stoker)})
        for part in held:
            columns.partial_fit(part)
        seen = columns.parts[0].transform.statistics_
        return seen.mean, seen.std, [_counts(part.transform) for part in columns.parts[1:]]

    return timed(fit)


def stoker_file(path: str) -> Callable[[], dict[str, Any]]:
    import shutil

    import stoker

    def fit() -> tuple[Any, Any, list[dict[str, int]]]:
        shutil.rmtree(Path(path).parent / ".stoker", ignore_errors=True)
        rows = stoker.open(path, label="sold")
        columns = stoker.Columns({"numbers": (NUMBERS, stoker.Standardize()), **_categories(stoker)})
        stoker.Feed(rows, transform=columns, batch_size=256, cache="never").prepare()
        seen = columns.parts[0].transform.statistics_
        return seen.mean, seen.std, [_counts(part.transform) for part in columns.parts[1:]]

    return timed(fit)


def _categories(stoker: Any) -> dict[str, Any]:
    return {name: stoker.Category() for name in CITIES}


def _counts(category: Any) -> dict[str, int]:
    (book,) = category.books_
    return dict(zip(book.categories, book.counts.tolist(), strict=True))


def run(settings: Settings) -> Report:
    """Measure chunks in memory, and a file."""
    rows = 10_000_000 if settings.full else 1_000_000
    path = str(parquet_file(settings.work, rows))
    theirs, ours = "scikit-learn and pandas", "stoker"
    memory = [
        Contestant(name=theirs, target="benchmarks.columns:sklearn_chunks", options={"rows": rows}),
        Contestant(name=ours, target="benchmarks.columns:stoker_chunks", options={"rows": rows}),
    ]
    file = [
        Contestant(name=theirs, target="benchmarks.columns:sklearn_file", options={"path": path}),
        Contestant(name=ours, target="benchmarks.columns:stoker_file", options={"path": path}),
    ]
    found = {"chunks in memory": interleave(memory, settings), "a Parquet file": interleave(file, settings)}
    return Report(
        title=f"Fit of {NUM_NUMBERS} numeric and {len(CITIES)} category columns, {rows:,} rows",
        header=("of", "who", "s min", "median", "max", "first turn", "CPU s"),
        rows=tuple(
            (
                source,
                who,
                *spread["seconds"].cells("{:.2f}".format),
                f"{spread['seconds'].first:.2f}",
                f"{spread['cpu'].median:.2f}",
            )
            for source, results in found.items()
            for who, spread in results.items()
        ),
        figures=(
            Figure.speedup(
                "fit of 20 numeric and 5 category columns: scikit-learn ÷ stoker",
                bound=3.0,
                theirs=found["chunks in memory"][theirs]["seconds"],
                ours=found["chunks in memory"][ours]["seconds"],
            ),
        ),
        notes=(
            f"categories: {', '.join(f'{n:,}' for n in CARDINALITIES)} of a Zipfian distribution",
            "the means, the deviations (to 9 digits) and all counts are the same",
            "stoker's time of a file includes its survey: index, checksums, labels and every problem",
        ),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
