"""An epoch of block-shuffled batches from Parquet: 20 numeric columns and a label, as float32 batches of 256.

stoker surveys the file once, before the first turn, and writes its cache in that pass; its budget is one that
the rows do not fit. The peers shuffle as their users do: row groups in random order with a permutation within
each (a torch DataLoader with two workers over PyArrow), a local buffer (Ray Data, Hugging Face streaming).
A million rows, ten with ``--full``.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave

BATCH = 256
COLUMNS = 20
GROUP_ROWS = 1 << 17
BUFFER_ROWS = 10_000
MEMORY = "256MB"
Turn = Callable[[], dict[str, Any]]


def write_table(path: Path, num_rows: int) -> Path:
    """Write the table, unless it is there; values are multiples of 1/256: sums are exact in any order."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.exists():
        return path
    rng = np.random.default_rng(11)
    names = [f"x{place}" for place in range(COLUMNS)]
    schema = pa.schema([*((name, pa.float64()) for name in names), ("label", pa.int8())])
    new = path.with_suffix(".new")
    with pq.ParquetWriter(new, schema) as writer:
        for start in range(0, num_rows, GROUP_ROWS):
            count = min(GROUP_ROWS, num_rows - start)
            values = np.round(rng.normal(scale=30, size=(COLUMNS, count)) * 256) / 256
            writer.write_table(pa.table([*values, (values[0] > 0).astype(np.int8)], schema=schema))
    new.replace(path)
    return path


def _timed(batches: Callable[[], Iterable[tuple[Any, Any]]], num_rows: int) -> Turn:
    """Time one epoch of pairs of arrays; the first also adds up all values, to check what is delivered."""
    checked: list[bool] = []

    def turn() -> dict[str, Any]:
        import numpy as np

        check, total, found = not checked, 0.0, 0
        start = time.perf_counter()
        for x, y in batches():
            found += len(y)
            if check:
                assert x.shape[1:] == (COLUMNS,)
                assert str(x.dtype).endswith("float32")
                total += float(np.asarray(x).sum(dtype=np.float64)) + float(np.asarray(y).sum())
        seconds = time.perf_counter() - start
        assert found == num_rows, found
        answer: dict[str, Any] = {"rows_per_second": num_rows / seconds}
        if check:
            checked.append(True)
            answer["checksum"] = total
        return answer

    return turn


def stoker_blocks(path: str, num_rows: int) -> Turn:
    import stoker
    from stoker.transforms.numeric import Cast

    rows = stoker.open(path, label="label")
    start = time.perf_counter()
    feed = stoker.Feed(rows, transform=Cast(), batch_size=BATCH, seed=7, memory=MEMORY, epochs=9)
    feed.prepare()
    seconds = time.perf_counter() - start
    epochs = iter(range(1_000_000))

    def batches() -> Iterator[tuple[Any, Any]]:
        with closing(feed.epoch(next(epochs))) as epoch:
            for batch in epoch:
                yield batch.x, batch.y

    turn = _timed(batches, num_rows)
    return lambda: {**turn(), "prepare_seconds": seconds}


def torch_row_groups(path: str, num_rows: int) -> Turn:
    """Row groups in random order, shared between two lasting workers, each permuted and cut into batches."""
    import numpy as np
    import pyarrow.parquet as pq
    import torch
    from torch.utils.data import DataLoader, IterableDataset, get_worker_info

    class Groups(IterableDataset):
        def __init__(self) -> None:
            self.epoch = 0

        def __iter__(self) -> Iterator[tuple[Any, Any]]:
            self.epoch += 1
            file, worker = pq.ParquetFile(path), get_worker_info()
            rng = np.random.default_rng(self.epoch)
            for group in rng.permutation(file.num_row_groups)[worker.id :: worker.num_workers]:
                table = file.read_row_group(group, use_threads=False)
                order = rng.permutation(table.num_rows)
                x = np.column_stack([table.column(place).to_numpy() for place in range(COLUMNS)])
                x, y = x.astype(np.float32)[order], table.column(COLUMNS).to_numpy()[order]
                for start in range(0, len(y), BATCH):
                    stop = start + BATCH
                    yield torch.from_numpy(x[start:stop]), torch.from_numpy(y[start:stop])

    loader = DataLoader(Groups(), batch_size=None, num_workers=2, persistent_workers=True)
    return _timed(lambda: loader, num_rows)


