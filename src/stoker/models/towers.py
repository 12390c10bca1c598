"""From pixels to features: the part of a network that looks at an image."""

from __future__ import annotations

from typing import Any

from stoker.models.parts import Names, Seeds

__all__ = ["image_features", "num_blocks"]

_MOST_BLOCKS = 5
_MOST_FILTERS = 256
_LEAST_SIDE = 4
_KEPT = 0.9
"""Of the running means at each step: Keras's 0.99 would have them lag behind in a short training."""


def num_blocks(height: int, width: int) -> int:
    """Blocks, each halving the sides, that leave at least 4 × 4 places; from 1 to 5.

    Examples
    --------
    >>> [num_blocks(side, side) for side in (4, 8, 28, 64, 224, 1024)]
    [1, 1, 2, 4, 5, 5]
    """
    return max(1, min(_MOST_BLOCKS, (min(height, width) // _LEAST_SIDE).bit_length() - 1))


def image_features(
    keras: Any,
    x: Any,
    shape: tuple[int, ...],
    seeds: Seeds,
    names: Names,
    *,
    blocks: int | None = None,
    filters: int = 32,
) -> Any:
    """Features of pixels: as many as the last block has filters; see `stoker.models.cnn`.

    Parameters
    ----------
    keras
        The module.
    x, shape
        The input, and the shape of one image: (height, width, channels).
    seeds
        Of weights.
    names
        What layers are called.
    blocks, filters
        As of `cnn`.
    """
    layers = keras.layers
    if x.dtype == "uint8":
        x = layers.Rescaling(1 / 255, name=names.free("rescaling"))(x)
    else:  # of numbers nobody knows in which range they are
        normal = layers.BatchNormalization(
            momentum=_KEPT, center=False, scale=False, name=names.free("rescaling")
        )
        x = normal(x)
    for number in range(num_blocks(shape[0], shape[1]) if blocks is None else blocks):
        x = layers.Conv2D(
            min(filters << number, max(filters, _MOST_FILTERS)),
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeUniform(seeds.next()),
            name=names.free("conv"),
        )(x)
        x = layers.BatchNormalization(momentum=_KEPT, name=names.free("normalization"))(x)
        x = layers.ReLU(name=names.free("relu"))(x)
        x = layers.MaxPooling2D(2, padding="same", name=names.free("pool"))(x)
    return layers.GlobalAveragePooling2D(name=names.free("average"))(x)
