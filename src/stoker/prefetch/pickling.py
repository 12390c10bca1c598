"""Objects on their way to another process of stoker's own and back, large arrays beside the pickle.

Functions and classes of a script's ``__main__`` travel by value, for a child does not run the script again.
"""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cloudpickle
import numpy as np

from stoker.prefetch.wire import Buffer

__all__ = ["culprit", "pack", "pack_exception", "unpack"]

_MOST_DEPTH = 12


def pack(
    thing: Any, *, stand_ins: Mapping[type, type] | None = None, from_child: bool = False
) -> list[Buffer]:
    """Pickle `thing`: the pickle first, then the memory of its arrays, which is not copied.

    Parameters
    ----------
    stand_ins
        Classes to put in the place of others.
    from_child
        Whether `thing` goes back to the process that owns ``__main__``, and finds its classes there.
    """
    stream = io.BytesIO()
    beside: list[Buffer] = []
    _Pickler(stream, lambda buffer: beside.append(buffer.raw()), stand_ins or {}, from_child).dump(thing)
    # Not a view of it: a stream that is garbage with views of itself cannot close, which Python 3.13 tells.
    return [stream.getvalue(), *beside]


def unpack(buffers: list[memoryview]) -> Any:
    """Rebuild what `pack` took apart; arrays are views of the buffers."""
    return cloudpickle.loads(buffers[0], buffers=buffers[1:])


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(
        self,
        file: Any,
        beside: Callable[[Any], None],
        stand_ins: Mapping[type, type],
        from_child: bool = False,
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=beside)
        self._stand_ins = stand_ins
        self._from_child = from_child

    def reducer_override(self, thing: Any) -> Any:
        if type(thing) is np.ndarray and not (thing.flags.forc or thing.dtype.hasobject):
            # Only contiguous memory travels beside the pickle.
            return np.ascontiguousarray(thing).__reduce_ex__(5)
        if isinstance(thing, type):
            stand_in = self._stand_ins.get(thing)
            if stand_in is not None:
                return _itself, (stand_in,)
            if self._from_child and thing.__module__ == "__main__" and "<locals>" not in thing.__qualname__:
                return _class_of_main, (thing.__qualname__, cloudpickle.dumps(thing))
        return super().reducer_override(thing)


def _itself(thing: Any) -> Any:
    return thing


def _class_of_main(name: str, by_value: bytes) -> Any:
    # By value, the script's own class would have its methods replaced by copies with globals of their own.
    found: Any = sys.modules["__main__"]
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else cloudpickle.loads(by_value)


def pack_exception(error: BaseException) -> list[Buffer] | None:
    """Pickle an exception so that it comes back with its type and attributes; None where that cannot be.

    Attributes that cannot be pickled, such as an open connection, stay behind.
    """
    for thing in (error, _Rebuilt(error), _Rebuilt(error, without_unpicklable=True)):
        try:
            buffers = pack(thing, from_child=True)
            back = unpack([memoryview(bytearray(buffer)) for buffer in buffers])
        except Exception:  # an exception's own methods may do anything
            continue
        if type(back) is type(error):
            return buffers
    return None


class _Rebuilt:
    """Pickles as the exception that it holds, whose ``__init__`` is not called again."""

    def __init__(self, error: BaseException, *, without_unpicklable: bool = False) -> None:
        self._error = error
        self._attributes = error.__dict__
        if without_unpicklable:
            parts = error.__dict__.items()
            self._attributes = {name: value for name, value in parts if _failure(value, {}) is None}

    def __reduce__(self) -> Any:
        return _rebuild, (type(self._error), self._error.args, self._attributes)


def _rebuild(
    kind: type[BaseException], arguments: tuple[Any, ...], attributes: dict[str, Any]
) -> BaseException:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


def culprit(
    thing: Any, path: str, *, stand_ins: Mapping[type, type], named: Mapping[str, Any] | None = None
) -> tuple[str, BaseException]:
    """Find the innermost part of `thing` that cannot be pickled: how it is reached, and why.

    Called with what is known to fail. Nothing is kept of what is pickled on the way.

    Parameters
    ----------
    named
        Parts of it that have names of their own, and are tried first.
    """
    for name, part in (named or {}).items():
        if _failure(part, stand_ins) is not None:
            thing, path = part, name
            break
    seen: set[int] = set()
    error = _failure(thing, stand_ins) or TypeError(f"cannot pickle {type(thing).__name__!r} object")
    for _ in range(_MOST_DEPTH):
        seen.add(id(thing))
        for name, part in _parts(thing):
            if id(part) not in seen and (deeper := _failure(part, stand_ins)) is not None:
                thing, path, error = part, path + name, deeper
                break
        else:
            break
    return f"{path}, a {type(thing).__qualname__}", error


def _failure(thing: Any, stand_ins: Mapping[type, type]) -> BaseException | None:
    try:
        _Pickler(_Nowhere(), lambda buffer: None, stand_ins).dump(thing)
    except Exception as error:  # whatever a __reduce__ or __getstate__ raises
        return error
    return None


class _Nowhere:
    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    """What an object is made of, each with how it is written behind the object's own name."""
    if isinstance(thing, types.MethodType):
        yield ".__self__", thing.__self__
        yield ".__func__", thing.__func__
    elif isinstance(thing, types.FunctionType):
        for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True):
            try:
                yield f" → {name}", cell.cell_contents
            except ValueError:  # not assigned yet
                continue
        for name in thing.__code__.co_names:
            if name in thing.__globals__:
                yield f" → {name}", thing.__globals__[name]
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield f"[{key!r}]", value
    elif isinstance(thing, list | tuple | set | frozenset):
        for index, value in enumerate(thing):
            yield f"[{index}]", value
    else:
        for name, value in getattr(thing, "__dict__", {}).items():
            yield f".{name}", value
