"""``--config FILE``: flags from a TOML file, under the same names; the command line's go before it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import typer.core

from stoker.cli.flags import library_names
from stoker.cli.words import listed
from stoker.errors import OptionError
from stoker.similar import most_like

__all__ = ["apply_config", "forget_config", "with_config"]

_OWN = ("config", "help")


@dataclass(frozen=True, slots=True)
class _Given:
    """What a file says: by flag its value, and the command's name for it."""

    path: str
    values: Mapping[str, Any]
    names: Mapping[str, str]
    context: typer.Context


_given: ContextVar[_Given | None] = ContextVar("given", default=None)


def apply_config(context: typer.Context, path: str | None) -> str | None:
    """Read a file of flags and make its values the defaults of a command; the callback of ``--config``.

    Raises
    ------
    OptionError
        If it cannot be read, is no TOML, or holds what no flag takes.
    """
    if path is None or context.resilient_parsing:
        return path
    given = _read(path)
    known = _known(context)
    values: dict[str, Any] = {}
    for key, value in given.items():
        option = known.get(key)
        if option is None:
            raise OptionError(f"{path}: there is no flag {key!r}{_nearest(key, known)}")
        values[str(option.name)] = _value(option, value, f"{path}: {key}")
    context.default_map = {**values, **(context.default_map or {})}
    _given.set(_Given(path, given, {key: str(known[key].name) for key in given}, context))
    return path


def forget_config() -> None:
    """Know nothing of a file that an earlier command was given."""
    _given.set(None)


def with_config(message: str) -> str:
    """A message on what a flag was given, with the file that gave it, if one did, and what stands there."""
    given = _given.get()
    if given is None:
        return message
    told = [line for key, value in given.values.items() for line in _blamed(message, given, key, value)]
    return f"{message}; {given.path} says {' and '.join(told)}" if told else message


def _blamed(message: str, given: _Given, key: str, value: Any) -> Iterator[str]:
    """Lines of the file with a key that a message names, with its value, or as a flag that took none."""
    source = given.context.get_parameter_source(given.names[key])
    if source is None or source.name != "DEFAULT_MAP":
        return  # the command line goes before the file, or the key is another command's
    is_refused = f"'--{key}'" in message
    called = [f"--{key}", key, *library_names(key)]
    if not is_refused and not any(_names(message, name) for name in called):
        return
    pairs = [(f"[{key}] {column}", word) for column, word in value.items()] if isinstance(value, dict) else []
    for name, held in pairs or [(key, value)]:
        words = held if isinstance(held, list) else [held]
        if is_refused or any(_names(message, str(word)) for word in words):
            yield f"{name} = {json.dumps(held, ensure_ascii=False)}"


def _names(message: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", message) is not None


def _read(path: str) -> dict[str, Any]:
    import msgspec

    try:
        found: dict[str, Any] = msgspec.toml.decode(Path(path).read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise OptionError(f"--config {path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise OptionError(f"--config {path} is no TOML: {error}") from error
    return found


def _known(context: typer.Context) -> dict[str, Any]:
    """Parameters by their names in a file: those of the command, and of ``train``, whose file they share."""
    group = context.parent.command if context.parent is not None else None
    train = getattr(group, "commands", {}).get("train")
    found: dict[str, Any] = {}
    for command in (train, context.command):
        for parameter in command.params if command is not None else ():
            if isinstance(parameter, typer.core.TyperArgument):
                found[str(parameter.name)] = parameter
                continue
            for flag in parameter.opts:
                if flag.startswith("--") and flag[2:] not in _OWN:
                    found[flag[2:]] = parameter
    return found


def _nearest(key: str, known: Iterable[str]) -> str:
    near = most_like(key.replace("_", "-"), known)
    return (
        "; its names are those of the flags of stoker train" if near is None else f"; did you mean {near!r}?"
    )


def _value(option: Any, value: Any, where: str) -> Any:
    """What the parser would have been given for a value of the file.

    Raises
    ------
    OptionError
        If it is nothing that such a flag takes.
    """
    takes_many = getattr(option, "multiple", False) or option.nargs == -1
    if isinstance(value, Mapping):
        pairs = [f"{column}={word}" for column, word in value.items()]
        if not takes_many or option.nargs == -1 or not all(isinstance(word, str) for word in value.values()):
            raise OptionError(f"{where} takes no table{'' if takes_many else ', but one value'}")
        return [listed([pair]) for pair in pairs]
    if isinstance(value, list):
        if not takes_many or not all(isinstance(each, str) for each in value):
            raise OptionError(f"{where} takes {'a list of texts' if takes_many else 'one value and no list'}")
        return value if option.nargs == -1 else [listed([each]) for each in value]
    if not isinstance(value, str | int | float):
        raise OptionError(f"{where} takes a text, a number or true or false, got {value!r}")
    is_flag = getattr(option, "is_flag", False)
    if isinstance(value, bool) != is_flag:
        wanted = "true or false" if is_flag else "a value and not true or false"
        raise OptionError(f"{where} takes {wanted}, got {value!r}")
    if is_flag:
        return value
    return [str(value)] if takes_many else str(value)
