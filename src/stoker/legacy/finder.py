"""Imports of modules that Keras 3 has no more, answered by one meta path finder with explicit tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from stoker.legacy.gone import sentence_for
from stoker.legacy.modules import HOMES

__all__ = ["ALIASES", "OldModules", "old_attribute", "resolve"]

ALIASES = {
    "tensorflow.keras": "keras",
    "tensorflow.python.keras": "keras",
    "keras_preprocessing": "keras.preprocessing",
}
"""Packages that stand for one of Keras, with all that is below them."""
_TENSORFLOW = ("tensorflow", "tensorflow.python")


class OldModules(MetaPathFinder, Loader):
    """Finds and makes the modules of the table, the aliases of Keras, and a stand-in for TensorFlow.

    Parameters
    ----------
    stand_in
        Whether to answer for ``tensorflow`` itself, too.
    """

    def __init__(self, *, stand_in: bool) -> None:
        self._stand_in = stand_in
        self._loaded: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the tables' names alone; a name that is gone is an ImportError with its sentence."""
        sentence = _sentence_of(_in_keras(fullname))
        if sentence is not None:
            raise ImportError(sentence, name=fullname)
        if fullname in HOMES or _is_alias(fullname):
            return ModuleSpec(fullname, self, is_package=True)
        if not self._stand_in or fullname.partition(".")[0] != "tensorflow":
            return None
        if fullname in _TENSORFLOW:
            return ModuleSpec(fullname, self, is_package=True)
        # A name other than the missing one: else `from tensorflow import x` would swallow the sentence.
        raise ModuleNotFoundError(_of_stand_in(fullname), name="tensorflow")

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make a module whose names are looked up in its homes."""
        if spec.name in _TENSORFLOW:
            return _StandIn(spec.name)
        if spec.name in HOMES:
            return _Moved(spec.name)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill it; an alias of a Keras module becomes that module."""
        name = module.__name__
        if _is_alias(name):
            sys.modules[name] = import_module(_in_keras(name))
        self._loaded.append(name)

    def forget(self) -> None:
        """Take out of ``sys.modules``, and off the packages they hang on, all modules that were made."""
        for name in reversed(self._loaded):
            module = sys.modules.pop(name, None)
            package, _, child = name.rpartition(".")
            parent = sys.modules.get(package)
            if parent is not None and not _is_alias(name) and vars(parent).get(child) is module:
                delattr(parent, child)
        self._loaded.clear()


def resolve(place: str) -> Any:
    """The object that ``module:name`` says."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def old_attribute(package: str, name: str) -> Any:
    """A module of the table as an attribute of its package, without an import of its own.

    Raises
    ------
    AttributeError
        With the sentence of a name that is gone, else as Python says it.
    """
    full = f"{package}.{name}"
    if full in HOMES:
        return import_module(full)
    raise AttributeError(_sentence_of(full) or f"module {package!r} has no attribute {name!r}", name=name)


class _Moved(ModuleType):
    """A module of Keras 2: every name is looked up where it is now, when it is asked for.

    It travels to worker processes, where nothing is installed, and imports Keras there only if it must.
    """

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [each for home in self._homes() for each in vars(home) if not each.startswith("_")]
        if name.startswith("__"):
            raise AttributeError(name)
        for home in self._homes():
            if name in vars(home):
                return vars(home)[name]
        return old_attribute(self.__name__, name)

    def _homes(self) -> list[ModuleType]:
        return [import_module(home) for home in HOMES[self.__name__]]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.__all__]

    def __reduce__(self) -> Any:
        return _Moved, (self.__name__,)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Refuse the function ``merge`` of Keras 1, whose name is that of a module in Keras 2."""
        raise TypeError(
            f"{self.__name__} is a module since Keras 2: use keras.layers.concatenate, add, multiply, "
            "average or dot instead of merge(…, mode=…)"
        )


class _StandIn(ModuleType):
    """``tensorflow`` where there is none: ``tf.keras`` is Keras, and that is all."""

    def __getattr__(self, name: str) -> Any:
        if name == "keras":
            return import_module("keras")
        if name == "python" and self.__name__ == "tensorflow":
            return import_module("tensorflow.python")
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(_of_stand_in(f"{self.__name__}.{name}"))

    def __reduce__(self) -> Any:
        return _StandIn, (self.__name__,)


def _of_stand_in(name: str) -> str:
    backend = import_module("keras").backend.backend()
    return (
        f"{name} is not there: under stoker.legacy `tensorflow` stands for tensorflow.keras alone, on the "
        f"backend {backend}; install TensorFlow and set KERAS_BACKEND=tensorflow to have it"
    )


def _sentence_of(name: str) -> str | None:
    """The sentence for a name that is gone, also by way of an old module."""
    package, _, last = name.rpartition(".")
    found = (sentence_for(f"{place}.{last}") for place in (package, *HOMES.get(package, ())))
    return next((sentence for sentence in found if sentence is not None), None)


def _is_alias(name: str) -> bool:
    return any(name == alias or name.startswith(f"{alias}.") for alias in ALIASES)


def _in_keras(name: str) -> str:
    for alias, package in ALIASES.items():
        if name == alias or name.startswith(f"{alias}."):
            return f"{package}{name[len(alias) :]}"
    return name
