"""``fit_generator`` and its sisters as methods: the keywords of Keras 1 become those of Keras 2."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from types import GeneratorType
from typing import Any

import keras
import numpy as np

from stoker.errors import DataError, OptionError
from stoker.legacy.keywords import KERAS_1_CALLS, renamed, warn_of
from stoker.training.generators.batches import describe
from stoker.training.generators.shipping import twin

__all__ = [
    "evaluate_generator",
    "fit_generator",
    "for_generators",
    "predict_generator",
    "yields_batches",
]


def fit_generator(self: Any, generator: Any, *arguments: Any, **options: Any) -> Any:
    """Train on batches of a generator or Sequence: ``stoker.fit_generator`` as a method.

    Keras 1's keywords are translated with a warning. ``samples_per_epoch`` and ``nb_val_samples`` count
    samples where Keras 2 counts batches: they are divided by the generator's ``batch_size``, or where it has
    none by the rows of its first batch, and rounded up.
    """
    import stoker

    options = renamed("model.fit_generator", KERAS_1_CALLS, options)
    generator, options = _in_steps(generator, options, "samples_per_epoch", "steps_per_epoch")
    validation = options.get("validation_data")
    validation, options = _in_steps(validation, options, "nb_val_samples", "validation_steps")
    if validation is not None:
        options["validation_data"] = validation
    return stoker.fit_generator(self, generator, *arguments, **options)


def evaluate_generator(self: Any, generator: Any, *arguments: Any, **options: Any) -> Any:
    """Loss and metrics over batches of a generator or Sequence: ``stoker.evaluate_generator`` as a method."""
    import stoker

    options = renamed("model.evaluate_generator", KERAS_1_CALLS, options)
    generator, options = _in_steps(generator, options, "val_samples", "steps")
    return stoker.evaluate_generator(self, generator, *arguments, **options)


def predict_generator(self: Any, generator: Any, *arguments: Any, **options: Any) -> Any:
    """Outputs for batches of a generator or Sequence: ``stoker.predict_generator`` as a method."""
    import stoker

    options = renamed("model.predict_generator", KERAS_1_CALLS, options)
    generator, options = _in_steps(generator, options, "val_samples", "steps")
    return stoker.predict_generator(self, generator, *arguments, **options)


def yields_batches(x: Any) -> bool:
    """Whether Keras 2.3 would have handed ``x`` to the methods for generators.

    Examples
    --------
    >>> yields_batches(iter([])), yields_batches((batch for batch in []))
    (False, True)
    """
    return isinstance(x, GeneratorType | keras.utils.PyDataset)


def for_generators(call: str, x: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``fit``, ``evaluate`` or ``predict`` as those of its sister for generators.

    Raises
    ------
    OptionError
        If one is for arrays alone.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("y", "batch_size", "validation_split", "sample_weight", "validation_batch_size"):
        if not np.array_equal(given.pop(name, 0), 0):
            raise OptionError(
                f"model.{call}({name}=…) is for arrays, and x is a {type(x).__name__}, which makes its own "
                "batches: leave it out"
            )
    if given.get("verbose") == "auto":
        given["verbose"] = 1
    return _with_own_workers(x, given)


def _with_own_workers(x: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with the workers that a Keras 3 dataset says for itself where the call says none."""
    own = {}
    if isinstance(x, keras.utils.PyDataset):
        own = {
            "workers": x.workers,
            "use_multiprocessing": x.use_multiprocessing,
            "max_queue_size": x.max_queue_size,
        }
    return {**own, **options}


def _in_steps(generator: Any, options: dict[str, Any], old: str, new: str) -> tuple[Any, dict[str, Any]]:
    """A number of samples as one of batches, and the generator, whose first batch may have been looked at."""
    if old not in options:
        return generator, options
    options = dict(options)
    samples = options.pop(old)
    if samples is None:
        return generator, options
    if new in options:
        raise TypeError(f"the call has both {old}= and {new}=, its counterpart since Keras 2")
    in_process = bool(options.get("use_multiprocessing")) and options.get("workers", 1) != 0
    rows, generator = _batch_size(generator, old, new, in_process=in_process)
    options[new] = math.ceil(samples / rows)
    warn_of(
        f"{old}={samples} is Keras 1 and counts samples: it is taken as {new}={options[new]}, which counts "
        f"batches, {rows} samples each"
    )
    return generator, options


def _batch_size(generator: Any, old: str, new: str, *, in_process: bool) -> tuple[int, Any]:
    said = getattr(generator, "batch_size", None)
    if isinstance(said, int) and said > 0:
        return said, generator
    if hasattr(generator, "__getitem__") and hasattr(generator, "__len__"):
        return _rows(generator[0]), generator
    if not isinstance(generator, Iterator):
        raise OptionError(
            f"{old}= counts samples, and the number in a batch of {type(generator).__name__} is not known: "
            f"say {new}= in batches"
        )
    if in_process and isinstance(generator, GeneratorType):
        # One that was advanced can no longer be sent to a process.
        return _rows(_first(_twin(generator, old, new))), generator
    first = _first(generator)
    return _rows(first), _continued(first, generator)


def _twin(generator: GeneratorType[Any, Any, Any], old: str, new: str) -> Iterator[Any]:
    try:
        return twin(generator)  # type: ignore[no-any-return]
    except OptionError:
        raise
    except Exception as error:  # whatever an argument of the generator's raises
        raise OptionError(
            f"{old}= needs the rows of the first batch, and the generator {generator.__name__!r} cannot be "
            f"sent to a process ({error}): say {new}= in batches, and use_multiprocessing=False"
        ) from error


def _first(generator: Iterator[Any]) -> Any:
    try:
        return next(generator)
    except StopIteration:
        raise DataError("the generator ended before its first batch") from None


def _continued(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _rows(batch: Any) -> int:
    x = batch[0] if isinstance(batch, tuple | list) and batch else batch
    shapes = [getattr(leaf, "shape", ()) for leaf in keras.tree.flatten(x)]
    if not (shapes and shapes[0]):
        raise DataError(f"batch 0: expected (x, y) or (x, y, sample_weight), got {describe(batch)}")
    return int(shapes[0][0])
