"""Who looks on when a script makes one of the old calls, and may act in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

__all__ = ["Observer", "observed", "observing"]


class Observer(Protocol):
    """Is told of every call of ``fit_generator``, ``evaluate_generator`` and ``predict_generator``."""

    def called(self, name: str, arguments: Mapping[str, Any], go_on: Callable[[], Any]) -> Any:
        """Answer a call.

        Parameters
        ----------
        name
            ``"fit_generator"``, ``"evaluate_generator"`` or ``"predict_generator"``.
        arguments
            All of its arguments by name, ``model`` and ``generator`` among them.
        go_on
            Makes the call and gives its result.

        Returns
        -------
        What the script gets.
        """
        ...


_observers: list[Observer] = []


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Inside, `observer` answers the old calls; the innermost one alone."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def observed(name: str, arguments: Mapping[str, Any], go_on: Callable[[], Any]) -> Any:
    """Make a call, or let the observer answer it; what the observer itself calls is not observed."""
    if not _observers:
        return go_on()
    observer = _observers.pop()
    try:
        return observer.called(name, arguments, go_on)
    finally:
        _observers.append(observer)
