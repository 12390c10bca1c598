"""Evaluating and predicting on a stream of batches, through Keras's own loops."""

from __future__ import annotations

from typing import Any, Literal

from stoker.training import adapter
from stoker.training.call import handover_of
from stoker.training.generators.feeds import GeneratorFeed
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.one_step import one_step_an_execution
from stoker.training.pass_callbacks import PassCallbacks
from stoker.training.progress import Display, display_for

__all__ = ["as_list", "score"]

_HOOKS = {
    "evaluation": ("on_test_batch_begin", "on_test_batch_end"),
    "prediction": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def score(
    role: Literal["evaluation", "prediction"],
    *,
    model: Any,
    generator: Any,
    steps: Any,
    callbacks: Any,
    max_queue_size: int,
    workers: int,
    use_multiprocessing: bool,
    verbose: Any,
) -> Any:
    """What ``model.evaluate`` or ``model.predict`` gives for the stream's next batches."""
    display = display_for(verbose)
    feed = GeneratorFeed(
        generator,
        steps_per_epoch=steps,
        steps_name="steps",
        workers=workers,
        max_queue_size=max_queue_size,
        use_multiprocessing=use_multiprocessing,
    )
    used = as_list(callbacks)
    names = adapter.output_names(model)
    with one_step_an_execution(model, used, _HOOKS[role]), Interrupts() as interrupts:
        handover = handover_of(model, feed, interrupts, role=role)
        try:
            feed.open(role, rounds=1, floats=adapter.float_type(), output_names=names)
            _build(role, model, feed)
            return _run(role, model, handover, used, interrupts, display, verbose)
        except Exception:
            handover.raise_failure()
            raise
        finally:
            # Keras leaves a model without weights where a step of these two raises on JAX.
            adapter.sync_state(model)
            handover.end()
            display.close()


def as_list(callbacks: Any) -> list[Any]:
    """Callbacks as a list: None is none, and one is one."""
    return [callbacks] if hasattr(callbacks, "set_model") else list(callbacks or ())


def _build(role: str, model: Any, feed: GeneratorFeed) -> None:
    if role == "prediction":
        if not adapter.has_weights(model):
            adapter.build_for_prediction(model, feed.first().x)
        return
    adapter.check_compiled(model)
    if not adapter.is_built(model):
        adapter.build_on(model, feed.first())


def _run(
    role: str,
    model: Any,
    handover: Handover,
    callbacks: list[Any],
    interrupts: Interrupts,
    display: Display,
    verbose: Any,
) -> Any:
    total = handover.num_batches
    data = adapter.FeedAdapter(handover)
    run = model.evaluate if role == "evaluation" else model.predict
    with display.stage(role, " batches") as progress:
        hooks = PassCallbacks(
            callbacks,
            model=model,
            scored=handover,
            interrupts=interrupts,
            progress=lambda done: progress(done, total),
            verbose=verbose,
            epochs=1,
            steps=total,
        )
        return run(data, callbacks=hooks, verbose=0)
