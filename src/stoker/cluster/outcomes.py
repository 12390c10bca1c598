"""How a training on several hosts ended, on its way to the program that began it."""

from __future__ import annotations

import re
import socket
import traceback
from dataclasses import dataclass
from typing import Any

from stoker.errors import ChangedDataError, OfThisMachine, StokerError, WorkerError
from stoker.signals import raise_for

__all__ = ["Outcome", "failed", "is_of_a_lost_host"]

_OF_THE_LINE = re.compile(r"\bGloo \w+ failed\b|\bCoordination service\b", re.IGNORECASE)
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


def failed(error: Exception, host: int | str, lacks: str = "") -> Outcome:
    """The outcome of an error; others than stoker's own are told with their traceback.

    Parameters
    ----------
    error
        What was raised here. That files cannot be read, or are not what was surveyed, is told with the
        machine that sees it.
    host
        The number of the process among those that train together, or the machine's name.
    lacks
        The folder where the program was started, if this machine has no such folder, which may be why.

    Examples
    --------
    >>> failed(ValueError("no such thing"), 1).error[0].__name__
    'WorkerError'
    """
    machine = socket.gethostname()
    why = f"; {machine} has no folder {lacks}, where the program was started" if lacks else ""
    if not isinstance(error, StokerError):
        told = "".join(traceback.format_exception(error)).rstrip()
        said = f"host {host} failed with {type(error).__name__}: {error}{why}\n{told}"
        return Outcome(error=(WorkerError, said))
    facts = _plain(vars(error))
    if error.machine or not _is_of_this_machine(error):
        return Outcome(error=(type(error), str(error)), facts=facts)
    said = f"as seen by host {machine}: {error}{why}"
    return Outcome(error=(type(error), said), facts=facts | {"machine": machine})


def _is_of_this_machine(error: StokerError) -> bool:
    """Whether others may see it otherwise."""
    return isinstance(error, ChangedDataError) or isinstance(error.__cause__, OSError | OfThisMachine)


def is_of_a_lost_host(error: BaseException) -> bool:
    """Whether an error may say no more than that another process is gone, whose end is the one to tell."""
    # What JAX finds before it begins a program is a ValueError.
    return type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError") or (
        isinstance(error, ValueError) and _OF_THE_LINE.search(str(error)) is not None
    )


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Those that mean the same in another process."""
    return {name: value for name, value in facts.items() if isinstance(value, _PLAIN)}
