"""``ImageDataGenerator`` whose batches can be computed by several threads and by processes."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from stoker.legacy import keras_private

__all__ = ["ImageDataGenerator"]


class ImageDataGenerator(keras_private.ImageDataGenerator):  # type: ignore[misc]  # Keras is untyped
    """Keras's own generator of augmented images; what it flows can be pickled.

    The order of an epoch is settled once, in the parent: Keras's iterators draw it when a batch is first
    asked for, so that each worker would draw its own, and images would repeat and vanish. With a seed,
    what is drawn depends on the epoch and the batch's number, and not on which worker comes first.
    """

    def flow(self, *arguments: Any, **options: Any) -> Any:
        """Batches of the arrays ``x`` and ``y``."""
        return _adopted(super().flow(*arguments, **options))

    def flow_from_directory(self, *arguments: Any, **options: Any) -> Any:
        """Batches of the images in a folder, one subfolder a class."""
        return _adopted(super().flow_from_directory(*arguments, **options))

    def flow_from_dataframe(self, *arguments: Any, **options: Any) -> Any:
        """Batches of the images that a frame names."""
        return _adopted(super().flow_from_dataframe(*arguments, **options))


class _Shared:
    """Mixed into one of Keras's iterators: one order for all workers, and no lock in its pickle."""

    lock: Any
    index_array: Any
    seed: int | None
    total_batches_seen: int
    _batches_before = 0
    """Batches of the passes before this one."""

    def __getitem__(self, index: int) -> Any:
        self._settle_order()
        # What Keras adds to the seed; a worker process would count the batches of its own alone.
        self.total_batches_seen = self._batches_before + index
        return super().__getitem__(index)  # type: ignore[misc]

    def on_epoch_end(self) -> None:
        """Draw the order of the next pass."""
        self._batches_before += len(self)  # type: ignore[arg-type]
        self.index_array = None
        self._settle_order()

    def _settle_order(self) -> None:
        with self.lock:
            if self.index_array is not None:
                return
            if self.seed is not None:
                np.random.seed(self.seed + self._batches_before)
            self._set_index_array()  # type: ignore[attr-defined]

    def __reduce__(self) -> Any:
        self._settle_order()
        state = {name: value for name, value in vars(self).items() if name not in ("lock", "index_generator")}
        return _revived, (type(self).__mro__[2], state)


_ADOPTED: dict[type, type] = {}


def _adopted(iterator: Any) -> Any:
    """The same iterator, as one of ours."""
    kind = type(iterator)
    if kind not in _ADOPTED:
        _ADOPTED[kind] = type(kind.__name__, (_Shared, kind), {"__module__": __name__})
    iterator.__class__ = _ADOPTED[kind]
    return iterator


def _revived(kind: Any, state: dict[str, Any]) -> Any:
    iterator = kind.__new__(kind)
    vars(iterator).update(state)
    iterator.lock = threading.Lock()
    iterator.index_generator = iterator._flow_index()
    return _adopted(iterator)
