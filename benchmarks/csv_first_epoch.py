"""The first epoch straight from a CSV of 42,000 × 785 integers, in order, as float32 batches of 256.

stoker's turn begins with nothing but the file: opening, survey and planning are included, its index folder is
removed before. The peers' turn begins with the file too; none of them checks values, types or content.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave
from benchmarks.data import CSV_ROWS, write_csv

BATCH = 256
Turn = Callable[[], dict[str, Any]]
Batches = Callable[[], Iterable[tuple[Any, Any]]]


def _timed(batches: Batches, before: Callable[[], None] | None = None, *, check: bool = True) -> Turn:
    """Time one pass; the very first also adds up all values, to show that everybody delivers the same."""
    unchecked = [check]

    def turn() -> dict[str, Any]:
        import numpy as np

        total = 0.0
        num_rows = 0
        check = bool(unchecked and unchecked.pop())
        if before is not None:
            before()
        start = time.perf_counter()
        for x, y in batches():
            num_rows += len(y)
            if check:
                values = np.asarray(x)
                assert values.dtype == np.float32
                assert values.shape == (len(y), 784)
                total += float(values.sum(dtype=np.float64)) + float(np.asarray(y).sum())
        seconds = time.perf_counter() - start
        answer: dict[str, Any] = {"rows_per_second": num_rows / seconds, "seconds": seconds}
        if check:
            answer["checksum"] = total
        return answer

    return turn


def stoker_first(path: str, standardize: bool = False) -> Turn:
    """Time everything from nothing but the file, as plain float32 like the peers, or standardised."""
    import stoker
    from stoker.transforms.numeric import Cast

    def batches() -> Iterable[tuple[Any, Any]]:
        rows = stoker.open(path, label="label")
        transform = stoker.Standardize() if standardize else Cast()
        feed = stoker.Feed(rows, transform=transform, batch_size=BATCH, shuffle=False, cache="never")
        with closing(feed.epoch(0)) as epoch:
            for batch in epoch:
                yield batch.x, batch.y

    return _timed(
        batches,
        lambda: shutil.rmtree(Path(path).parent / ".stoker", ignore_errors=True),
        check=not standardize,
    )


def stoker_again(path: str, memory: str = "32MB") -> Turn:
    """Time an epoch of a surveyed file whose rows do not fit the budget: all are read and parsed again."""
    import stoker
    from stoker.transforms.numeric import Cast

    rows = stoker.open(path, label="label")
    feed = stoker.Feed(rows, transform=Cast(), batch_size=BATCH, shuffle=False, memory=memory, cache="never")
    feed.prepare()

    def batches() -> Iterable[tuple[Any, Any]]:
        with closing(feed.epoch(0)) as epoch:
            for batch in epoch:
                yield batch.x, batch.y

    return _timed(batches)


def tf_text_line(path: str, number: str = "float32") -> Turn:
    """Run tf.data in its best form: whole batches of lines are decoded, in parallel, with prefetch."""
    import tensorflow as tf

    defaults = [tf.constant([0], getattr(tf, number))] * 785

    def decode(lines: Any) -> tuple[Any, Any]:
        columns = tf.io.decode_csv(lines, record_defaults=defaults)
        return tf.cast(tf.stack(columns[1:], axis=1), tf.float32), tf.cast(columns[0], tf.int32)

    dataset = tf.data.TextLineDataset(path, buffer_size=1 << 20).skip(1).batch(BATCH)
    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    return _timed(lambda: dataset)


def tf_csv_dataset(path: str) -> Turn:
    import tensorflow as tf

    types = [tf.constant([0], tf.int32)] * 785
    dataset = tf.data.experimental.CsvDataset(path, types, header=True).batch(BATCH)
    dataset = dataset.map(
        lambda *columns: (tf.cast(tf.stack(columns[1:], axis=1), tf.float32), columns[0]),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)
    return _timed(lambda: dataset)


def arrow_streaming(path: str) -> Turn:
    """Run PyArrow's streaming reader with two threads, and copy column by column into batches."""
    import numpy as np
    from pyarrow import csv

    def batches() -> Iterable[tuple[Any, Any]]:
        options = csv.ReadOptions(block_size=8 << 20, use_threads=True)
        for block in csv.open_csv(path, read_options=options):
            matrix = np.empty((block.num_rows, 784), np.float32)
            for j in range(784):
                matrix[:, j] = block.column(j + 1).to_numpy(zero_copy_only=False)
            labels = block.column(0).to_numpy(zero_copy_only=False)
            for start in range(0, block.num_rows, BATCH):
                yield matrix[start : start + BATCH], labels[start : start + BATCH]

    return _timed(batches)


