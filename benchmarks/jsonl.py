"""The first epoch of shuffled batches from JSON Lines: 10 numbers and a label, as float32 batches of 256.

Each turn begins with a file that nobody has looked at: stoker surveys it, Hugging Face's `datasets` converts
it to its cache. Both then give every row once, in an order uniform over all rows; a second epoch is timed
apart. 200,000 rows, ten times over with ``--full``.
"""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave

BATCH = 256
COLUMNS = 10
Turn = Callable[[], dict[str, Any]]


def write_lines(path: Path, num_rows: int) -> Path:
    """Write the file, unless it is there; values are multiples of 1/256: sums are exact in any order."""
    import numpy as np

    if path.exists():
        return path
    rng = np.random.default_rng(12)
    new = path.with_suffix(".new")
    with new.open("w") as file:
        for start in range(0, num_rows, 10_000):
            values = np.round(rng.normal(scale=30, size=(min(10_000, num_rows - start), COLUMNS)) * 256) / 256
            for row in values.tolist():
                numbers = ", ".join(f'"x{place}": {value}' for place, value in enumerate(row))
                file.write(f'{{{numbers}, "label": {int(row[0] > 0)}}}\n')
    new.replace(path)
    return path


def _timed(begin: Callable[[], Callable[[], Iterable[tuple[Any, Any]]]], num_rows: int) -> Turn:
    """Time an epoch from a file that is new, and one more; the first turn also adds up all values."""
    checked: list[bool] = []

    def walk(batches: Iterable[tuple[Any, Any]], check: bool) -> float:
        import numpy as np

        total, found = 0.0, 0
        for x, y in batches:
            found += len(y)
            if check:
                assert x.shape[1:] == (COLUMNS,)
                assert x.dtype == np.float32
                total += float(x.sum(dtype=np.float64)) + float(np.asarray(y).sum())
        assert found == num_rows, found
        return total

    def turn() -> dict[str, Any]:
        check = not checked
        start = time.perf_counter()
        batches = begin()
        total = walk(batches(), check)
        first = time.perf_counter()
        walk(batches(), False)
        second = time.perf_counter()
        answer: dict[str, Any] = {
            "rows_per_second": num_rows / (first - start),
            "later": num_rows / (second - first),
        }
        if check:
            checked.append(True)
            answer["checksum"] = total
        return answer

    return turn


def stoker_lines(path: str, num_rows: int, memory: str, shuffle: Any) -> Turn:
    import stoker
    from stoker.transforms.numeric import Cast

    def begin() -> Callable[[], Iterable[tuple[Any, Any]]]:
        shutil.rmtree(Path(path).parent / ".stoker", ignore_errors=True)
        feed = stoker.Feed(
            stoker.open(path, label="label"),
            transform=Cast(),
            batch_size=BATCH,
            shuffle=shuffle,
            seed=7,
            memory=memory,
            cache="never",
        )
        epochs = iter(range(1_000_000))

        def batches() -> Iterator[tuple[Any, Any]]:
            with closing(feed.epoch(next(epochs))) as epoch:
                for batch in epoch:
                    yield batch.x, batch.y

        return batches

    return _timed(begin, num_rows)


def hugging_face(path: str, num_rows: int, cache: str) -> Turn:
    import datasets
    import numpy as np

    datasets.disable_progress_bars()

    def begin() -> Callable[[], Iterable[tuple[Any, Any]]]:
        shutil.rmtree(cache, ignore_errors=True)
        rows = datasets.load_dataset("json", data_files=path, split="train", cache_dir=cache)
        seeds = iter(range(1_000_000))

        def batches() -> Iterator[tuple[Any, Any]]:
            shuffled = rows.shuffle(seed=next(seeds)).with_format("numpy")
            for batch in shuffled.iter(batch_size=BATCH):
                columns = [batch[f"x{place}"] for place in range(COLUMNS)]
                yield np.column_stack(columns).astype(np.float32), batch["label"]

        return batches

    return _timed(begin, num_rows)


def run(settings: Settings) -> Report:
    """Measure all of them, each in its own process, taking turns."""
    num_rows = 2_000_000 if settings.full else 200_000
    folder = settings.work / "jsonl"
    folder.mkdir(exist_ok=True)
    options = {"path": str(write_lines(folder / f"numbers-{num_rows}.jsonl", num_rows)), "num_rows": num_rows}
    ours, theirs = "stoker, exact shuffle", "Hugging Face datasets, shuffled"
    target = "benchmarks.jsonl:stoker_lines"
    contestants = [
        Contestant(name=ours, target=target, options={**options, "memory": "1GB", "shuffle": "exact"}),
        Contestant(
            name="stoker, block shuffle, 16 MB: read again from the file",
            target=target,
            options={**options, "memory": "16MB", "shuffle": "block"},
        ),
    ]
    if importlib.util.find_spec("datasets") is not None:
        cache = str(settings.work / "jsonl-datasets")
        contestants.append(
            Contestant(
                name=theirs,
                target="benchmarks.jsonl:hugging_face",
                options={**options, "cache": cache},
                rounds=min(settings.rounds, 2),
            )
        )
    found = interleave(contestants, settings)
    figures = []
    if theirs in found:
        figures = [
            Figure(
                what=f"JSON Lines, {num_rows:,} rows: first epoch, shuffled, against Hugging Face datasets",
                bound=10,
                measured=found[ours]["rows_per_second"].median / found[theirs]["rows_per_second"].median,
                at_least=True,
            )
        ]
    return Report(
        title=f"JSON Lines: {num_rows:,} rows of {COLUMNS} numbers, shuffled batches of {BATCH}",
        header=("who", "rows/s of the first epoch, least", "median", "most", "of a later epoch"),
        rows=tuple(
            (
                name,
                *answers["rows_per_second"].cells(lambda value: f"{value:,.0f}"),
                f"{answers['later'].median:,.0f}",
            )
            for name, answers in found.items()
        ),
        figures=tuple(figures),
        notes=("The first epoch includes the survey, and the conversion to Arrow of Hugging Face.",),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
