"""What rows weigh: numbers of zero or more that float32 holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.sources.issues import IssueKind

__all__ = ["refused_weights"]

_MOST = float(np.finfo(np.float32).max)


def refused_weights(values: npt.NDArray[Any]) -> Iterator[tuple[IssueKind, npt.NDArray[np.bool_]]]:
    """What is wrong with weights, and with which of them; these are 0 afterwards. Blanks are others' concern.

    Examples
    --------
    >>> weights = np.array([1.0, -2.0, np.nan])
    >>> [(kind.name, wrong.tolist()) for kind, wrong in refused_weights(weights)], weights.tolist()
    ([('NEGATIVE', [False, True, False])], [1.0, 0.0, nan])
    """
    beyond = (values > _MOST) & np.isfinite(values)  # an infinity was refused already
    for kind, wrong in ((IssueKind.NEGATIVE, values < 0), (IssueKind.NOT_FINITE, beyond)):
        if wrong.any():
            yield kind, wrong
            values[wrong] = 0
