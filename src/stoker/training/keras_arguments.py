"""What Keras's `fit` takes and `stoker.fit` does not: each is answered by what does it here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from stoker.errors import OptionError

__all__ = ["ANSWERS", "answers_keras"]

F = TypeVar("F", bound=Callable[..., Any])

_ROWS = (
    "rows and labels come together, in one feed: stoker.Feed(stoker.open('rows.csv', label='y')), or a "
    "generator or Sequence of (x, y); arrays in memory are what model.fit is for"
)
_WEIGHTED = (
    "a generator or Sequence of (x, y, sample_weight) has a weight for each row, and class_weight= of "
    "stoker.Feed one for each class"
)

ANSWERS: Mapping[str, str] = {
    "x": _ROWS,
    "y": _ROWS,
    "batch_size": "the feed makes the batches: stoker.Feed(rows, batch_size=…)",
    "verbose": "progress= shows: 'none' for verbose=0, 'auto' for 1, 'plain' for 2",
    "validation_split": "rows are split before: rows, valid = stoker.open(…).split(0.9, seed=7), and "
    "validation=valid",
    "validation_data": "validation= takes it: a Source, a feed, a generator or a Sequence, and arrays beside "
    "a generator",
    "validation_batch_size": "validation takes batches of the feed's size; a feed of its own, "
    "validation=feed.derive(valid), or a Sequence has its own",
    "validation_freq": "every epoch is validated; validate_every='500steps' or '30min' validates within "
    "them, too, and every so many epochs stoker.fit_generator(validation_freq=…) does",
    "shuffle": "the feed knows the order: stoker.Feed(rows, shuffle='exact', 'block' or False, seed=…)",
    "class_weight": "the feed weighs rows: stoker.Feed(rows, class_weight='balanced' or {'spam': 3.0})",
    "sample_weight": _WEIGHTED,
    "workers": "stoker.Feed(rows, workers=…), or stoker.GeneratorFeed(…, workers=…)",
    "use_multiprocessing": "stoker.GeneratorFeed(…, use_multiprocessing=True) takes processes; a stoker.Feed "
    "needs none",
    "max_queue_size": "stoker.GeneratorFeed(…, max_queue_size=…); a stoker.Feed goes by memory=",
}
"""By the name in Keras; the last three are of Keras 2."""


def answers_keras(function: F) -> F:
    """Have a function ``(model, feed, *, …)`` refuse arguments of Keras's `fit` with what does it here.

    Raises
    ------
    OptionError
        In the function that is returned, if it is called with one of `ANSWERS`.

    Examples
    --------
    >>> train = answers_keras(lambda model, feed, *, epochs=1: epochs)
    >>> train(None, None, epochs=3)
    3
    >>> train(None, None, verbose=0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    stoker.errors.OptionError: stoker.fit has no verbose=: progress= shows: 'none' for verbose=0, ...
    """

    @functools.wraps(function)
    def answering(*arguments: Any, **options: Any) -> Any:
        named = [name for name in options if name in ANSWERS]
        given = [f"{name}=" for name in named]
        answers = [ANSWERS[name] for name in named]
        if len(arguments) > 2:
            given.insert(0, "third argument")
            answers.insert(0, _ROWS)
        if given:
            raise OptionError(f"stoker.fit has no {', '.join(given)}: {'; '.join(dict.fromkeys(answers))}")
        return function(*arguments, **options)

    return cast(F, answering)
