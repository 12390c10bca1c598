"""What the first bytes of a picture say is what Pillow says of it, and half a picture is noticed."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from pictures import encode
from stoker.images.headers import MOST_PIXELS, BadImageError, ImageHeader, read_header

KINDS = [
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "L", {}),
    ("PNG", "LA", {}),
    ("PNG", "P", {}),
    ("PNG", "I;16", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "RGB", {"progressive": True, "exif": b"Exif\0\0 a\xff\xd9 b"}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {}),
    ("GIF", "RGB", {}),
    ("GIF", "L", {"comment": b"x" * 400}),
    ("BMP", "RGB", {}),
    ("BMP", "L", {}),
]


@pytest.mark.parametrize(("form", "mode", "options"), KINDS)
def test_a_header_says_what_pillow_says(form, mode, options):
    data = encode(37, 21, form, mode=mode, **options)
    found = read_header(data)
    with Image.open(io.BytesIO(data)) as image:
        assert (found.format, found.width, found.height) == (image.format, *image.size)
        assert found.is_plain == (image.mode == "RGB") or form == "WEBP"
    assert found.is_grey == (mode in ("L", "LA", "I;16") and form in ("PNG", "JPEG"))


@pytest.mark.parametrize(("form", "mode", "options"), KINDS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.5, 0.9])
def test_half_a_picture_is_none(form, mode, options, share):
    data = encode(37, 21, form, mode=mode, **options)
    with pytest.raises(BadImageError, match=r"ends early|is empty|is no PNG"):
        read_header(data[: int(share * len(data))])


def test_more_behind_a_picture_does_no_harm():
    for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        data = encode(37, 21, form)
        assert read_header(data + b"trailer") == read_header(data)


def test_many_frames_are_as_large_as_pillow_says():
    file, first = io.BytesIO(), Image.new("P", (9, 7))
    first.save(file, "GIF", save_all=True, append_images=[Image.new("P", (9, 7), 3)])
    assert read_header(file.getvalue()) == ImageHeader("GIF", 9, 7)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"<html>not found</html>", r"is no PNG, JPEG, WebP, GIF or BMP: it begins with '<html>"),
        (b"\xff\xd8\xff\xd9", "a JPEG without a picture"),
        (b"\xff\xd8 nonsense", "a damaged JPEG: byte 2"),
        (b"RIFF\x04\0\0\0WEBPabcd", "a WebP without a picture"),
        (encode(4, 3).replace(b"IHDR", b"IXXX"), "a damaged PNG"),
        (b"GIF89a" + bytes(7) + b";", "0 × 0 pixels"),
    ],
)
def test_what_is_no_picture_is_told(data, said):
    with pytest.raises(BadImageError, match=said):
        read_header(data)


def test_a_small_file_of_many_pixels_is_refused_before_it_is_decoded():
    data = encode(4, 3)
    wide = data[:16] + struct.pack(">II", 30_000, 30_000) + data[24:]
    with pytest.raises(BadImageError, match=f"30,000 × 30,000 pixels, and {MOST_PIXELS:,} are the most"):
        read_header(wide)
    assert MOST_PIXELS == Image.MAX_IMAGE_PIXELS


def test_memory_for_decoding_follows_the_pixels():
    assert read_header(encode(37, 21, "JPEG")).decoding_bytes == 37 * 21 * 4
    assert read_header(encode(37, 21, "JPEG", mode="CMYK")).decoding_bytes == 37 * 21 * 8
