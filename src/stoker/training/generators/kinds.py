"""What was passed as a generator, and arguments as Keras 2 took them."""

from __future__ import annotations

import operator
import os
from collections.abc import Collection
from typing import Any, Literal, TypeAlias

import numpy as np

from stoker.errors import OptionError
from stoker.sources import Source
from stoker.training.generators.batches import describe

__all__ = [
    "Kind",
    "epochs_to_validate",
    "is_arrays",
    "is_table",
    "kind_of",
    "length_of",
    "overrides",
    "whole",
]

Kind: TypeAlias = Literal["iterator", "sequence", "feed"]


def kind_of(source: Any) -> Kind:
    """Whether batches come by ``next``, by index, or from a feed.

    Raises
    ------
    OptionError
        If it gives no batches: tables, sources, paths, arrays, tuples of arrays and dicts.
    """
    # Of the type where it can be: to ask a Feed for its number of batches has it surveyed.
    counts = hasattr(type(source), "num_batches") or hasattr(source, "num_batches")
    if hasattr(source, "epoch") and hasattr(source, "derive") and counts:
        return "feed"
    _refuse_rows(source)
    if isinstance(source, bytes | dict | tuple | np.ndarray) or hasattr(source, "toarray"):
        raise OptionError(
            f"expected a generator or a Sequence of batches, got {describe(source)}: arrays go to model.fit, "
            "model.evaluate and model.predict"
        )
    # First by index: ImageDataGenerator's iterators, which are Sequences, have both.
    if hasattr(source, "__getitem__") and (hasattr(source, "__len__") or hasattr(source, "num_batches")):
        return "sequence"
    if hasattr(source, "__next__") or hasattr(source, "__iter__"):
        return "iterator"
    hint = ": call it, since a generator function is no generator yet" if callable(source) else ""
    raise OptionError(f"expected a generator or a Sequence of batches, got {describe(source)}{hint}")


def is_table(source: Any) -> bool:
    """Whether it is a frame or a table of another library, whose items are columns and no batches."""
    return any(
        hasattr(source, name)
        for name in (
            "__dataframe__",
            "__arrow_c_stream__",
            "__arrow_c_array__",
            "column_names",
            "collect_schema",
        )
    )


def _refuse_rows(source: Any) -> None:
    """Refuse rows of which no feed makes batches yet; whatever else there is passes.

    Raises
    ------
    OptionError
        With the line that makes the feed.
    """
    if isinstance(source, Source):
        got, rows = "a Source", "source"
    elif isinstance(source, str | os.PathLike):
        got, rows = f"the path {os.fspath(source)!r}", f"stoker.open({os.fspath(source)!r}, label=…)"
    elif is_table(source):
        got, rows = describe(source), "stoker.open(frame, label=…)"
    else:
        return
    raise OptionError(
        f"expected a generator or a Sequence of batches, got {got}: rows become batches in "
        f"stoker.Feed({rows}, …)"
    )


def is_arrays(validation: Any) -> bool:
    """Whether validation data are arrays ``(x, y)`` or ``(x, y, sample_weight)``, and no batches."""
    if isinstance(validation, tuple):
        return True
    if not isinstance(validation, list) or len(validation) not in (2, 3):
        return False
    return not isinstance(validation[0], tuple)


def length_of(sequence: Any) -> int | None:
    """How many batches a Sequence has now; None if it says that it never ends.

    Raises
    ------
    OptionError
        If it has none.
    """
    found = len(sequence) if hasattr(sequence, "__len__") else sequence.num_batches
    if found is None:
        return None
    if found < 1:
        raise OptionError(f"the {type(sequence).__name__} is empty: its length is {found}")
    return int(found)


def whole(value: Any, name: str, *, least: int = 1) -> int:
    """A whole number, also where it came as a float such as ``np.ceil(n / b)``.

    Raises
    ------
    OptionError
        If it is none, or less than `least`.

    Examples
    --------
    >>> whole(np.ceil(7 / 2), "steps_per_epoch")
    4
    """
    number: int | None
    try:
        number = operator.index(value)
    except TypeError:
        try:
            number = int(value) if not isinstance(value, str | bytes) and float(value) == int(value) else None
        except (TypeError, ValueError, OverflowError):
            number = None
    if number is None or number < least:
        raise OptionError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(number)


def epochs_to_validate(validation_freq: Any) -> int | frozenset[int]:
    """Every how many epochs to validate, or after which of them, counted from 1.

    Raises
    ------
    OptionError
        If it is neither a positive number nor a collection.
    """
    if isinstance(validation_freq, Collection) and not isinstance(validation_freq, str | bytes | dict):
        return frozenset(whole(each, "an epoch in validation_freq") for each in validation_freq)
    try:
        return whole(validation_freq, "validation_freq")
    except OptionError:
        raise OptionError(
            "validation_freq must be a positive whole number or a collection of epochs counted from 1, got "
            f"{validation_freq!r}"
        ) from None


def overrides(sequence: Any, name: str) -> bool:
    """Whether a Sequence has its own method of that name, and not the empty one of Keras's base class."""
    method = getattr(sequence, name, None)
    function = getattr(method, "__func__", None)
    # By name, without an import of Keras. Its image iterators are Sequences whose methods do work.
    empty = getattr(function, "__qualname__", "") == f"PyDataset.{name}"
    return method is not None and not (empty and function.__module__.startswith("keras."))
