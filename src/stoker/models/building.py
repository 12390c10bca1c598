"""Models by name: stoker's own, and a door for a function of one's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, cast

from stoker import backends
from stoker.errors import OptionError
from stoker.models.convolutional import cnn
from stoker.models.measuring import check_metrics
from stoker.models.parts import HasSpec, kind_given, spec_of
from stoker.models.perceptrons import linear, mlp
from stoker.models.separable import sepcnn
from stoker.similar import most_like
from stoker.types import FeedSpec

__all__ = ["build", "check"]

_NAMES = ("auto", "mlp", "linear", "sepcnn", "cnn")
_AUTO = {"tokens": "sepcnn", "images": "cnn"}
"""What ``auto`` is where it is not mlp."""


def build(name: str, feed: FeedSpec | HasSpec, **options: Any) -> Any:
    """A model by name: ``mlp``, ``linear``, ``sepcnn``, ``cnn``, ``auto``, or ``package.module:build``.

    Parameters
    ----------
    name
        ``"auto"`` is sepcnn for sequences of words, cnn for images and mlp otherwise.
        ``"package.module:function"`` calls ``function(spec)`` of your own, which returns a compiled
        ``keras.Model``.
    feed
        A feed, or its spec.
    **options
        Options of `mlp`, `linear`, `sepcnn` or `cnn`; a function of your own takes none.

    Raises
    ------
    OptionError
        If there is no such model, module or function, or it did not return a compiled ``keras.Model``.
    """
    check(name, **options)
    spec = spec_of(feed)
    known: dict[str, Callable[..., Any]] = {"mlp": mlp, "linear": linear, "sepcnn": sepcnn, "cnn": cnn}
    if name == "auto":
        name = _AUTO.get(kind_given(spec), "mlp")
    if name not in known:
        return _call_builder(name, spec)
    try:
        return known[name](feed, **options)
    except TypeError as error:
        raise OptionError(f"model {name!r} does not take these options: {error}") from error


def check(name: str, **options: Any) -> None:
    """Refuse a model's name and options that `build` would refuse, before anything is known of the data.

    Raises
    ------
    OptionError
        If there is no such model, module, function or metric, or an option has no effect on it.
    """
    if not options.get("learning_rate", 1.0) > 0:
        raise OptionError(f"learning_rate must be positive, got {options['learning_rate']}")
    if name in _NAMES:
        if options.get("embeddings") is not None and name in ("mlp", "linear", "cnn"):
            raise OptionError(f"embeddings has no effect on {name}, which knows no single words: take sepcnn")
        check_metrics(options.get("metrics"))
        return
    if ":" not in name:
        near = most_like(name, _NAMES)
        hint = "" if near is None else f"; did you mean {near}?"
        known = ", ".join(_NAMES)
        raise OptionError(f"model must be {known} or package.module:build, got {name!r}{hint}")
    if options:
        raise OptionError(f"{', '.join(sorted(options))} has no effect on a model of your own ({name})")
    _find_builder(name)


def _find_builder(name: str) -> Callable[[FeedSpec], Any]:
    """The function that ``"package.module:function"`` names."""
    backends.choose()
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise OptionError(f"model must be package.module:build, with a name on both sides, got {name!r}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise
        raise OptionError(
            f"model {name!r}: there is no module {module_name!r}; is its folder on the Python path?"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise OptionError(f"model {name!r}: {module_name} has no function {function_name!r}")
    return cast("Callable[[FeedSpec], Any]", function)


def _call_builder(name: str, spec: FeedSpec) -> Any:
    function = _find_builder(name)
    import keras

    model = function(spec)
    if not isinstance(model, keras.Model):
        raise OptionError(f"model {name!r} must return a keras.Model, got {type(model).__name__}")
    if not model.compiled:
        raise OptionError(f"model {name!r} is not compiled: call model.compile(...) before returning it")
    return model
