"""How a training on several hosts ended, on its way to the program that began it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

from stoker.errors import StokerError, WorkerError
from stoker.signals import raise_for

__all__ = ["Outcome", "failed", "is_of_a_lost_host"]

_PLAIN = (int, float, str, tuple, type(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out: a value, an error to raise, or the signal that ended it.

    Attributes
    ----------
    value
        What the function gave on the first host.
    error, facts
        The error's class and message, and its attributes; None where there is none.
    signal
        The number of the signal by which it was stopped, 0 where it was not.
    """

    value: Any = None
    error: tuple[type[BaseException], str] | None = None
    facts: dict[str, Any] | None = None
    signal: int = 0

    def taken(self) -> Any:
        """The value; raises what there is to raise."""
        if self.signal:
            raise_for(self.signal)
        if self.error is None:
            return self.value
        kind, message = self.error
        found = kind.__new__(kind, message)
        found.args = (message,)
        found.__dict__.update(self.facts or {})
        raise found


def failed(error: Exception, rank: int) -> Outcome:
    """The outcome of an error; others than stoker's own are told with their traceback.

    Examples
    --------
    >>> failed(ValueError("no such thing"), 1).error[0].__name__
    'WorkerError'
    """
    if isinstance(error, StokerError):
        return Outcome(error=(type(error), str(error)), facts=_plain(vars(error)))
    told = "".join(traceback.format_exception(error)).rstrip()
    return Outcome(error=(WorkerError, f"host {rank} failed with {type(error).__name__}: {error}\n{told}"))


def is_of_a_lost_host(error: BaseException) -> bool:
    """Whether an error may say no more than that another process is gone, whose end is the one to tell."""
    return type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Those that mean the same in another process."""
    return {name: value for name, value in facts.items() if isinstance(value, _PLAIN)}
