"""Two processes of a Ray cluster of this machine beside one: steps, start-up, and the stream of rows.

*Steps*: a network that computes for long and has few weights, trained by one process with one thread and by
two with one thread each, on the same batches; compiling and the first epoch are left out. *Start-up*: from
the call of `stoker.distributed.run` until the first host has taken a step of a small model, beside Ray's own
`ray.init` and an empty training of two workers by Ray's own trainer, until that has ended. *Stream*: an epoch
of a Parquet file for two consumers, block-shuffled and in one order for both, beside `streaming_split` of Ray
Data, which gives each consumer whichever rows come next; stoker's come from the cache that its survey wrote.
A million rows, ten with ``--full``.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave
from benchmarks.sources import COLUMNS, MEMORY, write_table

BATCH = 256
HOSTS = 2
SIDE = 28
NUM_IMAGES = 4_096
EPOCHS = 3
OWN_CLUSTER = {"RAY_ADDRESS": "local"}
ONE_THREAD = {"NPROC": "1", "OMP_NUM_THREADS": "1"}
"""For XLA and for BLAS; of several hosts on a machine stoker gives each its part of the threads by itself."""
RAY: dict[str, Any] = {"num_cpus": HOSTS, "include_dashboard": False, "log_to_driver": False}
Turn = Callable[[], dict[str, Any]]


def write_images(path: Path) -> Path:
    """Write pictures of noise as an array, their labels beside, unless they are there."""
    import numpy as np

    if not path.exists():
        rng = np.random.default_rng(3)
        np.save(path, rng.random((NUM_IMAGES, SIDE * SIDE + 1), np.float32).round(4))
    return path


def _network() -> Any:
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE * SIDE,)),
            layers.Reshape((SIDE, SIDE, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model


def train(path: str) -> dict[str, float]:
    """Train for some epochs; rows a second of all but the first, and this process's time per row."""
    import keras

    import stoker
    from stoker.transforms.numeric import Cast

    class Clock(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.ends: list[tuple[float, float]] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.ends.append((time.perf_counter(), time.process_time()))

    rows = stoker.open(path, label=f"#{SIDE * SIDE}")
    feed = stoker.Feed(rows, transform=Cast(), batch_size=BATCH, seed=7, memory="200MB", workers=1)
    clock = Clock()
    stoker.fit(_network(), feed, epochs=EPOCHS, callbacks=[clock], progress="none")
    (wall, cpu), (last_wall, last_cpu) = clock.ends[0], clock.ends[-1]
    done = (len(clock.ends) - 1) * NUM_IMAGES
    return {
        "rows_per_second": done / (last_wall - wall),
        "cpu_milliseconds": 1e3 * (last_cpu - cpu) / (done / BATCH),
    }


def one_process(path: str) -> Turn:
    return lambda: dict(train(path))


def two_processes(path: str) -> Turn:
    from stoker.cluster import connected_to_ray, quiet_ray
    from stoker.distributed import run

    quiet_ray().__enter__()
    connected_to_ray(HOSTS).__enter__()
    return lambda: dict(run(lambda host: train(path), hosts=HOSTS))


def write_points(path: Path) -> Path:
    """Write a small table, unless it is there."""
    import numpy as np

    if not path.exists():
        x = np.random.default_rng(4).normal(size=(1_000, 4)).round(3)
        np.savetxt(path, np.column_stack([x, x[:, 0] > 0]), "%g", ",", header="a,b,c,d,y", comments="")
    return path


def _begin(path: str) -> float:
    """Train a small model; when its first step was taken."""
    from stoker import backends

    with backends.unaccompanied():  # as the command line does
        import keras

        import stoker

        class First(keras.callbacks.Callback):
            at = 0.0

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.at = self.at or time.perf_counter()

        first = First()
        feed = stoker.Feed(stoker.open(path, label="y"), batch_size=BATCH, memory="64MB")
        stoker.fit(stoker.models.mlp(feed), feed, epochs=1, callbacks=[first], progress="none")
    return first.at


def start_of_ray() -> None:
    """Print the seconds of `ray.init` and of an empty training of two workers; and until that is called."""
    start, clock = time.perf_counter(), time.time()
    from stoker.cluster import connected_to_ray, quiet_ray

    with quiet_ray(), connected_to_ray(HOSTS):
        from ray.train import ScalingConfig
        from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

        workers = ScalingConfig(num_workers=HOSTS)
        called: Any = DataParallelTrainer(lambda: time.time(), scaling_config=workers).fit().return_value
        print(f'{{"seconds": {time.perf_counter() - start}, "called": {called - clock}}}')


def start_of_stoker(path: str) -> None:
    """Print the seconds until the function is called in the first of two hosts, and until its first step."""
    start = time.perf_counter()
    from stoker.distributed import run

    def work(host: Any) -> tuple[float, float]:
        return time.perf_counter(), _begin(path)

    called, stepped = run(work, hosts=HOSTS)
    print(f'{{"seconds": {stepped - start}, "called": {called - start}}}')


def _script(call: str) -> Turn:
    """Each turn in a process of its own, which starts Ray and ends it."""
    from benchmarks.common import run_script

    return lambda: run_script(["-c", f"from benchmarks import hosts; hosts.{call}"])


def start(path: str) -> Turn:
    """Seconds of Ray's start, or of stoker's where a path is given."""
    return _script(f"start_of_stoker({path!r})" if path else "start_of_ray()")


def _consumers(make: Callable[[int], Callable[[], tuple[int, float]]]) -> list[Any]:
    """Two actors of a new cluster, each of which walks through its part of an epoch when it is told to."""
    import ray

    ray.init(**RAY, ignore_reinit_error=True)

    class Consumer:
        def __init__(self, rank: int) -> None:
            self.walk = make(rank)

        def turn(self) -> tuple[int, float]:
            return self.walk()

    # No processors of their own: the tasks that read take those.
    return [ray.remote(num_cpus=0)(Consumer).remote(rank) for rank in range(HOSTS)]


def _both(consumers: list[Any], num_rows: int) -> Turn:
    import ray

    def turn() -> dict[str, Any]:
        start = time.perf_counter()
        counts, sums = zip(*ray.get([each.turn.remote() for each in consumers]), strict=True)
        seconds = time.perf_counter() - start
        assert sum(counts) == num_rows, counts
        return {"rows_per_second": num_rows / seconds, "checksum": sum(sums)}

    return turn


def _walked(batches: Any) -> tuple[int, float]:
    """Rows, and the sum of a column and of labels."""
    count, total = 0, 0.0
    for x, y in batches:
        assert (x.shape[1:], x.dtype) == ((COLUMNS,), "float32")
        count += len(y)
        total += float(x[:, 0].sum(dtype="float64")) + float(y.sum())
    return count, total


def stoker_stream(path: str, num_rows: int) -> Turn:
    import stoker
    from stoker.transforms.numeric import Cast
    from stoker.types import Rank

    def feed() -> Any:
        rows = stoker.open(path, label="label")
        feed = stoker.Feed(rows, transform=Cast(), batch_size=BATCH, seed=7, memory=MEMORY, epochs=9)
        return feed.prepare()

    start = time.perf_counter()
    feed()  # the survey, and the cache for both
    prepared = time.perf_counter() - start

    def make(rank: int) -> Callable[[], tuple[int, float]]:
        shared, epochs = feed(), iter(range(1_000_000))

        def walk() -> tuple[int, float]:
            with closing(shared.epoch(next(epochs), 0, Rank(rank, HOSTS))) as epoch:
                return _walked((batch.x, batch.y) for batch in epoch)

        return walk

    turn = _both(_consumers(make), num_rows)
    return lambda: {**turn(), "prepare_seconds": prepared}


def ray_stream(path: str, num_rows: int) -> Turn:
    import numpy as np

    names = [f"x{place}" for place in range(COLUMNS)]
    parts: list[Any] = []

    def make(rank: int) -> Callable[[], tuple[int, float]]:
        def batches() -> Any:
            for batch in parts[rank].iter_batches(batch_size=BATCH // HOSTS, batch_format="numpy"):
                yield np.column_stack([batch[name] for name in names]).astype(np.float32), batch["label"]

        return lambda: _walked(batches())

    import ray

    ray.init(**RAY)
    ray.data.DataContext.get_current().enable_progress_bars = False
    parts.extend(ray.data.read_parquet(path).streaming_split(HOSTS, equal=True))
    return _both(_consumers(make), num_rows)


_MODULE = "benchmarks.hosts"
_ALONE, _TOGETHER = "one process, one thread", "two processes, one thread each"
_RAYS, _OURS = (
    "Ray's own: `ray.init`, an empty training of two workers",
    "stoker, two hosts: the first step taken",
)
_SPLIT, _STREAM = "Ray Data, streaming_split, not shuffled", "stoker, shuffled by blocks, one order for both"


def _steps(settings: Settings) -> dict[str, Any]:
    options = {"path": str(write_images(settings.work / "images.npy"))}
    return interleave(
        [
            Contestant(name=_ALONE, target=f"{_MODULE}:one_process", options=options, environment=ONE_THREAD),
            Contestant(
                name=_TOGETHER, target=f"{_MODULE}:two_processes", options=options, environment=OWN_CLUSTER
            ),
        ],
        settings,
    )


def _starts(settings: Settings) -> dict[str, Any]:
    path = str(write_points(settings.work / "points.csv"))
    return interleave(
        [
            Contestant(name=name, target=f"{_MODULE}:start", options={"path": given}, environment=OWN_CLUSTER)
            for name, given in ((_RAYS, ""), (_OURS, path))
        ],
        settings,
    )


def _streams(settings: Settings) -> tuple[dict[str, Any], int]:
    num_rows = 10_000_000 if settings.full else 1_000_000
    path = str(write_table(settings.work / f"numbers-{num_rows}.parquet", num_rows))
    options = {"path": path, "num_rows": num_rows}
    contestants = [
        Contestant(name=name, target=f"{_MODULE}:{function}", options=options, environment=OWN_CLUSTER)
        for name, function in ((_SPLIT, "ray_stream"), (_STREAM, "stoker_stream"))
    ]
    return interleave(contestants, settings), num_rows


def run(settings: Settings) -> Report:
    """Measure steps, start-up and stream, each with a peer that takes turns."""
    title = "Two processes of a Ray cluster of this machine"
    header = ("who", "least", "median", "most", "of what")
    if importlib.util.find_spec("ray") is None:
        return Report(title=title, header=header, rows=(), figures=(), notes=("Ray is not installed.",))
    steps, starts = _steps(settings), _starts(settings)
    streams, num_rows = _streams(settings)
    spreads = {name: answers["rows_per_second"] for name, answers in (*steps.items(), *streams.items())}
    seconds = {name: answers["seconds"] for name, answers in starts.items()}
    beyond = seconds[_OURS].median - seconds[_RAYS].median
    called = starts[_OURS]["called"].median - seconds[_RAYS].median
    ended = seconds[_RAYS].median - starts[_RAYS]["called"].median
    cpu = {name: answers["cpu_milliseconds"].median for name, answers in steps.items()}
    return Report(
        title=title,
        header=header,
        rows=(
            *((name, *spread.cells("{:,.0f}".format), "rows/s") for name, spread in spreads.items()),
            *((name, *spread.cells("{:.1f}".format), "s") for name, spread in seconds.items()),
        ),
        figures=(
            _times("steps: two processes ÷ one", 1.7, spreads[_TOGETHER].median / spreads[_ALONE].median),
            Figure(
                what="start-up of two hosts beyond Ray's own",
                bound=5,
                measured=beyond,
                at_least=False,
                unit="s",
            ),
            _times(
                f"stream to two consumers, {num_rows:,} rows: stoker ÷ streaming_split",
                3,
                spreads[_STREAM].median / spreads[_SPLIT].median,
            ),
        ),
        notes=(
            f"a step takes one process {cpu[_ALONE]:.0f} ms of the processor, the first of two "
            f"{cpu[_TOGETHER]:.0f} ms",
            f"until the function is called in all hosts, start-up takes {called:.1f} s beyond Ray's; the "
            "rest is what one process needs as well: imports, survey, compiling",
            f"Ray's own ends {ended:.1f} s after its empty training is called",
            f"before the turns stoker surveyed the file and wrote its cache in "
            f"{streams[_STREAM]['prepare_seconds'].median:.1f} s",
        ),
    )


def _times(what: str, bound: float, measured: float) -> Figure:
    return Figure(what=what, bound=bound, measured=measured, at_least=True)


if __name__ == "__main__":
    alone(run, __doc__ or "")
