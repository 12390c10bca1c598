"""Encoded pictures to pixels of one size, by Pillow, which leaves Python's lock to others meanwhile."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from stoker.errors import MissingExtraError, OptionError
from stoker.images.headers import BadImageError, read_header

__all__ = ["Decoder", "Interpolation", "Resize", "require_pillow"]

Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Resize: TypeAlias = Literal["stretch", "crop", "pad"]
_ORIENTATION = 0x0112


@cache
def require_pillow() -> Any:
    """Pillow's module of images.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        from PIL import Image, WebPImagePlugin  # noqa: F401  the one format that Pillow loads by no name
    except ImportError as error:
        raise MissingExtraError(
            "images are decoded by Pillow, which is not installed: pip install 'stoker[images]'"
        ) from error
    return Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """Makes pixels of encoded pictures; safe to use from several threads.

    Attributes
    ----------
    size
        Height and width.
    channels
        3 for colours, 1 for grey.
    resize
        ``"stretch"``, ``"crop"`` or ``"pad"``; see `stoker.Image`.
    interpolation
        Pillow's filter.
    orient
        Whether a picture is turned as its EXIF data say.

    Raises
    ------
    OptionError
        If one of them cannot be.
    """

    size: tuple[int, int]
    channels: int
    resize: Resize = "stretch"
    interpolation: Interpolation = "bilinear"
    orient: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.channels, bool) or self.channels not in (1, 3):
            raise OptionError(f"channels must be 3 for colours or 1 for grey, got {self.channels!r:.40}")
        options: Mapping[str, Any] = {"resize": Resize, "interpolation": Interpolation}
        for name, words in options.items():
            if getattr(self, name) not in get_args(words):
                known = ", ".join(map(repr, get_args(words)))
                raise OptionError(f"{name} must be one of {known}, got {getattr(self, name)!r:.40}")
        if not isinstance(self.orient, bool):
            raise OptionError(f"orient must be True or False, got {self.orient!r:.40}")

    def decode(self, data: bytes, out: npt.NDArray[Any]) -> None:
        """Write a picture's pixels, from 0 to 255, to an array of shape (height, width, channels).

        Raises
        ------
        BadImageError
            If the bytes are no picture, or cannot be decoded.
        """
        pillow, header = require_pillow(), read_header(data)
        try:
            with pillow.open(io.BytesIO(data), formats=(header.format,)) as image:
                made = self._fitted(pillow, self._in_channels(pillow, image))
                out[...] = np.asarray(made).reshape(out.shape)
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # of whatever kind: each format's reader raises its own
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BadImageError(f"it is a {header.format} that cannot be decoded ({said:.120})") from error

    def _in_channels(self, pillow: Any, image: Any) -> Any:
        """The picture upright, if that is asked for, in as many channels of 8 bits as are wanted."""
        mode = "L" if self.channels == 1 else "RGB"
        if self.orient and image.getexif().get(_ORIENTATION, 1) != 1:
            from PIL import ImageOps

            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            # 16 bits a pixel: Pillow would cut off all that is beyond 255.
            image = pillow.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
        image.info.pop("transparency", None)  # which Pillow warns of, and which colours do not depend on
        return image if image.mode == mode else image.convert(mode)

    def _fitted(self, pillow: Any, image: Any) -> Any:
        """The picture in the size wanted."""
        height, width = self.size
        if image.size == (width, height):
            return image
        how = pillow.Resampling[self.interpolation.upper()]
        if self.resize == "pad":
            return _padded(pillow, image, (width, height), how)
        box = _crop_box(image.size, (width, height)) if self.resize == "crop" else None
        return image.resize((width, height), how, box=box)


def _crop_box(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int, int, int]:
    """The middle of a picture in the proportions wanted, as ``keras.utils.load_img`` cuts it."""
    (width, height), (wide, high) = size, wanted
    crop_height = max(1, min(height, width * high // wide))
    crop_width = max(1, min(width, height * wide // high))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height


def _padded(pillow: Any, image: Any, wanted: tuple[int, int], how: Any) -> Any:
    """The whole picture in the middle of black, in the size wanted, as ``PIL.ImageOps.pad`` has it."""
    (width, height), (wide, high) = image.size, wanted
    scale = min(wide / width, high / height)
    inner = max(1, min(wide, round(width * scale))), max(1, min(high, round(height * scale)))
    canvas = pillow.new(image.mode, wanted)
    canvas.paste(image.resize(inner, how), (round((wide - inner[0]) * 0.5), round((high - inner[1]) * 0.5)))
    return canvas
