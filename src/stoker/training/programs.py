"""A model's programs, compiled in a thread for the batches that are expected, before these come.

JAX compiles a step when it meets a batch's shape for the first time, and the model waits: for a small model
on texts a second for training, as long for the short last batch, and half of that twice more for validation.
All these shapes are known when training begins, those of training before validation data are looked at, and
XLA leaves Python alone while it compiles: what is not needed yet is compiled beside what goes on. One after
the other, for XLA itself works on several cores, and each program needs its 50 MB while it is made.

The programs are those that JAX would compile, and a batch of another shape has its own compiled when it
comes, as ever. But the short last batch of a long epoch has one that is quick to make, ahead or not: a step
on 20,000 columns takes XLA 0.4 instead of 0.75 s of the processor and 12 instead of 70 MB, and is itself two
or three times slower, which once in an epoch nobody sees. Which batches these are the feed's sizes alone
decide, so that a run that is resumed, or whose rows are elsewhere, takes the same programs.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any

import keras

from stoker.buffers import release_idle
from stoker.group import current
from stoker.training.protocols import Expected

__all__ = ["Programs", "compile_ahead", "expect_nothing"]

_QUICK_TO_MAKE = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
"""Options of XLA for the processor: loops by its older and plainer means, which went with jaxlib 0.12, and a
program in one piece."""


class Programs:
    """Compilations under way, until `end`."""

    def __init__(self) -> None:
        self.is_open = True
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="stoker-compile")
        self._tracing = threading.Lock()

    def step(self, step: Callable[..., Any], state: Any, expected: Expected) -> _Step:
        """A step function, of which the programs for the expected batches are begun."""
        made = _Step(step, state, self, self._tracing)
        made.expect(expected)
        return made

    def submit(self, make: Callable[..., Any], batch: Any) -> Future[Any]:
        """Have a program made once those before it are."""
        return self._pool.submit(make, batch)

    def end(self) -> None:
        """Begin no more of them, and wait for the one under way: nothing goes on behind a run's back."""
        self.is_open = False
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Step:
    """What Keras calls for a step: takes the state and an iterator, gives logs and the next state."""

    def __init__(
        self,
        step: Callable[..., Any],
        state: Any,
        owner: Programs,
        tracing: threading.Lock,
    ) -> None:
        import jax

        self.owner = owner
        self._leaves = jax.tree.leaves
        self._jitted: Any = jax.jit(step, donate_argnums=0)
        self._quickly: Any = jax.jit(step, donate_argnums=0, compiler_options=_quick_to_make())
        self.rare_rows = 0
        self._called = False
        self._state, self._tracing = state, tracing
        self._programs: dict[Any, Future[Any]] = {}

    def expect(self, expected: Expected) -> None:
        """Begin the programs for batches, but those that were begun."""
        self.rare_rows = expected.rare_rows
        for batch in expected.batches:
            key = self._key(batch)
            if key not in self._programs:
                self._programs[key] = self.owner.submit(self._compile, batch)

    def __call__(self, state: Any, iterator: Iterator[Any]) -> Any:
        batch = next(iterator)
        program = self._program(self._key(batch))
        if program is not None:
            try:
                return program(state, batch)
            except (TypeError, ValueError):  # layers were frozen since, or moved; nothing was computed
                self._programs.clear()
        with self._tracing:
            self._called = True
            return self._made_for(batch)(state, batch)

    def _made_for(self, batch: Any) -> Any:
        """What compiles the program for a batch."""
        return self._quickly if self._is_rare(batch) else self._jitted

    def _is_rare(self, batch: Any) -> bool:
        return self.rare_rows > 0 and bool(self._leaves(batch)[0].shape[0] < self.rare_rows)

    def _key(self, batch: Any) -> Any:
        return self._is_rare(batch), tuple((array.shape, array.dtype) for array in self._leaves(batch))

    def _compile(self, batch: Any) -> Any:
        jitted = self._made_for(batch)
        with self._tracing:  # layers note in themselves what they are called with
            lowered = jitted.trace(self._state, batch).lower()
            if not self._called:
                jitted.clear_cache()  # what tracing noted: a megabyte or two that nobody asks for again
        compiled = lowered.compile()
        release_idle()  # the 70 MB that this took
        return compiled

    def _program(self, key: Any) -> Any:
        """The program for such a batch, waited for while it is under way; None where there is none."""
        found = self._programs.get(key)
        if found is None:
            return None
        try:
            return found.result()
        except (Exception, CancelledError):
            # Whatever it was, the step itself meets it again, in the thread that can tell of it.
            del self._programs[key]
            return None


