"""Flags shared by commands, written once as the fields of a dataclass."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

__all__ = ["flattened"]


def flattened(function: Callable[..., None]) -> Callable[..., None]:
    """Put the fields of each dataclass parameter into the signature, where Typer makes flags of them.

    So are those of a field that is a dataclass itself. The wrapped function gets the dataclasses built from
    the flags' values. Field names must differ.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if _is_group(hint):
            groups[parameter.name] = hint
            parameters.extend(_parameters(hint))
        else:
            parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def command(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = _built(group, values)
        function(**values)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {made.name: made.annotation for made in parameters}
    return command


def _is_group(hint: Any) -> bool:
    return is_dataclass(hint) and isinstance(hint, type)


def _members(group: type) -> Iterator[tuple[Field[Any], Any]]:
    """Fields and their types."""
    hints = get_type_hints(group, include_extras=True)
    return ((each, hints[each.name]) for each in fields(group))


def _parameters(group: type) -> Iterator[inspect.Parameter]:
    for member, hint in _members(group):
        if _is_group(hint):
            yield from _parameters(hint)
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            yield inspect.Parameter(member.name, kind, default=_default(member), annotation=hint)


def _built(group: type, values: dict[str, Any]) -> Any:
    """A group of its members' values, which are taken out."""
    found = {
        member.name: _built(hint, values) if _is_group(hint) else values.pop(member.name)
        for member, hint in _members(group)
    }
    return group(**found)


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default
