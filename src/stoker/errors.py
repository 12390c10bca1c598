"""The errors that stoker raises.

::

    StokerError
    ├── OptionError (ValueError)     an argument or flag that cannot be, or has no effect
    ├── DataError (ValueError)       what a file holds cannot be trained on
    │   ├── BadRowError              rows that cannot be parsed
    │   ├── ColumnError              a column that is absent or cannot be used as it is
    │   └── ChangedDataError         a file is not what the survey saw
    ├── FetchError                   a data set that cannot be downloaded, or is not what it should be
    ├── MemoryBudgetError            `memory` is too small for one window
    ├── RunError                     a run directory that cannot be used
    ├── NonFiniteLossError (ArithmeticError)   training came to a loss or a weight that is no finite number
    ├── WorkerError (RuntimeError)   a worker died or was shut down
    └── MissingExtraError (ImportError)   an optional dependency is not installed

Every message says what happened, where (file, line, row), what was received and the way out. The command
line prints the message alone and exits with code 2, for a NonFiniteLossError with 3; a traceback is for
programs.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BadRowError",
    "ChangedDataError",
    "ColumnError",
    "DataError",
    "FetchError",
    "MemoryBudgetError",
    "MissingExtraError",
    "NonFiniteLossError",
    "OptionError",
    "RunError",
    "StokerError",
    "WorkerError",
]


class StokerError(Exception):
    """The base of every error that stoker raises on purpose.

    Attributes
    ----------
    machine
        Of several that work together, the one that alone may see it so: its files cannot be read, or are
        others. Empty elsewhere.
    """

    machine: str = ""


class OfThisMachine:
    """Marks what the system or a store answers to one machine, and may not to another; OSErrors are such."""


class OptionError(StokerError, ValueError):
    """An argument or flag that cannot be, contradicts another, or would have no effect."""


class DataError(StokerError, ValueError):
    """What a file holds cannot be read or trained on."""


class BadRowError(DataError):
    """Rows that cannot be parsed, under ``on_bad_row="error"`` or beyond ``max_bad_rows``."""


class ColumnError(DataError):
    """A column that is absent, or that cannot be used as it is."""


class ChangedDataError(DataError):
    """A file no longer holds what the survey saw."""


class FetchError(StokerError):
    """A data set cannot be downloaded, or what came is not what it should be; nothing of it is kept."""


class MemoryBudgetError(StokerError):
    """The memory budget is too small for a single window."""


class RunError(StokerError):
    """A run directory that cannot be used: absent, incomplete, damaged or made by another plan."""


class NonFiniteLossError(StokerError, ArithmeticError):
    """Training came to a loss, or to weights, that are no finite numbers.

    Attributes
    ----------
    first_step, last_step
        The first step that did is one of these, counted from 1 over the run; the same where it was found.
        `last_step` is 0 where the weights were none before any step.
    epoch, batch
        Of that step, counted from 0; None where it was not found.
    row_ids
        Of its rows, in the order of the batch; empty where it was not found, or where rows have no ids.
    """

    def __init__(
        self,
        message: str,
        *,
        first_step: int,
        last_step: int,
        epoch: int | None = None,
        batch: int | None = None,
        row_ids: Sequence[int] = (),
    ) -> None:
        super().__init__(message)
        self.first_step = first_step
        self.last_step = last_step
        self.epoch = epoch
        self.batch = batch
        self.row_ids = tuple(row_ids)


class WorkerError(StokerError, RuntimeError):
    """A worker died or was shut down before it delivered its result."""


class MissingExtraError(StokerError, ImportError):
    """An optional dependency is not installed; the message names the command that installs it."""
