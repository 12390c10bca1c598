"""The command line: it parses flags, calls the public face and prints. Heavy imports wait for a command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stoker``.

    Parameters
    ----------
    arguments
        What follows the program's name; None takes ``sys.argv``. None at all prints the help.

    Returns
    -------
    The exit code: 0, 2 for a mistake that a user can mend, 3 for a loss that is no finite number, 130 after
    Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, 1 for a bug in stoker.
    """
    from stoker.cli.interrupts import until_stopped

    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    return until_stopped(lambda: _exit_code(given))


def _exit_code(arguments: list[str]) -> int:
    from stoker.cli.failure import exit_code

    return exit_code(lambda: _run(arguments))


def _run(arguments: list[str]) -> object:
    from stoker.cli.collecting import look_again
    from stoker.cli.commands import build_command
    from stoker.cli.config import forget_config
    from stoker.cli.repeated import refuse_repeated

    forget_config()
    command = build_command()
    if arguments[0] != "train":  # which has more to import
        look_again()
    refuse_repeated(command, arguments)
    return command.main(arguments, prog_name="stoker", standalone_mode=False)
