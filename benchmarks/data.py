"""Prepared data: the digits repeated to the wanted number of rows, as CSV and as arrays."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.common import Settings

__all__ = ["digits", "write_arrays", "write_csv"]

NUM_PIXELS = 784
CSV_ROWS = 42_000
MATRIX_ROWS = 400_000


def digits(settings: Settings) -> tuple[bytes, list[bytes]]:
    """Header and data lines (with terminators) of the digits, or of generated ones of the same shape."""
    if settings.mnist.is_file():
        with gzip.open(settings.mnist) as file:
            lines = file.read().splitlines(keepends=True)
        return lines[0], lines[1:]
    return _generated(8_000)


def _generated(num_rows: int) -> tuple[bytes, list[bytes]]:
    """Rows of 19 % ink in the middle of the picture, as the digits have, from a fixed seed."""
    rng = np.random.default_rng(0)
    ink = np.zeros((28, 28), bool)
    ink[5:23, 5:23] = True
    header = ",".join(["label", *(f"pixel{i}" for i in range(NUM_PIXELS))])
    values = rng.integers(1, 256, (num_rows, NUM_PIXELS)) * (
        ink.reshape(-1) & (rng.random((num_rows, 784)) < 0.46)
    )
    labels = rng.integers(0, 10, num_rows)
    lines = [f"{y},{','.join(map(str, x))}\n".encode() for y, x in zip(labels, values, strict=True)]
    return f"{header}\n".encode(), lines


def write_csv(settings: Settings, num_rows: int) -> Path:
    """Write the digits, repeated to `num_rows`, once; return the file (alone in its folder)."""
    path = settings.work / f"csv-{num_rows}" / "train.csv"
    if path.is_file():
        return path
    header, lines = digits(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    whole, rest = divmod(num_rows, len(lines))
    block = b"".join(lines)
    with partial.open("wb") as file:
        file.write(header)
        for _ in range(whole):
            file.write(block)
        file.writelines(lines[:rest])
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    return path


def write_arrays(settings: Settings, num_rows: int) -> tuple[Path, Path]:
    """Write pixels (num_rows, 784) uint8 and labels (num_rows,) int32 as .npy, once."""
    folder = settings.work / f"arrays-{num_rows}"
    pixels, labels = folder / "x.npy", folder / "y.npy"
    if labels.is_file():
        return pixels, labels
    folder.mkdir(parents=True, exist_ok=True)
    values = _table(digits(settings)[1])
    places = np.arange(num_rows) % len(values)
    np.save(pixels, values[places, 1:])
    np.save(labels, values[places, 0].astype(np.int32))
    return pixels, labels


def _table(lines: list[bytes]) -> npt.NDArray[np.uint8]:
    text = b"".join(lines).replace(b"\r\n", b"\n").replace(b"\n", b",").rstrip(b",")
    return np.array(text.split(b","), dtype=np.uint8).reshape(len(lines), NUM_PIXELS + 1)
