"""Images of a column: what is learned of them, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pictures import encode
from stoker.errors import ColumnError, DataError, OptionError
from stoker.images.decoding import Decoder
from stoker.images.headers import BadImageError
from stoker.transforms import Columns, Image, Standardize, from_state
from stoker.types import Matrix, Rows


def rows_of(*images: bytes, name: str = "photo") -> Rows:
    columns = {name: pa.array(images, pa.large_binary())}
    return Rows(num_rows=len(images), features=(), matrix=None, columns=columns)


def test_the_size_and_the_channels_are_learned_unless_they_are_said():
    rows = rows_of(encode(9, 5, mode="L"), encode(11, 6, mode="L"), encode(300, 7, mode="L"))
    found = Image().fit(rows)
    assert (found.size_, found.channels_, found.row_shape) == ((6, 11), 1, (6, 11, 1))
    assert Image().partial_fit(rows).partial_fit(rows_of(encode(9, 5))).channels_ == 3
    assert Image(8, channels=3).fit(rows).row_shape == (8, 8, 3)


def test_pixels_are_what_the_decoder_makes_of_each():
    images = [encode(9, 5), encode(30, 20, "JPEG")]
    fitted = Image((4, 6), interpolation="bicubic").fit(rows_of(*images))
    expected = np.empty((2, 4, 6, 3), np.uint8)
    for image, out in zip(images, expected, strict=True):
        Decoder(size=(4, 6), channels=3, interpolation="bicubic").decode(image, out)
    assert np.array_equal(fitted.apply(rows_of(*images), np.array([1, 0])), expected[::-1])


def test_a_value_that_is_no_image_is_told_with_its_row():
    good = rows_of(encode(9, 5), encode(9, 5))
    bad = rows_of(encode(9, 5), b"", encode(9, 5)[:40])
    with pytest.raises(
        DataError, match=r"'photo' has 2 values that are no image, the first in row 3 of .* it is empty"
    ):
        Image().partial_fit(good).partial_fit(bad)
    with pytest.raises(
        BadImageError, match=r"column 'photo' has no image \(row 0 of this batch\): it ends"
    ) as told:
        Image().fit(good).apply(bad, np.array([2, 0]))
    assert told.value.place == 0


def test_columns_that_hold_no_bytes_are_refused():
    with pytest.raises(ColumnError, match=r"have 0 columns of bytes \(none\)"):
        Image().fit(Rows(num_rows=1, features=(), matrix=None, columns={"text": pa.array(["x"])}))
    two = {**rows_of(b"x").columns, **rows_of(b"x", name="scan").columns}
    with pytest.raises(ColumnError, match=r"2 columns of bytes \('photo', 'scan'\).*give each an Image"):
        Image().fit(Rows(num_rows=1, features=(), matrix=None, columns=two))
    with pytest.raises(ColumnError, match="'photo' is not there"):
        Image().fit(rows_of(encode(2, 2))).apply(rows_of(encode(2, 2), name="scan"), np.array([0]))
    for kind, said in (("text", "texts"), ("int", "numbers")):
        with pytest.raises(ColumnError, match=f"'photo' holds {said}, and Image decodes the bytes"):
            Image().check_kind("photo", kind)


@pytest.mark.parametrize("size", [0, -1, (3,), (3, 4, 5), (3, 2.5), True, "8x8", (1, 1 << 20)])
def test_sizes_that_cannot_be_are_refused(size):
    with pytest.raises(OptionError, match="size must be"):
        Image(size)


def test_other_options_that_cannot_be_are_refused():
    with pytest.raises(OptionError, match="dtype must be 'uint8' or 'float32', got 'int8'"):
        Image(dtype="int8")
    with pytest.raises(OptionError, match="resize must be one of"):
        Image(resize="fill")


def test_a_damaged_state_is_refused():
    state = Image().fit(rows_of(encode(2, 2))).state()
    for changed in ({"columns": ["a", "b"]}, {"columns": []}, {"sizes": {**state["sizes"], "num_images": 7}}):
        with pytest.raises(Exception, match="damaged"):
            from_state({**state, **changed})


def test_images_stand_beside_numbers():
    images = rows_of(encode(2, 3), encode(2, 3))
    rows = Rows(
        num_rows=2, features=("x",), matrix=Matrix.of(np.array([[1.0], [3.0]])), columns=images.columns
    )
    made = Columns({"photo": Image(), "x": Standardize()}).fit(rows)
    spec = {each.name: (each.kind, each.shape, each.dtype) for each in made.inputs}
    assert spec == {"photo": ("dense", (3, 2, 3), "uint8"), "x": ("dense", (1,), "float32")}
    assert made.working_bytes == 2 * 3 * 4
    assert made.apply(rows, np.array([1]))["photo"].shape == (1, 3, 2, 3)
