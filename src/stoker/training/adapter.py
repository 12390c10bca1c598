"""Everything that stoker uses of Keras beyond its public interface, in one file.

Three private things are needed, each held by a contract test in ``tests/training/test_adapter.py``:

- an object of Keras's ``DataAdapter`` kind passed as ``x`` is used as it is, and asked for
  ``get_jax_iterator``, ``get_tf_dataset`` or ``get_torch_dataloader`` several times more than there are
  epochs, so all of them are lazy;
- ``_symbolic_build`` makes model, metrics, loss and optimizer; ``fit`` would pull a batch for that;
- on JAX the weights live outside the model during an epoch, in ``_jax_state`` after each step, and
  ``jax_state_sync`` brings them back.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.trainers.data_adapters.data_adapter import DataAdapter
from keras.src.utils.rng_utils import get_random_seed

from stoker.errors import MissingExtraError, OptionError
from stoker.training.handover import Handover
from stoker.training.inputs import empty_batch
from stoker.types import Batch, FeedSpec

__all__ = [
    "KERAS_RANGE",
    "FeedAdapter",
    "averages_weights",
    "batches_before_step",
    "build_for_prediction",
    "build_model",
    "build_on",
    "check_compiled",
    "copy_values",
    "float_type",
    "global_seed",
    "has_weights",
    "hold_state",
    "is_built",
    "is_computed",
    "output_names",
    "resume_training_mode",
    "sync_state",
    "trainable_values",
    "usable_model",
    "wait_for_result",
    "without_copy_warning",
    "without_restored_epoch",
]

KERAS_RANGE = ((3, 15), (3, 17))
"""The versions of Keras whose private parts are known: from the first, below the second."""


def batches_before_step(steps_per_execution: int) -> int:
    """How many batches must be at hand when ``on_train_batch_begin`` is called.

    Those of the step; on JAX with an accelerator one more, which Keras moves there ahead; none on PyTorch,
    where Keras has asked for the step's batch already.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return 0
    if backend == "jax":
        import jax

        return steps_per_execution + (jax.default_backend() != "cpu")
    return steps_per_execution


def check_version(version: str) -> None:
    """Refuse a Keras whose private parts nobody has looked at.

    Raises
    ------
    MissingExtraError
        Naming the version found and the command that installs a known one.
    """
    found = tuple(int(part) for part in version.split(".")[:2])
    low, high = KERAS_RANGE
    if not low <= found < high:
        wanted = f"keras>={low[0]}.{low[1]},<{high[0]}.{high[1]}"
        raise MissingExtraError(f"stoker works with {wanted}, found {version}: pip install '{wanted}'")


check_version(keras.__version__)


class FeedAdapter(DataAdapter):  # type: ignore[misc]  # Keras has no type information
    """A feed in the form that ``fit`` and ``evaluate`` take as it is.

    Parameters
    ----------
    handover
        Where the batches come from; one stream an epoch whatever number of iterators Keras asks for.
    """

    def __init__(self, handover: Handover) -> None:
        self._handover = handover

    def get_numpy_iterator(self) -> Iterator[Any]:
        """Batches as NumPy arrays."""
        return _Batches(self._handover, _arrays)

    def get_jax_iterator(self) -> Iterator[Any]:
        """Batches as NumPy arrays, which JAX takes without a copy."""
        share = self._handover.share
        return _Batches(self._handover, _arrays if share is None else share.arrays)

    def get_tf_dataset(self) -> Any:
        """An iterable; without a distribution strategy Keras takes any, and exceptions keep their type."""
        import tensorflow

        if tensorflow.distribute.has_strategy():
            raise OptionError("stoker.fit runs on one device: call it outside of tf.distribute strategies")
        return _Repeatable(self._handover)

    def get_torch_dataloader(self) -> Iterator[Any]:
        """Batches as tensors that share memory with the arrays."""
        return _Batches(self._handover, _tensors)

    @property
    def num_batches(self) -> int:
        """Batches in an epoch."""
        return self._handover.num_batches

    @property
    def batch_size(self) -> int | None:
        """Rows in every batch but the last, None if nobody knows."""
        return self._handover.feed.batch_size

    @property
    def has_partial_batch(self) -> bool:
        """Whether the last batch is short."""
        return self.partial_batch_size is not None

    @property
    def partial_batch_size(self) -> int | None:
        """Rows of the short last batch, None if there is none or nobody knows."""
        rows, size = self._handover.feed.num_rows, self._handover.feed.batch_size
        return None if rows is None or size is None else rows % size or None


