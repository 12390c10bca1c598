"""From what an archive holds to what stoker reads, and whether that is the data set."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stoker.datasets.entries import Dataset, Format, Split
from stoker.datasets.integers import write_integers
from stoker.errors import FetchError

__all__ = ["count_rows", "prepare"]

_ROWS_AT_A_TIME = 2_048
_IDX_BYTES = 8
_IDX_NAMES = {"train": "train", "test": "t10k"}


def prepare(folder: Path, entry: Dataset) -> None:
    """Make the files of a freshly unpacked data set what `stoker.open` takes.

    The names of the classes are written where the archive lacks them, texts become UTF-8, and images of the
    IDX format become CSV.

    Raises
    ------
    FetchError
        The files are not what they should be.
    """
    if entry.format == "zhang":
        names = folder / "classes.txt"
        if not names.exists():
            names.write_text("".join(f"{name}\n" for name in entry.classes), "utf-8")
        held = names.read_text("utf-8").split("\n")
        if len([name for name in held if name.strip()]) != len(entry.classes):
            raise FetchError(f"{entry.name}: classes.txt does not name {len(entry.classes)} classes")
    if entry.encoding != "utf-8":
        for path in sorted(folder.rglob("*.txt")):
            path.write_bytes(path.read_bytes().decode(entry.encoding).encode())
    if entry.format == "csv":
        for name, split in entry.splits:
            _images_to_csv(folder, _IDX_NAMES[name], folder / split.paths[0])


def count_rows(folder: Path, entry: Dataset) -> dict[str, int]:
    """Count the rows of every split and hold them to the catalogue.

    Returns
    -------
    The rows by split.

    Raises
    ------
    FetchError
        A split has other rows or classes than it should.
    """
    rows = {}
    for name, split in entry.splits:
        counts: Counter[str] = Counter()
        for path in split.paths:
            counts += _COUNTERS[entry.format](folder / path)
        _require(entry, name, split, counts)
        rows[name] = counts.total()
    return rows


def _require(entry: Dataset, name: str, split: Split, counts: Counter[str]) -> None:
    total, classes = counts.total(), len(entry.classes)
    where = f"{entry.name}: the {name} split"
    if total != split.num_rows:
        raise FetchError(
            f"{where} has {total:,} rows, and the catalogue says {split.num_rows:,}; nothing of it is kept"
        )
    known = _labels(entry)
    if set(counts) != known:
        odd = sorted(set(counts) ^ known)[0]
        raise FetchError(
            f"{where} has {len(counts)} classes, and the catalogue says {classes}; {odd[:40]!r} is in "
            f"one of them alone; nothing of it is kept"
        )
    uneven = entry.balanced and max(counts.values()) != min(counts.values())
    if uneven:
        label, most = counts.most_common(1)[0]
        raise FetchError(
            f"{where} has {most:,} rows of class {label!r}, and every class should have "
            f"{total // classes:,}; nothing of it is kept"
        )


def _labels(entry: Dataset) -> set[str]:
    """The classes as they are written in the files."""
    if entry.format == "zhang":
        return {str(place + 1) for place in range(len(entry.classes))}
    return set(entry.classes)


def _count_zhang(path: Path) -> Counter[str]:
    """Newlines within a text are escaped, so that a line is a row."""
    counts: Counter[bytes] = Counter()
    with open(path, "rb") as file:
        for line in file:
            counts[line.partition(b",")[0].strip(b'"\r\n')] += 1
    return Counter({label.decode("utf-8", "replace"): count for label, count in counts.items()})


def _count_csv(path: Path) -> Counter[str]:
    with open(path, "rb") as file:
        next(file, None)
        labels = Counter(line.partition(b",")[0] for line in file)
    return Counter({label.decode(): count for label, count in labels.items()})


def _count_folder(path: Path) -> Counter[str]:
    return Counter(
        {
            child.name: sum(name.endswith(".txt") for name in os.listdir(child))
            for child in os.scandir(path)
            if child.is_dir()
        }
    )


def _count_lines(path: Path) -> Counter[str]:
    with open(path, "rb") as file:
        return Counter({path.stem: sum(1 for line in file if line.strip())})


_COUNTERS: dict[Format, Callable[[Path], Counter[str]]] = {
    "zhang": _count_zhang,
    "csv": _count_csv,
    "folder": _count_folder,
    "lines": _count_lines,
}


def _images_to_csv(folder: Path, stem: str, path: Path) -> None:
    sources = folder / f"{stem}-images-idx3-ubyte", folder / f"{stem}-labels-idx1-ubyte"
    images, labels = _read_idx(sources[0]), _read_idx(sources[1])
    if len(images) != len(labels):
        raise FetchError(f"{sources[0].name} has {len(images)} images and {len(labels)} labels")
    pixels = images.reshape(len(images), -1)
    names = ",".join(["label", *(f"pixel{place}" for place in range(pixels.shape[1]))])
    with open(path, "xb") as file:
        file.write(f"{names}\n".encode())
        for start in range(0, len(pixels), _ROWS_AT_A_TIME):
            rows = slice(start, start + _ROWS_AT_A_TIME)
            write_integers(file, np.column_stack([labels[rows], pixels[rows]]))
    for source in sources:
        source.unlink()


def _read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Bytes with their shape before them: two zeros, the type, the number of dimensions, each as 4 bytes."""
    content = path.read_bytes()
    kind, dimensions = content[2:3], content[3] if len(content) > 3 else 0
    header = 4 + 4 * dimensions
    if kind != bytes([_IDX_BYTES]) or len(content) < header:
        raise FetchError(f"{path.name} is no IDX file of bytes")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    if len(content) - header != int(np.prod(shape, dtype=object)):
        raise FetchError(f"{path.name} has {len(content) - header:,} bytes for a shape of {shape}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
