"""Puts all the old names on Keras, and takes them away again."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from threading import RLock
from types import ModuleType
from typing import Any

import keras

from stoker.legacy import backend, keras_private
from stoker.legacy.callbacks import patch_callbacks
from stoker.legacy.finder import ALIASES, OldModules, old_attribute, resolve
from stoker.legacy.gone import GONE
from stoker.legacy.layers import patch_layers
from stoker.legacy.models import patch_models
from stoker.legacy.modules import HOMES, NAMES
from stoker.legacy.optimizers import patch_optimizers
from stoker.legacy.patches import Patches
from stoker.legacy.saving import patch_saving

__all__ = ["put_names_back", "take_names_away"]

_lock = RLock()
_installed: Patches | None = None


def put_names_back() -> bool:
    """Install; whether anything was done."""
    global _installed
    with _lock:
        if _installed is not None:
            return False
        patches = Patches()
        try:
            _patch(patches)
        except BaseException:
            patches.undo()
            raise
        _installed = patches
        return True


def take_names_away() -> None:
    """Uninstall; nothing to do without names."""
    global _installed
    with _lock:
        if _installed is not None:
            _installed.undo()
            _installed = None


def _patch(patches: Patches) -> None:
    patch_layers(patches)
    patch_optimizers(patches)
    patch_callbacks(patches)
    patch_saving(patches)
    patch_models(patches, keras_private.Functional)
    keras_private.use_present_scipy(patches)
    _add_names(patches)
    _answer_for_missing_names(patches)
    _find_modules(patches)


def _add_names(patches: Patches) -> None:
    for module, names in NAMES.items():
        for name, place in names.items():
            patches.set(importlib.import_module(module), name, resolve(place))
    for name, function in backend.functions().items():
        # What Keras 3 kept of its backend stays as it is.
        if not hasattr(keras.backend, name):
            patches.set(keras.backend, name, function)


def _answer_for_missing_names(patches: Patches) -> None:
    """Let packages say what became of a name, and import a module that is asked for as an attribute."""
    packages = {full.rpartition(".")[0] for full in (*GONE, *HOMES)} | {"keras.backend"}
    for package in sorted(packages.difference(HOMES)):
        module = sys.modules.get(package)
        if module is not None:
            patches.set(module, "__getattr__", _attribute_of(package))


def _attribute_of(package: str) -> Callable[[str], Any]:
    def attribute(name: str) -> Any:
        return old_attribute(package, name)

    return attribute


def _find_modules(patches: Patches) -> None:
    with_tensorflow = keras.backend.backend() == "tensorflow"
    stand_in = not with_tensorflow and "tensorflow" not in sys.modules
    if stand_in:
        keras_private.hide_tensorflow(patches)
    elif with_tensorflow:
        patches.set(sys.modules["tensorflow"], "keras", keras)
    patches.undoing(_put_modules_back(_take_modules(tuple(ALIASES))))
    finder = OldModules(stand_in=stand_in)
    sys.meta_path.insert(0, finder)
    patches.undoing(lambda: _remove(finder))


def _take_modules(packages: tuple[str, ...]) -> dict[str, ModuleType]:
    """Take out of ``sys.modules`` what the finder is to answer for."""
    below = tuple(f"{package}." for package in packages)
    taken = {
        name: module for name, module in sys.modules.items() if name in packages or name.startswith(below)
    }
    for name in taken:
        del sys.modules[name]
    return taken


def _put_modules_back(taken: dict[str, ModuleType]) -> Callable[[], None]:
    return lambda: sys.modules.update(taken)


def _remove(finder: OldModules) -> None:
    finder.forget()
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
