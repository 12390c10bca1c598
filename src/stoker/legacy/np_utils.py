"""``keras.utils.np_utils``: class numbers as rows of zeros and a one, as Keras 2 made them.

Generators use it, so that it is imported in worker processes, where Keras is not.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["normalize", "to_categorical"]


def normalize(x: Any, axis: int = -1, order: int = 2) -> NDArray[Any]:
    """Divide an array by its norm along an axis."""
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return np.asarray(x / np.expand_dims(norm, axis))


def to_categorical(
    y: Any, num_classes: int | None = None, dtype: Any = "float32", *, nb_classes: int | None = None
) -> NDArray[Any]:
    """One row of zeros and a one for each class number.

    Parameters
    ----------
    y
        Integers of shape (n,), (n, 1) or more; a last axis of length 1 is dropped.
    num_classes
        Width of the rows; None takes the largest number + 1, which differs from batch to batch where a batch
        lacks the last class.
    dtype
        Of the result.
    nb_classes
        Keras 1's name for ``num_classes``.

    Returns
    -------
    ndarray
        Shape (…, num_classes).

    Raises
    ------
    ValueError
        If a number is negative, or not below ``num_classes``.

    Examples
    --------
    >>> to_categorical([[1], [0]]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if nb_classes is not None:
        warnings.warn(
            "to_categorical(nb_classes=…) is Keras 1: it is num_classes= now", FutureWarning, stacklevel=2
        )
        num_classes = nb_classes
    numbers = np.asarray(y).astype(np.int64)
    shape = numbers.shape[:-1] if numbers.ndim > 1 and numbers.shape[-1] == 1 else numbers.shape
    flat = numbers.ravel()
    width = int(num_classes) if num_classes else int(flat.max(initial=-1)) + 1
    if flat.size and (flat.min() < 0 or flat.max() >= width):
        raise ValueError(
            f"to_categorical takes class numbers from 0 to {width - 1} (num_classes={num_classes}), "
            f"and was given {flat.min()} to {flat.max()}"
        )
    rows = np.zeros((flat.size, width), dtype)
    rows[np.arange(flat.size), flat] = 1
    return rows.reshape((*shape, width))
