"""Arrays that kernels read, all of one kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["frozen"]


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view: Numba compiles once more for arrays that can be written.

    Examples
    --------
    >>> frozen(np.arange(3)).flags.writeable
    False
    """
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
