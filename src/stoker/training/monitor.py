"""Which validation was the best so far, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stoker.checkpoints import Checkpoint, MonitorRecord
from stoker.errors import OptionError
from stoker.similar import most_like

__all__ = ["Monitor", "check_monitor", "infer_direction", "parse_monitor"]

_USUAL = ("loss", "accuracy", "mae")
"""What stoker's own models log, by the task, beside the metrics that are named."""

_UP = ("acc", "accuracy", "auc", "precision", "recall", "score", "iou", "r2", "similarity", "f1")
_DOWN = (
    "loss",
    "error",
    "crossentropy",
    "entropy",
    "mse",
    "mae",
    "rmse",
    "msle",
    "mape",
    "divergence",
    "logcosh",
)


def infer_direction(name: str, declared: str | None = None) -> str:
    """``"max"`` for what should grow, ``"min"`` for what should shrink.

    Parameters
    ----------
    name
        A logged name, such as ``"val_auc"``.
    declared
        What the metric itself says, which decides.

    Raises
    ------
    OptionError
        If neither the metric nor its name tells.

    Examples
    --------
    >>> infer_direction("val_loss"), infer_direction("val_auc")
    ('min', 'max')
    """
    if declared is not None:
        return declared
    words = name.lower().removeprefix("val_").split("_")
    if any(word in _DOWN for word in words):
        return "min"
    if any(word in _UP for word in words):
        return "max"
    raise OptionError(
        f"whether {name!r} should grow or shrink is unknown: write 'max:{name}' or 'min:{name}'"
    )


def parse_monitor(text: str) -> tuple[str, str]:
    """Direction, or "", and name of what is monitored.

    Raises
    ------
    OptionError
        If there is another direction.

    Examples
    --------
    >>> parse_monitor("max:val_auc"), parse_monitor("val_loss")
    (('max', 'val_auc'), ('', 'val_loss'))
    """
    direction, _, name = text.rpartition(":")
    if direction not in ("", "min", "max"):
        raise OptionError(f"monitor must be a name, 'min:name' or 'max:name', got {text!r}")
    return direction, name


def check_monitor(text: str, metrics: Sequence[str]) -> None:
    """Refuse what none of stoker's models would log, before anything is known of the data.

    Parameters
    ----------
    text
        A name, perhaps with its direction. What an output of several logs begins with the output's name.
    metrics
        Names of those that the model is to have.

    Raises
    ------
    OptionError
        If it is not logged, whatever the task is.

    Examples
    --------
    >>> check_monitor("max:val_auc", ["auc"])
    >>> check_monitor("val_sold_accuracy", [])
    """
    _, name = parse_monitor(text)
    base = name.removeprefix("val_")
    logged = list(dict.fromkeys([*_USUAL, *metrics]))
    if base in logged or any(base.endswith(f"_{each}") for each in logged):
        return
    near = most_like(base, logged)
    prefix = "val_" if name.startswith("val_") else ""
    hint = "" if near is None else f"; did you mean {prefix + near!r}?"
    raise OptionError(
        f"monitor {name!r} is not logged; logged are loss, accuracy or mae by the task, what metrics= names, "
        f"and each of them with val_ in front{hint}"
    )


class Monitor:
    """Remembers the best value of one logged name, and perhaps the weights that had it.

    Parameters
    ----------
    name
        The logged name, ``"val_loss"`` for example.
    direction
        ``"min"`` or ``"max"``.
    patience
        Validations without improvement after which to stop; None never stops.

    Attributes
    ----------
    best, best_step, best_epoch
        The best value and where it was seen; None before the first.
    """

    def __init__(self, name: str, direction: str, *, patience: int | None = None) -> None:
        if patience is not None and patience < 0:
            raise OptionError(f"early_stopping must be None or at least 0 validations, got {patience}")
        self.name = name
        self.direction = direction
        self.best: float | None = None
        self.best_step: int | None = None
        self.best_epoch: int | None = None
        self.stopped = False
        self._patience = patience
        self._without = 0
        self._weights: Sequence[Any] | None = None

    @property
    def weights(self) -> Sequence[Any]:
        """The best weights; none where they are not kept, or nothing was observed."""
        return () if self._weights is None else self._weights

    def observe(
        self, logs: Mapping[str, float], *, step: int, epoch: int, weights: Callable[[], Sequence[Any]]
    ) -> bool:
        """Take note of a validation; True if it is the best so far.

        Raises
        ------
        OptionError
            If the name is not among the logged ones, which the message lists.
        """
        if self.name not in logs:
            raise OptionError(f"monitor {self.name!r} is not logged; logged are {', '.join(sorted(logs))}")
        value = float(logs[self.name])
        if self._better(value):
            self.best, self.best_step, self.best_epoch = value, step, epoch
            self._without = 0
            if self._patience is not None:
                self._weights = weights()
            return True
        self._without += 1
        self.stopped = self._patience is not None and self._without >= max(1, self._patience)
        return False

    def restore(self, model: Any) -> bool:
        """Give the model its best weights back, if they were kept; True if so."""
        if self._weights is None:
            return False
        model.set_weights(self._weights)
        return True

    def record(self, arrays: dict[str, Any]) -> MonitorRecord:
        """What it remembers, for a checkpoint; the best weights, never written again, go to `arrays`."""
        kept: list[str] | None = None
        if self._weights is not None:
            kept = [f"best-{place}" for place in range(len(self._weights))]
            arrays.update(zip(kept, self._weights, strict=True))
        return MonitorRecord(
            name=self.name,
            direction=self.direction,
            best=self.best,
            best_step=self.best_step,
            best_epoch=self.best_epoch,
            without=self._without,
            stopped=self.stopped,
            weights=kept,
        )

    def go_on(self, record: MonitorRecord, checkpoint: Checkpoint) -> None:
        """Remember what `record` told."""
        self.best, self.best_step, self.best_epoch = record.best, record.best_step, record.best_epoch
        self._without, self.stopped = record.without, record.stopped
        if record.weights is not None:
            self._weights = [checkpoint.array(name) for name in record.weights]

    def _better(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        if self.best is None:
            return True
        return value < self.best if self.direction == "min" else value > self.best
