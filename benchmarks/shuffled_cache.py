"""A global shuffle of 400,000 × 784 uint8 rows from disk, as float32 batches of 256.

stoker reads its cache, which was built from a CSV beforehand, with ``shuffle="exact"`` and a budget that the
rows do not fit. The NumPy line is the practical limit of one thread: a gather and a cast from the memory map,
the permutation made beforehand, no labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave
from benchmarks.data import MATRIX_ROWS, write_arrays, write_csv

BATCH = 256
Turn = Callable[[], dict[str, Any]]


def _timed(batches: Callable[[], Iterable[Any]]) -> Turn:
    """Time one epoch of arrays x; the first also adds up all values, as a check of what is delivered."""
    checked: list[bool] = []

    def turn() -> dict[str, Any]:
        import numpy as np

        total = 0.0
        num_rows = 0
        check = not checked
        start = time.perf_counter()
        for x in batches():
            num_rows += len(x)
            if check:
                assert x.shape[1:] == (784,)
                total += float(np.asarray(x).sum(dtype=np.float64))
        seconds = time.perf_counter() - start
        answer: dict[str, Any] = {"rows_per_second": num_rows / seconds}
        if check:
            checked.append(True)
            answer["checksum"] = total
        return answer

    return turn


def stoker_cached(path: str, memory: str, shuffle: Any, workers: int | None = None) -> Turn:
    import stoker
    from stoker.transforms.numeric import Cast

    rows = stoker.open(path, label="label")
    feed = stoker.Feed(
        rows,
        transform=Cast(),
        batch_size=BATCH,
        shuffle=shuffle,
        seed=7,
        memory=memory,
        cache="always",
        workers=workers,
    )
    feed.prepare()
    epochs = iter(range(1_000_000))

    def batches() -> Iterable[Any]:
        with closing(feed.epoch(next(epochs))) as epoch:
            for batch in epoch:
                yield batch.x

    return _timed(batches)


def numpy_gather(pixels: str) -> Turn:
    """Gather and cast, the permutation ready, each batch dropped at once so that its memory is used again."""
    import numpy as np

    rows = np.load(pixels, mmap_mode="r")
    order = np.random.default_rng(7).permutation(len(rows))

    def batches() -> Iterable[Any]:
        for start in range(0, len(order), BATCH):
            yield rows[order[start : start + BATCH]].astype(np.float32)

    return _timed(batches)


def torch_loader(pixels: str, labels: str, cast: str) -> Turn:
    """Run a DataLoader with two lasting workers and batched indexing.

    With ``cast="worker"`` the workers deliver float32, as a Dataset does; with ``cast="consumer"`` they send
    uint8 and the consumer casts.
    """
    import numpy as np
    import torch
    from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

    class Batches(Dataset):
        def __init__(self) -> None:
            self.x = np.load(pixels, mmap_mode="r")
            self.y = np.load(labels)

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, places: list[int]) -> tuple[Any, Any]:
            x = self.x[places]
            return torch.from_numpy(x.astype(np.float32) if cast == "worker" else x), torch.from_numpy(
                self.y[places]
            )

    rows = Batches()
    sampler = BatchSampler(RandomSampler(rows), BATCH, drop_last=False)
    loader = DataLoader(
        rows, sampler=sampler, batch_size=None, num_workers=2, persistent_workers=True, prefetch_factor=4
    )
    return _timed(lambda: (x.float() for x, _ in loader))


def tf_in_memory(pixels: str, labels: str) -> Turn:
    """Run tf.data over all rows in memory: indices are shuffled, whole batches gathered in parallel."""
    import numpy as np
    import tensorflow as tf

    x = tf.constant(np.load(pixels))
    y = tf.constant(np.load(labels))
    dataset = tf.data.Dataset.range(len(x)).shuffle(len(x)).batch(BATCH)
    dataset = dataset.map(
        lambda places: (tf.cast(tf.gather(x, places), tf.float32), tf.gather(y, places)),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)
    return _timed(lambda: (values for values, _ in dataset))


def run(settings: Settings) -> Report:
    """Measure all contestants and compare with torch's and NumPy's."""
    path = str(write_csv(settings, MATRIX_ROWS))
    pixels, labels = map(str, write_arrays(settings, MATRIX_ROWS))
    module = "benchmarks.shuffled_cache"
    ours = f"{module}:stoker_cached"
    cached = {"path": path, "memory": "1GB"}
    arrays = {"pixels": pixels, "labels": labels}
    contestants = [
        Contestant(name="stoker, exact", target=ours, options={**cached, "shuffle": "exact"}),
        Contestant(name="NumPy gather + astype", target=f"{module}:numpy_gather", options={"pixels": pixels}),
        Contestant(
            name="torch DataLoader, two workers, batched indexing",
            target=f"{module}:torch_loader",
            options={**arrays, "cast": "worker"},
        ),
        Contestant(
            name="torch DataLoader, the same, uint8 sent, cast by the consumer",
            target=f"{module}:torch_loader",
            options={**arrays, "cast": "consumer"},
        ),
        Contestant(
            name="tf.data, rows in memory, gathered after batch",
            target=f"{module}:tf_in_memory",
            options=arrays,
        ),
        Contestant(name="stoker, block", target=ours, options={**cached, "shuffle": "block"}),
    ]
    results = {name: spread["rows_per_second"] for name, spread in interleave(contestants, settings).items()}
    rate = results["stoker, exact"].median
    limit = results["NumPy gather + astype"].median
    rows = [
        (name, *spread.cells("{:,.0f}".format), f"{rate / spread.median:.2f} ×")
        for name, spread in results.items()
    ]
    return Report(
        title="Global shuffle of 400,000 × 784 uint8 from the cache, float32 batches of 256",
        header=("who", "rows/s min", "median", "max", "stoker (exact) is faster by"),
        rows=tuple(rows),
        figures=(
            Figure(
                what="cached exact shuffle ÷ torch DataLoader, batched indexing",
                bound=10,
                measured=rate / results["torch DataLoader, two workers, batched indexing"].median,
                at_least=True,
            ),
            Figure(
                what="cached exact shuffle ÷ NumPy gather + astype on the memory map",
                bound=0.7,
                measured=rate / limit,
                at_least=True,
            ),
        ),
        notes=(
            "torch's figure is that of workers which deliver float32, as a Dataset does; the leaner form "
            "that sends bytes is shown beside it",
            "stoker also delivers labels and proves the order by digests; NumPy's line does neither",
        ),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
