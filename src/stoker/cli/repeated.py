"""A flag that takes one value and is given twice: the option parser would drop the first in silence."""

from __future__ import annotations

from collections.abc import Sequence

import typer.core

from stoker.errors import OptionError

__all__ = ["refuse_repeated"]


def refuse_repeated(group: typer.core.TyperGroup, arguments: Sequence[str]) -> None:
    """Refuse flags given twice where the second would silently replace the first.

    Raises
    ------
    OptionError
        Naming the flag and the values that it was given.
    """
    command = group.commands.get(arguments[0]) if arguments else None
    end = _end_of_options(command, arguments)
    for option in command.params if command is not None else ():
        if not isinstance(option, typer.core.TyperOption) or option.multiple or option.is_flag:
            continue
        given = _values(arguments[1:end], option.opts)
        if len(given) > 1:
            raise OptionError(
                f"{option.opts[0]} takes one value and was given {' and '.join(map(repr, given))}: "
                "leave one of them"
            )


def _end_of_options(command: object, arguments: Sequence[str]) -> int:
    """Where a command's own options end: at ``--``, or at a script, whose options are what follows it."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if not isinstance(command, typer.core.TyperCommand):
        return end
    if command.context_settings.get("allow_interspersed_args", True):
        return end
    with_value = [
        name
        for option in command.params
        if isinstance(option, typer.core.TyperOption) and not option.is_flag
        for name in option.opts
    ]
    place = 1
    while place < end and arguments[place].startswith("-"):
        place += 2 if arguments[place] in with_value else 1
    return min(place, end)


def _values(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    """What follows each mention of an option."""
    values = []
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            values.append(value if equals else "".join(arguments[place + 1 : place + 2]))
    return values
