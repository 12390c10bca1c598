"""Changes to foreign modules and classes, each of which can be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Patches"]

_ABSENT = object()


class Patches:
    """Attributes set on foreign objects, and how to put back what was there.

    Examples
    --------
    >>> class Layer: pass
    >>> patches = Patches()
    >>> patches.set(Layer, "rate", 2)
    >>> patches.undo()
    >>> hasattr(Layer, "rate")
    False
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a module, a class or an object."""
        # Not getattr: of a class it would bind methods and read properties, and find what is inherited.
        before = vars(owner).get(name, _ABSENT)
        setattr(owner, name, value)
        self._undo.append(lambda: _restore(owner, name, before))

    def set_where_defined(self, cls: type, name: str, value: Any) -> None:
        """Set an attribute on the class that `cls` has it from: Keras asks whether a class overrides some."""
        self.set(next(owner for owner in cls.__mro__ if name in vars(owner)), name, value)

    def undoing(self, action: Callable[[], None]) -> None:
        """Call this, too, when everything is undone."""
        self._undo.append(action)

    def undo(self) -> None:
        """Put everything back, the last change first."""
        while self._undo:
            self._undo.pop()()


def _restore(owner: Any, name: str, before: object) -> None:
    if before is not _ABSENT:
        setattr(owner, name, before)
    elif name in vars(owner):
        delattr(owner, name)
