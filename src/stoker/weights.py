"""What the rows of each class weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from stoker.errors import OptionError
from stoker.survey.labels import LabelCounts

__all__ = ["ClassWeight", "class_weights"]

ClassWeight: TypeAlias = Literal["balanced"] | Mapping[Any, float] | None


def class_weights(
    option: ClassWeight, classes: tuple[Any, ...] | None, labels: LabelCounts | None
) -> npt.NDArray[np.float32] | None:
    """Weights by class index.

    ``"balanced"`` gives rows / (classes · rows of the class), as scikit-learn does; a class without training
    rows weighs nothing.

    Parameters
    ----------
    option
        ``"balanced"``, a mapping from every class to its weight, or None for no weights.
    classes
        The classes in the order of their indices; None for regression.
    labels
        Counts over the training rows.

    Returns
    -------
    float32 of shape (classes,), or None.

    Raises
    ------
    OptionError
        For regression, for a class without a weight, or a weight without a class.
    """
    if option is None:
        return None
    if classes is None:
        raise OptionError("class_weight has no effect on regression: leave it out")
    if isinstance(option, str):
        if option != "balanced" or labels is None or labels.classes is None:
            raise OptionError(f"class_weight must be 'balanced' or a weight for every class, got {option!r}")
        counts = dict(zip(labels.classes, labels.counts, strict=True))
        rows = [counts.get(label, 0) for label in classes]
        return np.array([labels.num_rows / (len(classes) * n) if n else 0.0 for n in rows], np.float32)
    missing = [label for label in classes if label not in option]
    unknown = [label for label in option if label not in classes]
    if missing or unknown:
        wrong = (
            f"no weight for {missing[0]!r}" if missing else f"a weight for {unknown[0]!r}, which is no class"
        )
        raise OptionError(f"class_weight has {wrong}; the classes are {', '.join(map(repr, classes[:10]))}")
    return np.array([option[label] for label in classes], np.float32)
