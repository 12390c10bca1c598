"""Pixels are those of ``keras.utils.load_img``."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from pictures import encode
from stoker.errors import MissingExtraError, OptionError
from stoker.images.decoding import Decoder, require_pillow
from stoker.images.headers import BadImageError

PICTURES = {
    "colours": encode(37, 21),
    "a jpeg": encode(37, 21, "JPEG"),
    "of cmyk": encode(37, 21, "JPEG", mode="CMYK"),
    "grey": encode(21, 37, mode="L"),
    "grey and clear": encode(21, 37, mode="LA"),
    "clear": encode(37, 21, mode="RGBA"),
    "clear, a palette": encode(37, 21, mode="P", transparency=bytes([0, 128, 255])),
    "clear, a colour": encode(37, 21, transparency=(0, 0, 0)),
    "black and white": encode(37, 21, mode="1"),
    "webp": encode(37, 21, "WEBP"),
    "gif": encode(37, 21, "GIF"),
    "bmp": encode(37, 21, "BMP"),
    "of that size": encode(16, 12),
}


def decoded(data: bytes, size=(12, 16), channels: int = 3, dtype=np.uint8, **options) -> np.ndarray:
    out = np.full((*size, channels), 77, dtype)
    Decoder(size=size, channels=channels, **options).decode(data, out)
    return out


def loaded(data: bytes, size=(12, 16), channels: int = 3, **options) -> np.ndarray:
    import keras

    mode = "rgb" if channels == 3 else "grayscale"
    image = keras.utils.load_img(io.BytesIO(data), target_size=size, color_mode=mode, **options)
    return keras.utils.img_to_array(image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
def test_pixels_are_those_of_keras(name, channels):
    data = PICTURES[name]
    for interpolation in ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"):
        options = {"channels": channels, "interpolation": interpolation}
        assert np.array_equal(decoded(data, **options), loaded(data, **options))
        assert np.array_equal(
            decoded(data, resize="crop", **options), loaded(data, keep_aspect_ratio=True, **options)
        )


@pytest.mark.parametrize("size", [(12, 16), (40, 9), (3, 50), (1, 1)])
def test_the_whole_picture_stands_in_the_middle_of_black(size):
    data = PICTURES["colours"]
    with Image.open(io.BytesIO(data)) as image:
        expected = ImageOps.pad(image, size[::-1], Image.Resampling.BILINEAR)
    assert np.array_equal(decoded(data, size, resize="pad"), np.asarray(expected))


def test_a_strip_of_pixels_makes_no_huge_picture():
    strip = encode(9_000, 1)
    for resize in ("stretch", "crop", "pad"):
        assert decoded(strip, resize=resize).shape == (12, 16, 3)


def test_sixteen_bits_of_grey_become_their_upper_eight():
    grey = np.arange(12 * 16, dtype=np.uint16).reshape(12, 16) * 300
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    for channels in (1, 3):
        found = decoded(file.getvalue(), channels=channels)
        assert np.array_equal(found, np.repeat((grey >> 8)[..., None], channels, axis=2))


def test_a_picture_is_turned_as_its_camera_says_where_that_is_asked_for():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(12, 16, "JPEG", exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(decoded(data, orient=True), upright)
    assert np.array_equal(decoded(data), loaded(data, interpolation="bilinear"))
    assert not np.array_equal(decoded(data), upright)


def test_numbers_may_be_floats():
    assert np.array_equal(decoded(PICTURES["grey"], dtype=np.float32), decoded(PICTURES["grey"]))


def test_what_cannot_be_decoded_says_so():
    data = bytearray(encode(64, 64))
    data[45:-30] = bytes(len(data) - 75)
    with pytest.raises(BadImageError, match="it is a PNG that cannot be decoded"):
        decoded(bytes(data))


def test_options_that_cannot_be_are_refused():
    for options, said in (
        ({"channels": 4}, "channels must be 3"),
        ({"resize": "fit"}, "resize must be one of 'stretch', 'crop', 'pad', got 'fit'"),
        ({"interpolation": "cubic"}, "interpolation must be one of 'nearest'"),
        ({"orient": 1}, "orient must be True or False"),
    ):
        with pytest.raises(OptionError, match=said):
            Decoder(**{"size": (2, 2), "channels": 3, **options})


def test_without_pillow_the_way_to_it_is_told(monkeypatch):
    require_pillow.cache_clear()
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stoker\[images\]'"):
        require_pillow()
