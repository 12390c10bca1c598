"""``stoker legacy``."""

from __future__ import annotations

from typing import Annotated

import typer

CONTEXT = {"ignore_unknown_options": True, "allow_interspersed_args": False}
"""What follows the script's name is the script's, flags and ``--help`` too."""


def legacy(
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT.py", help="A script of Keras 2.", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGS]...", help="What the script finds in sys.argv.", show_default=False),
    ] = None,
    doctor: Annotated[
        bool,
        typer.Option("--doctor", help="Say what is wrong with its generators, on standard error."),
    ] = False,
) -> None:
    """Run a script of Keras 2 as python would, with its names back on Keras 3.

    With fit_generator and its sisters, old module paths, keywords and file formats. The exit code is the
    script's.
    """
    if doctor:
        from stoker.cli.doctor import run_watched

        raise typer.Exit(run_watched(script, arguments or ()))
    from stoker.legacy import run_script

    raise typer.Exit(run_script(script, arguments or ()))