def ray_buffer(path: str, num_rows: int) -> Turn:
    import logging

    import numpy as np
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = ray.data.read_parquet(path)

    def batches() -> Iterator[tuple[Any, Any]]:
        for batch in rows.iter_batches(
            batch_size=BATCH, batch_format="numpy", local_shuffle_buffer_size=BUFFER_ROWS
        ):
            columns = [batch[f"x{place}"] for place in range(COLUMNS)]
            yield np.column_stack(columns).astype(np.float32), batch["label"]

    return _timed(batches, num_rows)


def hugging_face_stream(path: str, num_rows: int, cache: str) -> Turn:
    import datasets
    import numpy as np

    datasets.disable_progress_bars()
    rows = datasets.load_dataset("parquet", data_files=path, split="train", streaming=True, cache_dir=cache)
    rows = rows.shuffle(seed=7, buffer_size=BUFFER_ROWS).with_format("numpy")

    def batches() -> Iterator[tuple[Any, Any]]:
        for batch in rows.iter(batch_size=BATCH):
            columns = [batch[f"x{place}"] for place in range(COLUMNS)]
            yield np.column_stack(columns).astype(np.float32), batch["label"]

    return _timed(batches, num_rows)


def run(settings: Settings) -> Report:
    """Measure all of them, each in its own process, taking turns."""
    num_rows = 10_000_000 if settings.full else 1_000_000
    path = str(write_table(settings.work / f"numbers-{num_rows}.parquet", num_rows))
    options = {"path": path, "num_rows": num_rows}
    names = {
        "stoker": ("stoker, block shuffle", "stoker_blocks"),
        "torch": ("torch DataLoader over PyArrow row groups, 2 workers", "torch_row_groups"),
        "ray": (f"Ray Data, local shuffle of {BUFFER_ROWS:,}", "ray_buffer"),
        "datasets": (f"Hugging Face streaming, buffer of {BUFFER_ROWS:,}", "hugging_face_stream"),
    }
    known = {package: importlib.util.find_spec(package) is not None for package in names}
    slow = {"ray": 2, "datasets": 1}
    contestants = [
        Contestant(
            name=name,
            target=f"benchmarks.sources:{function}",
            options={**options, "cache": str(settings.work / "datasets")}
            if package == "datasets"
            else options,
            rounds=min(settings.rounds, slow.get(package, settings.rounds)),
        )
        for package, (name, function) in names.items()
        if known[package]
    ]
    found = interleave(contestants, settings)
    spreads = {name: answers["rows_per_second"] for name, answers in found.items()}
    ours, prepared = spreads[names["stoker"][0]], found[names["stoker"][0]]["prepare_seconds"]
    bounds = {"torch": 5, "ray": 3, "datasets": 5}
    figures = [
        Figure(
            what=f"Parquet, {COLUMNS} columns, {num_rows:,} rows: rows a second against {names[package][0]}",
            bound=bound,
            measured=ours.median / spreads[names[package][0]].median,
            at_least=True,
        )
        for package, bound in bounds.items()
        if known[package]
    ]
    missing = [f"{package} is not installed, and so not measured." for package in names if not known[package]]
    return Report(
        title=f"Parquet: {num_rows:,} rows of {COLUMNS} columns, block-shuffled batches of {BATCH}",
        header=("who", "rows/s least", "median", "most", "first turn"),
        rows=tuple(
            (name, *spread.cells(lambda value: f"{value:,.0f}"), f"{spread.first:,.0f}")
            for name, spread in spreads.items()
        ),
        figures=tuple(figures),
        notes=(
            f"memory={MEMORY}: stoker's rows come from the cache that the survey's pass wrote before the "
            f"turns, in {prepared.median:.1f} s.",
            *missing,
        ),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