class _Batches:
    """An iterator that pulls nothing before it is asked."""

    def __init__(self, handover: Handover, convert: Callable[[Batch], tuple[Any, ...]]) -> None:
        self._handover = handover
        self._convert = convert

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> tuple[Any, ...]:
        return self._convert(self._handover.take())


class _Repeatable:
    def __init__(self, handover: Handover) -> None:
        self._handover = handover

    def __iter__(self) -> _Batches:
        return _Batches(self._handover, _arrays)


def _arrays(batch: Batch) -> tuple[Any, ...]:
    return (batch.x, batch.y, batch.sample_weight)


def _tensors(batch: Batch) -> tuple[Any, ...]:
    return tuple(keras.tree.map_structure(_tensor, part) for part in _arrays(batch))


def _tensor(array: Any) -> Any:
    if array is None:
        return None
    import torch

    # from_numpy warns of arrays that nobody may write to, though training only reads them.
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def build_model(model: Any, spec: FeedSpec, batch_size: int) -> None:
    """Build layers, metrics, loss and optimizer from shapes alone.

    Raises
    ------
    OptionError
        If the model is not compiled, or does not take this input.
    """
    check_compiled(model)
    x = empty_batch(spec, batch_size)
    y = spec.by_target([np.zeros((batch_size, *each.row_shape), each.dtype) for each in spec.targets])
    try:
        model._symbolic_build(data_batch=(x, y, None))
    except (ValueError, RuntimeError) as error:
        kind = "" if spec.input_kind == "dense" else f"{spec.input_kind} "
        raise OptionError(
            f"model {model.name!r} cannot be built for {kind}input of shape {spec.input_shape} and "
            f"task {spec.task!r} with {spec.num_outputs} outputs: {error}"
        ) from error


def is_built(model: Any) -> bool:
    """Whether layers, metrics, loss and optimizer are built, so that no batch is needed for that."""
    parts = (model._compile_metrics, model._compile_loss, model.optimizer)
    return has_weights(model) and all(part is None or part.built for part in parts)


def has_weights(model: Any) -> bool:
    """Whether all layers are built."""
    return all(layer.built for layer in model._flatten_layers())


def build_on(model: Any, batch: Batch) -> None:
    """Build layers, metrics, loss and optimizer from the shapes of a batch.

    Raises
    ------
    OptionError
        If the model does not take such a batch.
    """
    try:
        model._symbolic_build(data_batch=_arrays(batch))
    except (ValueError, RuntimeError) as error:
        if keras.backend.backend() == "tensorflow" and isinstance(error, RuntimeError):
            return  # some models can only be traced, which Keras does with the first step
        shapes = keras.tree.map_structure(lambda part: getattr(part, "shape", None), batch.x)
        raise OptionError(
            f"model {model.name!r} cannot be built for a batch with x of shape {shapes}: {error}"
        ) from error


def build_for_prediction(model: Any, x: Any) -> None:
    """Build layers from the inputs of a batch; Keras would pull a batch for that and lose it."""
    with keras.StatelessScope():
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, x))


def check_compiled(model: Any) -> None:
    """Refuse a model without a loss.

    Raises
    ------
    OptionError
        If it is not compiled.
    """
    if not model.compiled:
        raise OptionError(f"model {model.name!r} is not compiled: call model.compile(optimizer, loss) first")


