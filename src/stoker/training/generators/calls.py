"""Keras 2's three calls for generators, on Keras 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stoker.errors import OptionError
from stoker.training.call import TrainingCall
from stoker.training.callback_list import Due, History
from stoker.training.feeding import end_feeds, open_feeds
from stoker.training.generators.arrays import ArrayBatches
from stoker.training.generators.feeds import GeneratorFeed
from stoker.training.generators.kinds import epochs_to_validate, is_arrays, whole
from stoker.training.generators.observers import observed
from stoker.training.generators.scoring import as_list, score
from stoker.training.progress import display_for

__all__ = ["evaluate_generator", "fit_generator", "predict_generator"]


def fit_generator(
    model: Any,
    generator: Any,
    steps_per_epoch: Any = None,
    epochs: int = 1,
    verbose: Any = 1,
    callbacks: Sequence[Any] | None = None,
    validation_data: Any = None,
    validation_steps: Any = None,
    validation_freq: Any = 1,
    class_weight: Any = None,
    max_queue_size: int = 10,
    workers: int = 1,
    use_multiprocessing: bool = False,
    shuffle: bool = True,
    initial_epoch: int = 0,
) -> History:
    """Train a compiled model on batches from a generator or a Sequence.

    Parameters
    ----------
    model
        A compiled ``keras.Model``; the first batch builds it if it is not built.
    generator
        Gives ``(x, y)`` or ``(x, y, sample_weight)``: a generator or iterator, a ``keras.utils.Sequence``
        (anything with a length and items), or a `stoker.Feed`. Each part is an array, a list or dict of
        arrays, or a SciPy sparse matrix.
    steps_per_epoch
        Batches in an epoch; needed unless the generator has a length, which is asked again after each epoch.
        The stream goes on from epoch to epoch.
    epochs, initial_epoch
        Epochs ``initial_epoch`` to ``epochs - 1`` are trained.
    verbose
        0 shows nothing, 1 progress, 2 plain lines; on standard error.
    callbacks
        Keras callbacks. Those that hook batches cost a wait for every step.
    validation_data
        A generator, a Sequence, or arrays ``(x, y)`` or ``(x, y, sample_weight)``.
    validation_steps
        Batches of a validation, needed for a generator, which goes on from one to the next.
    validation_freq
        Every how many epochs to validate, or a collection of epochs counted from 1.
    class_weight
        ``{class: weight}``, for several outputs by output name.
    max_queue_size, workers, use_multiprocessing
        Batches made ahead, and how many threads or spawned processes make them; 0 is the calling thread. A
        generator has one worker at most.
    shuffle
        Train on a Sequence's batches in another order in each pass.

    Returns
    -------
    History
        ``history`` and ``epoch`` as of Keras, and ``report`` (`FitReport`).

    Raises
    ------
    ValueError
        `OptionError` for an argument that cannot be, `DataError` for a batch that is none or a generator that
        ends early.
    Exception
        What the generator raises arrives with its own type, after the batches before it were trained on.

    Examples
    --------
    ::

        history = stoker.fit_generator(model, batches(), steps_per_epoch=100, epochs=5)
    """
    arguments = dict(locals())
    return observed("fit_generator", arguments, lambda: _fit(**arguments))  # type: ignore[no-any-return]


def evaluate_generator(
    model: Any,
    generator: Any,
    steps: Any = None,
    callbacks: Sequence[Any] | None = None,
    max_queue_size: int = 10,
    workers: int = 1,
    use_multiprocessing: bool = False,
    verbose: Any = 0,
) -> Any:
    """Loss and metrics over batches from a generator or a Sequence, weighted by their sizes.

    Parameters
    ----------
    model
        A compiled model.
    generator, steps
        As in `fit_generator`, and how many of its batches; all of a Sequence by default.
    callbacks, max_queue_size, workers, use_multiprocessing, verbose
        As in `fit_generator`.

    Returns
    -------
    float, or list of float
        The loss, or loss and metrics in the order in which the model names them.

    Raises
    ------
    ValueError
        As in `fit_generator`.

    Examples
    --------
    ::

        loss, accuracy = stoker.evaluate_generator(model, batches(), steps=20)
    """
    arguments = dict(locals())
    return observed("evaluate_generator", arguments, lambda: score("evaluation", **arguments))


def predict_generator(
    model: Any,
    generator: Any,
    steps: Any = None,
    callbacks: Sequence[Any] | None = None,
    max_queue_size: int = 10,
    workers: int = 1,
    use_multiprocessing: bool = False,
    verbose: Any = 0,
) -> Any:
    """Predictions for batches from a generator or a Sequence, in their order.

    Parameters
    ----------
    model
        A model, compiled or not.
    generator, steps
        Gives x, or a tuple whose first item is x; and how many of its batches, all of a Sequence by default.
    callbacks, max_queue_size, workers, use_multiprocessing, verbose
        As in `fit_generator`.

    Returns
    -------
    array, or list of arrays
        Of all rows; a list for several outputs.

    Raises
    ------
    ValueError
        As in `fit_generator`.

    Examples
    --------
    ::

        probabilities = stoker.predict_generator(model, images(), steps=20)
    """
    arguments = dict(locals())
    return observed("predict_generator", arguments, lambda: score("prediction", **arguments))


def _fit(
    model: Any,
    generator: Any,
    steps_per_epoch: Any,
    epochs: Any,
    verbose: Any,
    callbacks: Any,
    validation_data: Any,
    validation_steps: Any,
    validation_freq: Any,
    class_weight: Any,
    max_queue_size: int,
    workers: int,
    use_multiprocessing: bool,
    shuffle: bool,
    initial_epoch: Any,
) -> History:
    trained = _epochs(epochs, initial_epoch)
    options: dict[str, Any] = {
        "workers": workers,
        "max_queue_size": max_queue_size,
        "use_multiprocessing": use_multiprocessing,
    }
    feed = GeneratorFeed(
        generator, steps_per_epoch=steps_per_epoch, class_weight=class_weight, shuffle=shuffle, **options
    )
    valid = _validation(validation_data, validation_steps, options)
    due, validations = _due(validation_freq, trained)
    display = display_for(verbose)
    history = History()
    history.set_model(model)
    try:
        open_feeds(model, feed, valid, epochs=trained, validations=validations)
        return TrainingCall(
            model=model,
            feed=feed,
            validation=valid,
            callbacks=as_list(callbacks),
            epochs=trained.stop,
            initial_epoch=trained.start,
            display=display,
            own_display=True,
            verbose=1 if verbose == "auto" else int(verbose),
            due=due,
            history=history,
        ).run()
    finally:
        end_feeds(feed, valid)


def _epochs(epochs: Any, initial_epoch: Any) -> range:
    first, behind = whole(initial_epoch, "initial_epoch", least=0), whole(epochs, "epochs")
    if first >= behind:
        raise OptionError(f"epochs must be greater than initial_epoch, got {behind} and {first}")
    return range(first, behind)


def _validation(data: Any, steps: Any, options: dict[str, Any]) -> GeneratorFeed | None:
    if data is None:
        return None
    if is_arrays(data):
        return GeneratorFeed(ArrayBatches(data), workers=0)
    return GeneratorFeed(data, steps_per_epoch=steps, steps_name="validation_steps", **options)


def _due(validation_freq: Any, trained: range) -> tuple[Due, int]:
    """Whether to validate after an epoch, and how often there can be a validation."""
    wanted = epochs_to_validate(validation_freq)

    def in_turn(epoch: int) -> bool:
        return (epoch + 1) % wanted == 0 if isinstance(wanted, int) else epoch + 1 in wanted

    return lambda epoch, whole: whole and in_turn(epoch), sum(in_turn(epoch) for epoch in trained)
