"""Generated JPEGs in folders by class, decoded and resized to 224 × 224 in batches of 32, shuffled.

Each contestant reads the same files, from the page cache, an epoch a turn, with two workers: stoker's are
threads, torch's are processes, TensorFlow's its own. stoker and torch make the same pixels, with Pillow;
``image_dataset_from_directory`` decodes and resizes with TensorFlow's kernels, to floats, without smoothing.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave

IMAGES, FULL_IMAGES, CLASSES = 600, 6_000, 10
SIZE, BATCH, WORKERS = 224, 32, 2
Turn = Callable[[], dict[str, Any]]


def write_images(settings: Settings, count: int) -> Path:
    """Write JPEGs of 500 × 375 pixels, some 40 kB each, once; return their folder."""
    import numpy as np
    from PIL import Image

    folder = settings.work / f"photos-{count}"
    if (folder / "done").is_file():
        return folder
    draw = np.random.default_rng(0)
    for number in range(count):
        home = folder / f"class-{number % CLASSES}"
        home.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(draw.integers(0, 256, (24, 32, 3), np.uint8)).resize((500, 375))
        noisy = np.asarray(coarse, np.int16) + draw.integers(-12, 13, (375, 500, 3), np.int16)
        file = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
        (home / f"{number:06}.jpg").write_bytes(file.getvalue())
    (folder / "done").touch()
    return folder


def _processor_seconds() -> float:
    """What this process computed, and those that it started and waited for."""
    return sum(os.times()[:4])


def _timed(batches: Callable[[], Iterable[Any]], *, same_pixels: bool = True) -> Turn:
    """Time one epoch of batches; the first also adds up all pixels, as a check of what is delivered."""
    checked: list[bool] = []

    def turn() -> dict[str, Any]:
        import numpy as np

        total, count, check = 0, 0, same_pixels and not checked
        start, before = time.perf_counter(), _processor_seconds()
        for x in batches():
            assert x.shape[1:] == (SIZE, SIZE, 3)
            count += len(x)
            total += int(np.asarray(x).sum(dtype=np.int64)) if check else 0
        seconds, computed = time.perf_counter() - start, _processor_seconds() - before
        answer: dict[str, Any] = {"rate": count / seconds, "cpu_rate": count / computed}
        if check:
            checked.append(True)
            answer["checksum"] = total
        return answer

    return turn


def stoker_feed(folder: str) -> Turn:
    import stoker

    feed = stoker.Feed(
        stoker.open(folder), transform=stoker.Image(SIZE), batch_size=BATCH, seed=7, workers=WORKERS
    )
    feed.prepare()
    epochs = iter(range(1_000_000))

    def batches() -> Iterable[Any]:
        with closing(feed.epoch(next(epochs))) as epoch:
            for batch in epoch:
                yield batch.x

    return _timed(batches)


def torch_loader(folder: str) -> Turn:
    """A data set as torchvision's ``ImageFolder`` is, of pixels as bytes."""
    import numpy as np
    import torch
    from PIL import Image

    class Photos(torch.utils.data.Dataset[Any]):
        def __init__(self) -> None:
            self.paths = sorted(str(path) for path in Path(folder).rglob("*.jpg"))

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, place: int) -> tuple[Any, int]:
            with Image.open(self.paths[place]) as image:
                made = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(made)), int(Path(self.paths[place]).parent.name[-1])

    loader = torch.utils.data.DataLoader(Photos(), batch_size=BATCH, shuffle=True, num_workers=WORKERS)
    return _timed(lambda: (x.numpy() for x, _ in loader))


def keras_directory(folder: str) -> Turn:
    import keras
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(WORKERS)
    tf.config.threading.set_intra_op_parallelism_threads(WORKERS)
    images = keras.utils.image_dataset_from_directory(
        folder, batch_size=BATCH, image_size=(SIZE, SIZE), shuffle=True, seed=7, verbose=False
    )
    return _timed(lambda: (x for x, _ in images), same_pixels=False)


def run(settings: Settings) -> Report:
    """Measure all of them in turns."""
    count = FULL_IMAGES if settings.full else IMAGES
    folder = str(write_images(settings, count))
    names = {
        "stoker": "stoker_feed",
        "torch DataLoader with Pillow, 2 processes": "torch_loader",
        "keras image_dataset_from_directory, on TensorFlow": "keras_directory",
    }
    results = interleave(
        [
            Contestant(name=name, target=f"benchmarks.images:{function}", options={"folder": folder})
            for name, function in names.items()
        ],
        settings,
    )
    ours, torch, keras = results.values()

    def figure(what: str, bound: float, theirs: Any, measure: str) -> Figure:
        return Figure(
            what=what, bound=bound, measured=ours[measure].median / theirs[measure].median, at_least=True
        )

    return Report(
        title=f"{count:,} JPEGs of 500 × 375 to 224 × 224, shuffled batches of 32",
        header=("who", "images/s min", "median", "max", "images a CPU second"),
        rows=tuple(
            (name, *spreads["rate"].cells("{:,.0f}".format), f"{spreads['cpu_rate'].median:,.0f}")
            for name, spreads in results.items()
        ),
        figures=(
            figure("images/s ÷ torch DataLoader with Pillow", 1.0, torch, "rate"),
            figure("images a CPU second ÷ the same", 1.0, torch, "cpu_rate"),
            figure("images/s ÷ image_dataset_from_directory", 1.0, keras, "rate"),
            figure("images a CPU second ÷ the same", 1.0, keras, "cpu_rate"),
        ),
        notes=(
            "stoker's survey, which looks at every file once, is made before; encoded files that fit the "
            "memory of 1 GB are kept there, as those of the others are in the page cache",
            "TensorFlow resizes without smoothing and gives float32; stoker and torch give the same bytes",
        ),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")