def float_type() -> str:
    """Keras's ``floatx``."""
    return str(keras.config.floatx())


def global_seed() -> int:
    """The seed of ``keras.utils.set_random_seed``, 0 if it was not called."""
    return int(get_random_seed() or 0)


def output_names(model: Any) -> tuple[str, ...]:
    """Names of a model's outputs, in order; empty where they are a dict, or nobody knows them."""
    made_of = getattr(model, "_functional", None) or model
    struct = getattr(made_of, "_outputs_struct", None)
    if struct is None or isinstance(struct, dict):
        return ()
    return tuple(str(name) for name in getattr(made_of, "output_names", None) or ())


def averages_weights(model: Any) -> bool:
    """Whether the optimizer replaces weights by their averages at the end of a ``fit``."""
    return bool(getattr(model.optimizer, "use_ema", False))


@contextmanager
def without_restored_epoch(model: Any) -> Iterator[None]:
    """Inside, ``fit`` begins at the epoch that it is told, and not at one that BackupAndRestore has set."""
    restored, model._initial_epoch = model._initial_epoch, None
    try:
        yield
    finally:
        model._initial_epoch = restored


@contextmanager
def usable_model(model: Any) -> Iterator[None]:
    """In the middle of an epoch: inside, the model may be asked, and afterwards training goes on."""
    sync_state(model)
    training = keras.backend.backend() == "torch" and model.training
    try:
        yield
    finally:
        if training:
            model.train()


def hold_state(model: Any) -> None:
    """Before an epoch's or a pass's first step: let `sync_state` bring back what it took, should it raise.

    Keras's own record of the state begins with the end of that step, and without one the weights are lost.
    """
    if keras.backend.backend() != "jax" or not getattr(model, "_jax_state_synced", True):
        return
    optimizer = getattr(model, "optimizer", None)  # which a model that is not compiled may lack
    parts = {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "metrics_variables": model.metrics_variables,
        "optimizer_variables": [] if optimizer is None else optimizer.variables,
    }
    model._jax_state = {name: [variable.value for variable in variables] for name, variables in parts.items()}


def sync_state(model: Any) -> None:
    """Bring weights, optimizer and metrics back into the model, in the middle of an epoch."""
    if keras.backend.backend() == "jax":
        model.jax_state_sync()


def resume_training_mode(model: Any) -> None:
    """Undo what ``evaluate`` does to a PyTorch module, in the middle of an epoch."""
    if keras.backend.backend() == "torch":
        model.train()


def wait_for_result(result: Any) -> None:
    """Return when a step's result is computed; backends other than JAX compute before they return."""
    if result is not None and keras.backend.backend() == "jax":
        import jax

        for leaf in jax.tree.leaves(result):
            leaf.block_until_ready()


def trainable_values(model: Any) -> list[Any]:
    """The values of all trainable weights, in the middle of an epoch, too; the model stays as it is."""
    if keras.backend.backend() == "jax":
        state = getattr(model, "_jax_state", None)
        if state and not model._jax_state_synced:
            return list(state["trainable_variables"])
    return [variable.value for variable in model.trainable_variables]


def is_computed(value: Any) -> bool:
    """Whether a step's value can be read without waiting, as far as a backend can tell."""
    ready = getattr(value, "is_ready", None)
    return bool(ready()) if callable(ready) else True


def copy_values(variables: Sequence[Any]) -> list[Any]:
    """Copies of variables' values as NumPy arrays."""
    # Variable.numpy() warns on NumPy 2, since a Keras variable's __array__ knows no copy argument.
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


@contextmanager
def without_copy_warning() -> Iterator[None]:
    """Hide what Keras says of itself when it saves: its variables know no ``copy`` argument of NumPy 2."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation doesn't accept a copy keyword")
        yield
