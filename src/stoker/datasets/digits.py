"""The data set that comes with stoker: the UCI handwritten digits, grown to a file of any size.

`write_digits` makes three files out of the 1,797 images in ``data/digits.csv.gz``:

- ``digits-valid.csv``: 360 originals, held out; ``label,pixel0..pixel63``;
- ``unlabelled.csv``: the same 360 without the label;
- ``digits.csv``: as many rows as asked for, each grown from one of the other 1,437 originals alone.

Every draw is `stoker.kernels.mixing`, keyed by the seed and the row, so that the files are the same bytes
with every version of every library.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stoker.datasets.integers import write_integers
from stoker.errors import OptionError
from stoker.folders import staged_file
from stoker.types import IntArray, Uint64Array

__all__ = ["DigitFiles", "read_digits", "write_digits"]

_Pixels = npt.NDArray[np.uint8]

_SIDE = 8
_DARKEST = 16
_NUM_HELD_OUT = 360
_ROWS_AT_A_TIME = 8_192
_CORNERS = ((1, 1), (2, 1), (1, 2), (1, 0), (0, 1))  # of the image cut out of one padded by a pixel of paper
_HOLD_OUT, _ORIGINAL, _SHIFT, _NOISE = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitFiles:
    """Where `write_digits` put its three files."""

    train: Path
    valid: Path
    unlabelled: Path


def read_digits() -> tuple[_Pixels, _Pixels]:
    """The 1,797 originals in the order of the repository.

    Returns
    -------
    images : uint8 of shape (1797, 64), 0 is paper and 16 the darkest ink
    labels : uint8 of shape (1797,), the digits

    Examples
    --------
    >>> images, labels = read_digits()
    >>> images.shape, int(labels[0])
    ((1797, 64), 0)
    """
    packed = resources.files("stoker.data").joinpath("digits.csv.gz").read_bytes()
    text = gzip.decompress(packed).decode("ascii").replace("\n", ",").rstrip(",")
    table = np.array(text.split(","), np.uint8).reshape(-1, _SIDE * _SIDE + 1)
    return np.ascontiguousarray(table[:, :-1]), np.ascontiguousarray(table[:, -1])


def write_digits(directory: str | os.PathLike[str], *, rows: int = 200_000, seed: int = 7) -> DigitFiles:
    """Write the handwritten digits as CSV, the training part grown to `rows` rows.

    Row ``i`` of ``digits.csv`` is a training original drawn at random; left in place or moved by one pixel
    up, left, right or down, each as likely (what leaves the image is lost, paper comes in); with -1, 0, 0 or
    1 added to each pixel at random and the sum cut to 0..16. No held-out image takes part. Each file appears
    whole or not at all.

    Parameters
    ----------
    directory
        Where to write; made if absent.
    rows
        Number of training rows, at least 1.
    seed
        Which originals are held out, and every draw; 0 or more.

    Raises
    ------
    OptionError
        If `rows` or `seed` is out of range.

    Examples
    --------
    >>> files = write_digits(getfixture("tmp_path"), rows=3)
    >>> files.train.read_text().splitlines()[0][:20]
    'label,pixel0,pixel1,'
    """
    if rows < 1:
        raise OptionError(f"rows must be at least 1, got {rows}")
    if not 0 <= seed < 2**64:
        raise OptionError(f"seed must lie in [0, 2**64), got {seed}")
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    files = DigitFiles(
        train=folder / "digits.csv", valid=folder / "digits-valid.csv", unlabelled=folder / "unlabelled.csv"
    )
    images, labels = read_digits()
    kept, held_out = _divide(len(labels), seed)
    table = np.column_stack([labels, images])
    pixels = [f"pixel{place}" for place in range(_SIDE * _SIDE)]
    _write(files.valid, ["label", *pixels], iter([table[held_out]]))
    _write(files.unlabelled, pixels, iter([images[held_out]]))
    _write(files.train, ["label", *pixels], _grow(images[kept], labels[kept], rows, seed))
    return files


def _divide(count: int, seed: int) -> tuple[IntArray, IntArray]:
    """Ascending numbers of the originals to grow, and of those held out."""
    ranked = np.argsort(_draw(seed, _HOLD_OUT, np.arange(count, dtype=np.uint64)), kind="stable")
    return np.sort(ranked[_NUM_HELD_OUT:]), np.sort(ranked[:_NUM_HELD_OUT])


def _grow(images: _Pixels, labels: _Pixels, rows: int, seed: int) -> Iterator[_Pixels]:
    """Rows of (label, pixels...), a few thousand at a time."""
    padded = np.pad(images.reshape(-1, _SIDE, _SIDE), ((0, 0), (1, 1), (1, 1)))
    moved = np.stack(
        [
            padded[:, top : top + _SIDE, left : left + _SIDE].reshape(len(images), -1)
            for top, left in _CORNERS
        ],
        axis=1,
    )
    for start in range(0, rows, _ROWS_AT_A_TIME):
        numbers = np.arange(start, min(start + _ROWS_AT_A_TIME, rows), dtype=np.uint64)
        original = (_draw(seed, _ORIGINAL, numbers) % np.uint64(len(images))).astype(np.int64)
        shift = (_draw(seed, _SHIFT, numbers) % np.uint64(len(_CORNERS))).astype(np.int64)
        noisy = moved[original, shift].astype(np.int8) + _noise(seed, numbers)
        yield np.column_stack([labels[original], np.clip(noisy, 0, _DARKEST).astype(np.uint8)])


def _noise(seed: int, numbers: Uint64Array) -> npt.NDArray[np.int8]:
    """-1, 0, 0 or 1 for each pixel of each row: the difference of two random bits."""
    words = np.stack(
        [_draw(seed, _NOISE, 2 * numbers), _draw(seed, _NOISE, 2 * numbers + np.uint64(1))], axis=1
    )
    octets = words.astype("<u8").view(np.uint8).reshape(len(numbers), 16)
    bits = np.unpackbits(octets, axis=1, bitorder="little").view(np.int8)
    return bits[:, :64] - bits[:, 64:]


def _draw(seed: int, purpose: int, values: Uint64Array) -> Uint64Array:
    """64 random bits for each value, different for each purpose."""
    from stoker.kernels.mixing import mix, mix_many

    drawn: Uint64Array = mix_many(np.uint64(mix(np.uint64(seed), np.uint64(purpose))), values)
    return drawn


def _write(path: Path, header: list[str], tables: Iterator[_Pixels]) -> None:
    """Write integers as CSV, into place once complete."""
    with staged_file(path, on_disk=False) as file:
        file.write(",".join(header).encode("ascii") + b"\n")
        for table in tables:
            write_integers(file, table)
