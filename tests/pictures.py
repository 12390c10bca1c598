"""Pictures of every format, made for the tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["encode", "write_classes"]


def encode(
    width: int, height: int, form: str = "PNG", *, mode: str = "RGB", seed: int = 0, **options: Any
) -> bytes:
    """A smooth picture of some colours as the bytes of a file."""
    draw = np.random.default_rng(seed)
    few = Image.fromarray(draw.integers(0, 256, (5, 4, 3), np.uint8))
    file = io.BytesIO()
    few.resize((width, height), Image.Resampling.BICUBIC).convert(mode).save(file, form, **options)
    return file.getvalue()


def write_classes(
    folder: Path, count: int = 24, *, size: tuple[int, int] = (16, 12), form: str = "PNG"
) -> Path:
    """Dark pictures in the folder ``night`` and light ones in ``day``, so many of each."""
    draw = np.random.default_rng(count)
    for place, name in enumerate(("night", "day")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = draw.integers(0, 100, (size[1], size[0], 3)) + 150 * place
            picture = Image.fromarray(pixels.astype(np.uint8))
            picture.save(folder / name / f"{number:03}.{form.lower()}", form)
    return folder
