"""From what a user passed as training and validation data to feeds that are ready to be trained on."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stoker.errors import OptionError
from stoker.feed import BaseFeed
from stoker.sources import Source
from stoker.training import adapter
from stoker.training.generators.arrays import ArrayBatches
from stoker.training.generators.batches import describe
from stoker.training.generators.feeds import GeneratorFeed
from stoker.training.generators.kinds import is_arrays, is_table, kind_of
from stoker.training.programs import compile_ahead
from stoker.training.protocols import Expected, FeedLike

__all__ = [
    "begun",
    "check_validation",
    "end_feeds",
    "expected_of",
    "open_feeds",
    "training_feed",
    "validation_feed",
]

AnyFeed = FeedLike | GeneratorFeed

_MANY_BATCHES = 100
"""In an epoch of so many the short last one is rare: three times slower, it takes two hundredths longer."""


def training_feed(feed: Any, steps_per_epoch: Any = None) -> AnyFeed:
    """A feed as it is; a generator or Sequence as a feed.

    Raises
    ------
    OptionError
        If it is neither, or `steps_per_epoch` would have no effect.
    """
    known = isinstance(feed, GeneratorFeed) or kind_of(feed) == "feed"
    if known and steps_per_epoch is not None:
        raise OptionError("steps_per_epoch has no effect on a feed, which has its own number of batches")
    return feed if known else GeneratorFeed(feed, steps_per_epoch=steps_per_epoch, **_own_options(feed))


def check_validation(training: AnyFeed, validation: Any) -> None:
    """Refuse what cannot be validated on, before anything is read.

    Raises
    ------
    OptionError
        If it is a table, or arrays beside a feed, or none of what `validation_feed` takes.
    """
    beside = isinstance(training, GeneratorFeed)
    if validation is None or isinstance(validation, Source | GeneratorFeed):
        return
    if not beside and _is_paths(validation):
        return
    arrays = is_arrays(validation)
    if is_table(validation) or (arrays and isinstance(training, BaseFeed)):
        rows = "{'x': x, 'y': y}" if arrays else "frame"
        way_out = (
            "give arrays (x, y), a Sequence of batches or a feed"
            if beside
            else f"give feed.derive(stoker.open({rows}, label=…)), or a Sequence of batches"
        )
        raise OptionError(
            "validation takes a Source, a feed, a generator or a Sequence of batches, got "
            f"{describe(validation)}: {way_out}"
        )
    if not arrays:
        kind_of(validation)


def validation_feed(training: AnyFeed, validation: Any, steps: Any = None) -> AnyFeed | None:
    """Validation data as a feed: from a feed, a generator, a Sequence, arrays, or a Source to derive from.

    Raises
    ------
    OptionError
        If it is none of these, or `steps` would have no effect.
    """
    check_validation(training, validation)
    if validation is None or isinstance(validation, GeneratorFeed):
        _refuse_steps(steps)
        return validation
    given = isinstance(validation, tuple | list) or _is_paths(validation)
    if isinstance(validation, Source) or (given and not isinstance(training, GeneratorFeed)):
        _refuse_steps(steps)
        return training.derive(validation)
    if is_arrays(validation):
        _refuse_steps(steps)
        return GeneratorFeed(ArrayBatches(validation), workers=0)
    if kind_of(validation) == "feed":
        _refuse_steps(steps)
        return validation  # type: ignore[no-any-return]
    return GeneratorFeed(
        validation, steps_per_epoch=steps, steps_name="validation_steps", **_own_options(validation)
    )


def open_feeds(
    model: Any,
    training: AnyFeed,
    validation: AnyFeed | None,
    *,
    epochs: range,
    validations: int | None,
) -> None:
    """Start the streams and build the model, for which a generator's first batch is pulled if it must be.

    Parameters
    ----------
    model
        A compiled model.
    training, validation
        The feeds.
    epochs
        Those that are trained.
    validations
        How many there can be, None if nobody knows.
    """
    adapter.check_compiled(model)
    names = adapter.output_names(model)
    if not isinstance(training, GeneratorFeed):
        assert training.batch_size is not None
        adapter.build_model(model, training.spec, training.batch_size)
    else:
        training.open(
            "training",
            rounds=len(epochs),
            first_round=epochs.start,
            floats=adapter.float_type(),
            output_names=names,
            seed=adapter.global_seed(),
        )
    if isinstance(validation, GeneratorFeed):
        validation.open(
            "validation",
            rounds=validations,
            floats=adapter.float_type(),
            output_names=names,
            beside=training if isinstance(training, GeneratorFeed) else None,
        )
    if isinstance(training, GeneratorFeed) and not adapter.is_built(model):
        adapter.build_on(model, training.first())


@contextmanager
def begun(model: Any, training: FeedLike) -> Iterator[Callable[[FeedLike], None]]:
    """Inside, a model's programs for training are compiled, while what else `fit` takes is made ready.

    What it gives is called with the feed to validate on once there is one, whose programs are compiled then.

    Parameters
    ----------
    model
        A compiled model; it is built.
    training
        A prepared feed.

    Raises
    ------
    OptionError
        If the model is not compiled, or does not take this input.
    """
    assert training.batch_size is not None
    adapter.build_model(model, training.spec, training.batch_size)
    programs = compile_ahead(model, expected_of(training), Expected())

    def validated_on(feed: FeedLike) -> None:
        if programs is not None:
            compile_ahead(model, expected_of(training), expected_of(feed))

    try:
        yield validated_on
    finally:
        if programs is not None:
            programs.end()


def expected_of(feed: AnyFeed | None) -> Expected:
    """What a feed tells of the batches that it will give."""
    tell = getattr(feed, "expected_batches", None)
    if feed is None or tell is None:
        return Expected()
    is_long = feed.num_batches >= _MANY_BATCHES
    return Expected(tuple(tell()), (feed.batch_size or 0) if is_long else 0)


def end_feeds(*feeds: AnyFeed | None) -> None:
    """Stop the workers of those that go on from epoch to epoch."""
    for feed in feeds:
        if isinstance(feed, GeneratorFeed):
            feed.end()


def _is_paths(validation: Any) -> bool:
    """Whether it is a path or several, which a feed derives from."""
    several = validation if isinstance(validation, tuple | list) and validation else (validation,)
    return all(isinstance(each, str | os.PathLike) for each in several)


def _refuse_steps(steps: Any) -> None:
    if steps is not None:
        raise OptionError("validation_steps has an effect only where validation is a generator or a Sequence")


def _own_options(source: Any) -> dict[str, Any]:
    """What a Keras PyDataset says of its own workers."""
    if not (hasattr(source, "_warn_if_super_not_called") and hasattr(source, "use_multiprocessing")):
        return {}
    with warnings.catch_warnings():
        # Of a constructor that does not call Keras's, which changes nothing here.
        warnings.simplefilter("ignore", UserWarning)
        names = ("workers", "use_multiprocessing", "max_queue_size")
        return {name: getattr(source, name) for name in names}