def compile_ahead(model: Any, training: Expected, tested: Expected) -> Programs | None:
    """Begin to compile a model's steps for the batches that are expected, or go on with what was begun.

    Parameters
    ----------
    model
        Built and compiled.
    training, tested
        What is known of the batches to train and to validate on.

    Returns
    -------
    Programs
        To be ended after training. None where nothing is known of the batches, on other backends than JAX,
        for steps that are not Keras's own or were left by a training before, several steps an execution,
        several devices or processes.
    """
    if _is_begun(model):
        model.train_function.expect(training)
        model.test_function.expect(tested)
        begun: Programs = model.train_function.owner
        return begun
    if Expected() == training == tested or not _is_plain(model):
        _expect_as_rare(model, training, tested)
        return None
    programs = Programs()
    weights, others, slots, metrics = _state(model)
    model.train_function = programs.step(model.train_step, (weights, others, slots, metrics), training)
    model.test_function = programs.step(model.test_step, (weights, others, metrics), tested)
    return programs


def expect_nothing(model: Any) -> None:
    """Have steps that stay behind a training take the usual programs, whatever batches Keras gives them."""
    _expect_as_rare(model, Expected(), Expected())


def _is_begun(model: Any) -> bool:
    steps = (model.train_function, model.test_function)
    return all(isinstance(step, _Step) and step.owner.is_open for step in steps)


def _expect_as_rare(model: Any, training: Expected, tested: Expected) -> None:
    """Have steps that a training before this one left take the programs that new ones would."""
    for name, expected in (("train_function", training), ("test_function", tested)):
        step = getattr(model, name, None)  # what is no model is refused by who meets it first
        if isinstance(step, _Step):
            step.rare_rows = expected.rare_rows


def _is_plain(model: Any) -> bool:
    if keras.backend.backend() != "jax":
        return False
    own = (type(model).train_step, type(model).test_step)
    return (
        own == (keras.Model.train_step, keras.Model.test_step)
        and current().is_alone
        and _is_of_keras(model.train_function)
        and _is_of_keras(model.test_function)
        and model.jit_compile
        and not model.run_eagerly
        and model.steps_per_execution == 1
        and keras.distribution.distribution() is None
        and not keras.config.is_nnx_enabled()
        # Threads of their own begin with Keras's defaults.
        and keras.config.dtype_policy().name == "float32"
    )


def _is_of_keras(step: Any) -> bool:
    """Whether Keras made a step, by `fit` or `evaluate`, or will: a resumed run's model had neither."""
    return step is None or str(getattr(step, "__module__", "")).startswith("keras.")


def _state(model: Any) -> tuple[list[Any], ...]:
    """Shapes and types of what a step takes besides its batch."""
    import jax

    make_shape: Any = jax.ShapeDtypeStruct

    def shape(variable: Any) -> Any:
        kind = jax.typeof(variable.value)
        return make_shape(kind.shape, kind.dtype, weak_type=kind.weak_type)

    parts = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    return tuple([shape(variable) for variable in part] for part in parts)


@functools.cache
def _quick_to_make() -> dict[str, Any] | None:
    """Options for programs that are quick to make, those that this XLA knows; None where it knows none."""
    import jax

    if jax.default_backend() != "cpu":
        return None
    return {name: value for name, value in _QUICK_TO_MAKE.items() if _is_known(jax, {name: value})} or None


def _is_known(jax: Any, options: dict[str, Any]) -> bool:
    try:
        jax.jit(lambda number: number, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
