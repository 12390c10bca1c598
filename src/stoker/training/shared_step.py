"""One step of several processes: each brings its rows, and all come to what one process would have come to.

A model stays what it is in a process by itself: its variables are arrays of this process alone, so that
whatever is done between epochs (saving, validating, setting weights) is done by whoever does it. Only a step
spans the processes. It takes the state, the same in all of them, as replicated arrays, and the rows as one
array that is spread over them, and XLA makes of Keras's own step a program for all, sums across processes
included. So a loss, a metric and a normalisation are those of the whole batch, not means of parts.

Arrays that are spread have as many rows in all processes. Where a batch has fewer, zeros stand behind, and
the first thing that the program does is to cut them off: nothing has to be weighed down to zero, and no layer
sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from stoker.group import Group
from stoker.training.adapter import wait_for_result
from stoker.training.shares import is_sparse_input

__all__ = ["shared_steps", "steps_alone", "wait_for_steps"]

_last: Any = None
"""Logs of the step that was begun last: what follows depends on it, but for what processes tell others."""


class SharedStep:
    """What Keras calls for a step: takes the state and an iterator, gives logs and the next state.

    Parameters
    ----------
    step
        Keras's own, of a state and a batch.
    """

    def __init__(self, step: Callable[..., Any]) -> None:
        self._step = step
        self._spread = _Spread()
        self._programs: dict[tuple[int, ...], Any] = {}

    def __call__(self, state: Any, iterator: Iterator[Any]) -> Any:
        *batch, counts = next(iterator)
        held = tuple(
            part.arrays if isinstance(part, _Replicated) else [self._spread.same(array) for array in part]
            for part in state
        )
        rows = self._spread.map(self._spread.rows, tuple(batch))
        logs, held = self._program(tuple(np.asarray(counts).tolist()))(held, rows)
        global _last
        _last = self._spread.map(_own, logs)
        return _last, tuple(_Replicated(part) for part in held)

    def _program(self, counts: tuple[int, ...]) -> Any:
        """The step for batches of which each process has so many rows."""
        found = self._programs.get(counts)
        if found is None:
            import jax

            def step(state: Any, batch: Any) -> Any:
                x, *rest = self._spread.map(lambda array: _cut(array, counts), batch)
                return self._step(state, (self._gathered(x), *rest))

            found = jax.jit(step, donate_argnums=0, out_shardings=self._spread.replicated)
            self._programs[counts] = found
        return found

    def _gathered(self, x: Any) -> Any:
        """Inputs with the rows of sparse ones in every process: loops over their entries cannot be spread."""
        if not isinstance(x, dict):
            return x
        if is_sparse_input(x):
            return self._spread.map(self._spread.everywhere, x)
        return {name: self._gathered(part) for name, part in x.items()}


class _Spread:
    """Arrays of this process as its parts of arrays of all of them."""

    def __init__(self) -> None:
        import jax
        from jax.sharding import Mesh, NamedSharding

        spec: Any = jax.sharding.PartitionSpec

        devices = sorted(jax.devices(), key=lambda device: device.process_index)
        mesh = Mesh(np.array(devices), ("rows",))
        self.map = jax.tree.map
        self.replicated = NamedSharding(mesh, spec())
        self._over_rows = NamedSharding(mesh, spec("rows"))
        self._count = len(devices)
        self._put = jax.device_put
        self._here = jax.local_devices()[0]
        self._joined = jax.make_array_from_single_device_arrays
        self._constrained: Any = jax.lax.with_sharding_constraint

    def same(self, array: Any) -> Any:
        """An array that is the same in all processes; it is not copied."""
        return self._joined(array.shape, self.replicated, [self._put(array, self._here)])

    def everywhere(self, array: Any) -> Any:
        """Within a program: an array, all of it in each process."""
        return self._constrained(array, self.replicated)

    def rows(self, array: Any) -> Any:
        """The rows of all processes, in order of rank."""
        shape = (array.shape[0] * self._count, *array.shape[1:])
        return self._joined(shape, self._over_rows, [self._put(array, self._here)])


class _Replicated(Sequence[Any]):
    """Arrays that are the same in all processes; whoever takes one out has this process's copy of it."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, place: Any) -> Any:
        return _own(self.arrays[place])


def _own(array: Any) -> Any:
    return array.addressable_data(0)


def _cut(array: Any, counts: tuple[int, ...]) -> Any:
    """The rows of an array of which each process brought as many, without what stands behind them."""
    import jax.numpy as jnp

    room = array.shape[0] // len(counts)
    if set(counts) == {room}:
        return array
    parts = [array[rank * room : rank * room + count] for rank, count in enumerate(counts) if count]
    return jnp.concatenate(parts)


def wait_for_steps() -> None:
    """Return when the step that was begun last is taken: two programs that go around at once might mix."""
    if _last is not None:
        wait_for_result(_last)


@contextmanager
def steps_alone(model: Any) -> Iterator[None]:
    """Inside, the steps of a model are of this process and its rows, also where others share them outside."""
    before = model.train_function, model.test_function
    if isinstance(model.train_function, SharedStep):
        model.train_function = model.test_function = None
    try:
        yield
    finally:
        if isinstance(before[0], SharedStep):
            model.train_function, model.test_function = before


@contextmanager
def shared_steps(model: Any, group: Group) -> Iterator[None]:
    """Inside, the steps of a model are those of all processes together."""
    if group.is_alone:
        yield
        return
    model.train_function = SharedStep(model.train_step)
    model.test_function = SharedStep(model.test_step)
    try:
        yield
    finally:
        global _last
        _last = model.train_function = model.test_function = None
