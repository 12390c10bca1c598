"""How a command ends, as an exit code, with a sentence on standard error for all but 0."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from stoker.cli.config import with_config
from stoker.cli.flags import with_flags
from stoker.cli.telling import silence, tell
from stoker.errors import NonFiniteLossError, StokerError
from stoker.similar import most_like

__all__ = ["exit_code"]

_BUG, _MISTAKE, _NOT_FINITE, _INTERRUPTED = 1, 2, 3, 130


def exit_code(command: Callable[[], object]) -> int:
    """Run a command; print what went wrong, if anything, and return what the process exits with.

    Raises
    ------
    KeyboardInterrupt, Terminated
        By signals (`stoker.signals`).
    """
    try:
        code = command()
    except NonFiniteLossError as error:
        return tell(with_flags(str(error)), _NOT_FINITE)
    except StokerError as error:
        return tell(with_config(with_flags(str(error))), _MISTAKE)
    except typer.TyperException as error:
        return tell(with_config(_usage(error)), _MISTAKE)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader of a pipe left; nothing may be written at exit either.
        silence(sys.stdout)
        return _BUG
    except OSError as error:
        if error.filename is None or error.strerror is None:
            return _bug()
        return tell(f"{error.filename}: {error.strerror.lower()}", _MISTAKE)
    except Exception:
        return _bug()
    if code == _INTERRUPTED:  # which is what the option parser makes of Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _bug() -> int:
    traceback.print_exc()
    return tell("this is a bug in stoker; please report it with the lines above", _BUG)


_OWN_WORDS = {
    "a valid integer, unable to parse string as an integer": "a whole number",
    "a valid number, unable to parse string as a number": "a number",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}


def _usage(error: typer.TyperException) -> str:
    """A sentence from what the option parser says."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "stoker"
    option = getattr(error, "option_name", None)
    near = getattr(error, "possibilities", None)
    if option is not None and near is not None:
        known = [] if context is None else [name for each in context.command.params for name in each.opts]
        like = most_like(option.lstrip("-"), [name[2:] for name in known if name.startswith("--")])
        meant = "" if like is None else f"; did you mean --{like}?"
        return f"there is no option {option}{meant} ({path} --help lists them)"
    said = (
        error.format_message()
        .strip()
        .rstrip(".")
        .replace("Value error, ", "")
        .replace("Input should be", "it must be")
    )
    for foreign, own in _OWN_WORDS.items():
        said = said.replace(foreign, own)
    return f"{said[:1].lower()}{said[1:]}{_received(error)} ({path} --help tells more)"


def _received(error: typer.TyperException) -> str:
    """What a value was that could not be read as its flag's type, where the parser tells."""
    tells = getattr(error.__cause__, "errors", None)
    found: list[dict[str, Any]] = tells() if callable(tells) else []
    given = [each.get("input") for each in found]
    return f", got {given[0]!r}" if len(given) == 1 and isinstance(given[0], str) else ""
