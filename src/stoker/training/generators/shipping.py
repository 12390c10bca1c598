"""What a worker process gets in place of what cannot travel: a generator anew, a base class without Keras."""

from __future__ import annotations

import inspect
import types
from dataclasses import replace
from typing import Any

from stoker.errors import OptionError

__all__ = ["StandIn", "packed", "parts", "twin"]


class StandIn:
    """Base class of a user's Sequence in a worker process, which has no Keras."""

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, **options: Any) -> None:
        for name, value in options.items():
            setattr(self, name, value)

    def on_epoch_begin(self) -> None:
        """Nothing, as in Keras."""

    def on_epoch_end(self) -> None:
        """Nothing, as in Keras."""


class FreshGenerator:
    """A generator that nobody has advanced yet, made again where it arrives.

    Raises
    ------
    OptionError
        If it was advanced already.
    """

    def __init__(self, generator: types.GeneratorType[Any, Any, Any]) -> None:
        if inspect.getgeneratorstate(generator) != inspect.GEN_CREATED:
            raise OptionError(
                f"the generator {generator.__name__!r} was advanced already and cannot be sent to a worker "
                "process: pass a new one, use threads (use_multiprocessing=False), or make it a "
                "keras.utils.Sequence"
            )
        code, frame = generator.gi_code, generator.gi_frame
        assert frame is not None
        found = frame.f_locals
        cells = tuple(types.CellType(found[name]) for name in code.co_freevars)
        self._function = types.FunctionType(code, frame.f_globals, generator.__name__, None, cells or None)
        self._function.__qualname__ = generator.__qualname__
        named, keywords = code.co_argcount, code.co_kwonlyargcount
        names = code.co_varnames
        self._arguments = [found[name] for name in names[:named]]
        self._keywords = {name: found[name] for name in names[named : named + keywords]}
        if code.co_flags & inspect.CO_VARARGS:
            self._arguments += found[names[named + keywords]]
        if code.co_flags & inspect.CO_VARKEYWORDS:
            self._keywords |= found[names[named + keywords + bool(code.co_flags & inspect.CO_VARARGS)]]

    def parts(self) -> dict[str, Any]:
        """What the generator has to take along, as its function has it."""
        code, name = self._function.__code__, self._function.__name__
        named = dict(zip(code.co_varnames, self._arguments, strict=False)) | self._keywords
        return {f"{name}({key}=…)": value for key, value in named.items()} | {name: self._function}

    def __reduce__(self) -> tuple[Any, ...]:
        return _started, (self._function, self._arguments, self._keywords)


def _started(function: Any, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    return function(*arguments, **keywords)


def twin(generator: types.GeneratorType[Any, Any, Any]) -> Any:
    """A generator like the one that a worker process gets; advancing it leaves this one as it is.

    Raises
    ------
    OptionError
        If it was advanced already.
    Exception
        What pickling raises of an argument that cannot be sent to a process.
    """
    import cloudpickle

    return cloudpickle.loads(cloudpickle.dumps(FreshGenerator(generator)))


def packed(function: Any) -> Any:
    """The same function, with a generator inside of it in a form that can be pickled."""
    iterator = getattr(function, "iterator", None)
    if isinstance(iterator, types.GeneratorType):
        return replace(function, iterator=FreshGenerator(iterator))
    return function


def parts(function: Any) -> dict[str, Any]:
    """What a user passed, in a function that `packed` returned, by the name that the user gave it."""
    passed = getattr(function, "sequence", getattr(function, "iterator", None))
    if isinstance(passed, FreshGenerator):
        return passed.parts()
    return {} if passed is None else {type(passed).__qualname__: passed}
