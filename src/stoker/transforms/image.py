"""A column of encoded images, as files hold them, to pixels of one size."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from stoker.errors import ColumnError, DataError, OptionError
from stoker.images.decoding import Decoder, Interpolation, Resize, require_pillow
from stoker.images.headers import BadImageError
from stoker.images.sizes import ImageSizes, sizes_of
from stoker.stored import require
from stoker.transforms.base import FittedTransform, InputTransform, checked_places
from stoker.transforms.imagecolumn import checked_size, image_values, only_column
from stoker.types import ColumnKind, InputKind, IntArray, Rows

__all__ = ["Image"]


class Image(InputTransform):
    """Encoded images, PNG, JPEG, WebP, GIF (its first frame) or BMP, to the pixels of one size.

    With ``resize="stretch"`` and ``"crop"`` pixels are those of ``keras.utils.load_img`` with the same
    interpolation, in training, validation and prediction alike: Pillow decodes (``pip install
    'stoker[images]'``) and resizes, in a feed's threads, straight into the batch. They are numbers from 0 to
    255, which the model scales, as the models of `stoker.models` do and a ``keras.layers.Rescaling(1 / 255)``
    does. Of transparency nothing is left; of 16 bits of grey the upper eight are.

    Parameters
    ----------
    size
        Height and width, or one number for both. None: the medians of the images to train on, 224 at most.
    channels
        3 for colours, 1 for grey; None: 1 where every image is grey.
    resize
        How an image of other proportions comes to the size: ``"stretch"``; ``"crop"``, the middle of it in
        the proportions wanted, as Keras's ``keep_aspect_ratio``; or ``"pad"``, all of it in the middle of
        black, as ``PIL.ImageOps.pad``.
    interpolation
        Pillow's filter: ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos"``, ``"box"`` or
        ``"hamming"``. All but the first smooth what they make smaller.
    orient
        Whether images are turned as the camera noted (EXIF). By default they are not, as in Keras, PyTorch
        and TensorFlow.
    dtype
        ``"uint8"``, or ``"float32"`` for the same numbers in four times the memory.

    Attributes
    ----------
    columns_
        The name of the column: the only one of bytes that the rows had.
    sizes_
        `stoker.images.sizes.ImageSizes` of the rows seen; the decoded pixels teach nothing.

    Examples
    --------
    >>> import io
    >>> import pyarrow as pa
    >>> from PIL import Image as Pillow
    >>> file = io.BytesIO()
    >>> Pillow.new("RGB", (4, 2), (255, 0, 9)).save(file, "PNG")
    >>> columns = {"photo": pa.array([file.getvalue()], pa.large_binary())}
    >>> rows = Rows(num_rows=1, features=(), matrix=None, columns=columns)
    >>> photo = Image(size=(1, 2)).fit(rows)
    >>> photo.sizes_.describe(), photo.apply(rows, np.array([0])).tolist()
    ('all 4 × 2 · PNG', [[[[255, 0, 9], [255, 0, 9]]]])
    """

    name = "image"

    def __init__(
        self,
        size: tuple[int, int] | int | None = None,
        *,
        channels: Literal[1, 3] | None = None,
        resize: Resize = "stretch",
        interpolation: Interpolation = "bilinear",
        orient: bool = False,
        dtype: Literal["uint8", "float32"] = "uint8",
    ) -> None:
        if dtype not in ("uint8", "float32"):
            raise OptionError(f"dtype must be 'uint8' or 'float32', got {dtype!r:.40}")
        self.size = None if size is None else checked_size(size)
        self.channels, self.resize, self.interpolation = channels, resize, interpolation
        self.orient, self._dtype = orient, dtype
        self._decoder_of((1, 1), 3 if channels is None else channels)  # refuses what cannot be
        self.reset()

    def reset(self) -> None:
        """Forget what was learned."""
        self.columns_: tuple[str, ...] = ()
        self.sizes_ = ImageSizes()
        self._num_rows = 0
        self._decoder: Decoder | None = None

    def partial_fit(self, rows: Rows) -> Self:
        """Look at the first bytes of the next images.

        Raises
        ------
        ColumnError
            If the rows have no column of bytes, or several.
        DataError
            If a value is no image.
        OptionError
            If it is another column than before.
        """
        self._meet(only_column(rows))
        seen = sizes_of(image_values(rows, self.columns_[0], rows.index))
        return self._learn(seen, rows.num_rows)

    def fit_sizes(self, sizes: ImageSizes, column: str) -> Self:
        """Forget, then learn from the sizes of a column's images, which somebody else looked at.

        Raises
        ------
        DataError
            If a value is no image.
        """
        self.reset()
        self._meet((column,))
        return self._learn(sizes, sizes.num_images)

    def merge(self, other: FittedTransform) -> Self:
        """Take in the sizes that `other` saw in the rows that follow."""
        self._check_merge(other)
        assert isinstance(other, Image)
        if other.is_fitted:
            self._meet(other.columns_)
            self._learn(other.sizes_, other._num_rows)
        return self

    def check_kind(self, column: str, kind: ColumnKind) -> None:
        """Refuse whatever is no bytes; and whatever there is where Pillow is missing.

        Raises
        ------
        ColumnError
            If the column holds numbers or texts.
        MissingExtraError
            If Pillow is not installed.
        """
        if kind != "bytes":
            raise ColumnError(
                f"column {column!r} holds {'texts' if kind == 'text' else 'numbers'}, and Image decodes the "
                "bytes of image files: name a column of bytes, as Parquet files and folders of images have"
            )
        require_pillow()

    @property
    def is_fitted(self) -> bool:
        """Whether `apply` may be called."""
        return bool(self.columns_)

    @property
    def size_(self) -> tuple[int, int]:
        """Height and width that images are brought to."""
        return self.sizes_.size if self.size is None else self.size

    @property
    def channels_(self) -> int:
        """Numbers of a pixel."""
        return (1 if self.sizes_.is_grey else 3) if self.channels is None else self.channels

    @property
    def output(self) -> InputKind:
        """Dense arrays."""
        return "dense"

    @property
    def num_outputs(self) -> int:
        """Numbers of an image."""
        return self.size_[0] * self.size_[1] * self.channels_

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Height, width and channels."""
        return (*self.size_, self.channels_)

    @property
    def dtype(self) -> str:
        """``"uint8"`` or ``"float32"``."""
        return self._dtype

    @property
    def working_bytes(self) -> int:
        """Memory for decoding the largest image seen."""
        return self.sizes_.decoding_bytes

    def apply(self, rows: Rows, take: IntArray, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Pixels of shape (len(take), height, width, channels), in `out` if that is given.

        Raises
        ------
        BadImageError
            If an image cannot be decoded; its `place` is that in `take`.
        ColumnError
            If the rows lack the column, or it holds no bytes.
        OptionError
            If the transform is not fitted.
        """
        if not self.is_fitted:
            raise OptionError("Image is not fitted: call fit, or feed.prepare()")
        if self._decoder is None:  # two threads that come first would make the same
            self._decoder = self._decoder_of(self.size_, self.channels_)
        name, decoder = self.columns_[0], self._decoder
        values = image_values(rows, name, checked_places(rows, take))
        if out is None:
            out = np.empty((len(values), *self.row_shape), self._dtype)
        for place, value in enumerate(values):
            try:
                decoder.decode(value.as_buffer().to_pybytes(), out[place])
            except BadImageError as error:
                told = BadImageError(f"column {name!r} has no image (row {place} of this batch): {error}")
                told.place, told.column = place, name
                raise told from error
        return out

    def options(self) -> dict[str, Any]:
        """Keyword arguments of an unfitted equal, as plain data."""
        return {
            "size": None if self.size is None else list(self.size),
            "channels": self.channels,
            "resize": self.resize,
            "interpolation": self.interpolation,
            "orient": self.orient,
            "dtype": self._dtype,
        }

    def state(self) -> dict[str, Any]:
        """Options, the column and the sizes as plain data."""
        return {
            "name": self.name,
            "options": self.options(),
            "columns": list(self.columns_),
            "sizes": self.sizes_.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An equal transform."""
        options = dict(state["options"])
        size = options.pop("size")
        require(size is None or len(size) == 2, "a size of other than two numbers")
        made = cls(size if size is None else (size[0], size[1]), **options)
        columns = tuple(state["columns"])
        require(len(columns) <= 1 and all(isinstance(name, str) for name in columns), "other than a column")
        made.columns_, made.sizes_ = columns, ImageSizes.from_state(state["sizes"])
        made._num_rows = made.sizes_.num_images
        require(bool(columns) or not made._num_rows, "images of no column")
        return made

    def _decoder_of(self, size: tuple[int, int], channels: int) -> Decoder:
        return Decoder(
            size=size,
            channels=channels,
            resize=self.resize,
            interpolation=self.interpolation,
            orient=self.orient,
        )

    def _meet(self, columns: tuple[str, ...]) -> None:
        if self.columns_ and columns != self.columns_:
            raise OptionError(
                f"Image learned from the column {self.columns_[0]!r} and was given {columns[0]!r}: give it "
                "the same one"
            )
        self.columns_ = columns

    def _learn(self, seen: ImageSizes, num_rows: int) -> Self:
        if seen.first_bad is not None:
            row, reason = seen.first_bad
            which = "1 value that is" if seen.num_bad == 1 else f"{seen.num_bad:,} values that are"
            raise DataError(
                f"column {self.columns_[0]!r} has {which} no image, the first in row "
                f"{self._num_rows + row:,} of those learned from: {reason}; correct or remove such rows"
            )
        self.sizes_.merge(seen)
        self._num_rows += num_rows
        self._decoder = None
        return self