def pandas_chunks(path: str) -> Turn:
    import numpy as np
    import pandas as pd

    def batches() -> Iterable[tuple[Any, Any]]:
        for frame in pd.read_csv(path, chunksize=BATCH):
            values = frame.to_numpy()
            yield values[:, 1:].astype(np.float32), values[:, 0]

    return _timed(batches)


def hugging_face(path: str) -> Turn:
    """Run datasets with its Arrow cache built beforehand, in NumPy format."""
    import numpy as np
    from datasets import load_dataset

    cache = str(Path(path).parent.with_name("hugging-face"))
    rows = load_dataset("csv", data_files=path, split="train", cache_dir=cache).with_format("numpy")

    def batches() -> Iterable[tuple[Any, Any]]:
        for batch in rows.iter(BATCH):
            labels = batch.pop("label")
            yield np.stack(list(batch.values()), axis=1).astype(np.float32), labels

    return _timed(batches)


def blog_script(path: str, full: bool) -> Turn:
    """Run the blog's generator: read_csv(skiprows=i * batch, nrows=batch) for every batch.

    The cost of batch i is a line in i, so seven batches are read and the line through them is summed up over
    the epoch; with `full` every batch is read.
    """
    import numpy as np
    import pandas as pd

    num_batches = -(-CSV_ROWS // BATCH)

    def seconds_of(index: int) -> float:
        start = time.perf_counter()
        frame = pd.read_csv(path, skiprows=index * BATCH, nrows=BATCH)
        np.array(frame.iloc[:, 1:]), np.array(frame.iloc[:, 0])
        return time.perf_counter() - start

    def turn() -> dict[str, Any]:
        places = np.arange(num_batches) if full else np.linspace(0, num_batches - 2, 7).astype(int)
        costs = np.array([seconds_of(int(place)) for place in places])
        slope, offset = np.polyfit(places, costs, 1)
        seconds = float(costs.sum() if full else (slope * np.arange(num_batches) + offset).sum())
        return {"rows_per_second": CSV_ROWS / seconds, "seconds": seconds}

    return turn


def run(settings: Settings) -> Report:
    """Measure all contestants and compare with the fastest tf.data pipeline."""
    path = str(write_csv(settings, CSV_ROWS))
    module = "benchmarks.csv_first_epoch"
    file = {"path": path}
    contestants = [
        Contestant(name="stoker, survey included", target=f"{module}:stoker_first", options=file),
        Contestant(
            name="tf.data TextLineDataset, decode_csv after batch (float32)",
            target=f"{module}:tf_text_line",
            options=file,
        ),
        Contestant(
            name="tf.data TextLineDataset, decode_csv after batch (int32)",
            target=f"{module}:tf_text_line",
            options={"path": path, "number": "int32"},
        ),
        Contestant(name="PyArrow streaming reader", target=f"{module}:arrow_streaming", options=file),
        Contestant(name="pandas chunksize", target=f"{module}:pandas_chunks", options=file, rounds=3),
        Contestant(
            name="stoker, survey included, standardised",
            target=f"{module}:stoker_first",
            options={**file, "standardize": True},
        ),
        Contestant(
            name="stoker, surveyed before, budget of 32 MB",
            target=f"{module}:stoker_again",
            options=file,
        ),
        Contestant(
            name="the blog's read_csv(skiprows, nrows)" + ("" if settings.full else " (extrapolated)"),
            target=f"{module}:blog_script",
            options={"path": path, "full": settings.full},
            rounds=0 if settings.full else 2,
        ),
    ]
    if settings.full:
        slow = {
            "tf.data CsvDataset + batch + stack": "tf_csv_dataset",
            "Hugging Face datasets": "hugging_face",
        }
        contestants += [
            Contestant(name=name, target=f"{module}:{function}", options=file, rounds=1)
            for name, function in slow.items()
        ]
    results = {name: spread["rows_per_second"] for name, spread in interleave(contestants, settings).items()}
    best = max(spread.median for name, spread in results.items() if name.startswith("tf.data"))
    rate = results["stoker, survey included"]
    rows = [
        (
            name,
            *spread.cells("{:,.0f}".format),
            f"{spread.first:,.0f}",
            f"{rate.median / spread.median:.1f} ×",
        )
        for name, spread in results.items()
    ]
    return Report(
        title="First epoch straight from a CSV, 42,000 × 785, in order, batches of 256",
        header=("who", "rows/s min", "median", "max", "first turn in the process", "stoker is faster by"),
        rows=tuple(rows),
        figures=(
            Figure(
                what="first epoch ÷ fastest tf.data CSV pipeline",
                bound=10,
                measured=rate.median / best,
                at_least=True,
            ),
        ),
        notes=("the first turn of each process, which also sums up all values as a check, is shown apart",),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
