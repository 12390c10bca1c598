"""The best model of a training: which it is, its file or what it is owed, and the memory of its copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from stoker.ledger import Ledger
from stoker.training.adapter import copy_values
from stoker.training.artifacts import BEST, ModelFiles
from stoker.training.monitor import Monitor
from stoker.training.owed import OwedModel
from stoker.training.unwritten import Unwritten

__all__ = ["BestModel"]


class BestModel:
    """Observes validations, and has the model that is the best written.

    Parameters
    ----------
    model
        What is trained.
    monitor
        Tells which is the best; None where nothing does.
    files
        Where it is saved; None where it is not.
    unwritten
        Writes its file, or owes it.
    ledger
        Charged for copies; None where there is none.

    Attributes
    ----------
    owed
        The best model, where its file could not be written yet.
    """

    def __init__(
        self,
        model: Any,
        monitor: Monitor | None,
        files: ModelFiles | None,
        unwritten: Unwritten,
        ledger: Ledger | None,
    ) -> None:
        self._model = model
        self._monitor = monitor
        self._files = files
        self._unwritten = unwritten
        self._ledger = ledger
        self.owed: OwedModel | None = None

    @property
    def is_by_validation(self) -> bool:
        """Whether what tells it is known by validating."""
        return self._monitor is not None and self._monitor.name.startswith("val_")

    @property
    def is_passed(self) -> bool:
        """Whether so many validations went by without a better one that training stops."""
        return self._monitor is not None and self._monitor.stopped

    @property
    def owed_arrays(self) -> Sequence[Any]:
        """Those of the model that is owed."""
        return () if self.owed is None else (*self.owed.weights, *self.owed.optimizer)

    def observe(self, logs: Mapping[str, float], *, step: int, epoch: int) -> bool:
        """Take note of a validation of the model as it is now; True if that is the best so far."""
        if self._monitor is None:
            return False
        best = self._monitor.observe(logs, step=step, epoch=epoch, weights=self._copied_weights)
        if best and self._files is not None:
            self._save(self._monitor, self._files)
        return best

    def go_on(self, owed: OwedModel | None) -> None:
        """Take up what a checkpoint tells that is owed."""
        if owed is not None and self._files is not None:
            self._owe(owed)
            self.charge(self.owed_arrays)

    def charge(self, arrays: Sequence[Any]) -> None:
        """Have the ledger tell these arrays for as long as anybody holds them."""
        if self._ledger is not None:
            for array in arrays:
                self._ledger.tie_aside("best weights", array.nbytes, array)

    def _save(self, monitor: Monitor, files: ModelFiles) -> None:
        self.owed = None
        if not self._unwritten.write(BEST, partial(files.save_best, self._model)):
            owed = OwedModel.taken(self._model, monitor.weights or self._copied_weights())
            self.charge(owed.optimizer)
            self._owe(owed)

    def _owe(self, owed: OwedModel) -> None:
        self.owed = owed
        self._unwritten.owe(BEST, self._pay)

    def _pay(self) -> None:
        assert self._files is not None
        self._files.save_best(self._model, self.owed)
        self.owed = None

    def _copied_weights(self) -> list[Any]:
        """The model's weights, to be held."""
        copied = copy_values(self._model.weights)
        self.charge(copied)
        return copied
