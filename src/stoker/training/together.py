"""What processes that train together need of a training, and how they begin it alike."""

from __future__ import annotations

import hashlib
from typing import Any

import keras
import numpy as np

from stoker.errors import OptionError
from stoker.feed import BaseFeed
from stoker.group import Group
from stoker.training.adapter import copy_values
from stoker.training.variables import all_variables

__all__ = ["begin_alike", "refuse_unshareable"]


def refuse_unshareable(group: Group, model: Any, training: Any, validation: Any) -> None:
    """Refuse what several processes cannot do together.

    Raises
    ------
    OptionError
        Naming it, and what to do instead.
    """
    if keras.backend.backend() != "jax":
        raise OptionError(
            f"training on several hosts needs the JAX backend, and this is {keras.backend.backend()}: set "
            "KERAS_BACKEND=jax, or train on one host"
        )
    for feed, what in ((training, "training"), (validation, "validation")):
        if feed is not None and not isinstance(feed, BaseFeed):
            raise OptionError(
                f"{what} on several hosts needs a stoker.Feed, of which each host reads its own rows, and a "
                "generator or a Sequence gives all of them: write its rows to files, or train on one host"
            )
        if feed is not None and feed.batch_size < group.count:
            raise OptionError(
                f"{group.count} hosts cannot share batches of {feed.batch_size} rows: raise batch_size="
            )
    if not model.jit_compile or model.run_eagerly or model.steps_per_execution > 1:
        raise OptionError(
            "steps that several hosts take together are compiled, one at a time: compile the model with "
            "jit_compile=True (or 'auto'), run_eagerly=False and steps_per_execution=1"
        )


def begin_alike(group: Group, model: Any) -> None:
    """Give the model of every process the variables of the first one's, where they are others.

    They are others where a model draws its weights from seeds that nobody set.
    """
    variables = all_variables(model)
    digest = hashlib.blake2b(digest_size=16)
    for value in copy_values(variables):
        digest.update(np.ascontiguousarray(value).tobytes())
    if len(set(group.gather(digest.digest()))) == 1:
        return
    for variable in variables:
        (own,) = copy_values([variable])
        first = group.gather(own.tobytes() if group.is_first else b"")[0]
        variable.assign(np.frombuffer(first, own.dtype).reshape(own.shape).copy())
