"""``stoker doctor``, and what ``stoker legacy --doctor`` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stoker.cli.options import OutputOptions
from stoker.cli.printing import print_json
from stoker.cli.session import choose_display
from stoker.errors import OptionError

if TYPE_CHECKING:
    from stoker.doctor import Report

__all__ = ["CONTEXT", "doctor", "run_watched"]

CONTEXT = {"allow_interspersed_args": False}
"""What follows the script's name is the script's, flags and ``--help`` too."""


def doctor(
    script: Annotated[
        str,
        typer.Argument(metavar="SCRIPT.py", help="A script that calls fit_generator.", show_default=False),
    ],
    output: OutputOptions,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGS", help="What the script finds in sys.argv.", show_default=False),
    ] = None,
    batches: Annotated[
        int | None,
        typer.Option(
            "--batches",
            metavar="N",
            min=1,
            help="Look at N batches of each generator at most.",
            show_default="two epochs",
        ),
    ] = None,
) -> None:
    """Say what is wrong with the generators that a script trains on, without training.

    The script runs up to its first fit_generator, and ends there. Exit code 0: no problem; 1: problems.
    """
    from stoker.doctor.observers import Examiner
    from stoker.legacy import run_script
    from stoker.training.generators.observers import observing

    display = choose_display(output)
    try:
        with display.stage("doctor", " batches") as progress:
            examiner = Examiner(batches=batches, progress=progress)
            with observing(examiner):
                code = run_script(script, arguments or ())
    finally:
        display.close()
    if examiner.error is not None:
        raise examiner.error
    if examiner.report is None:
        raise OptionError(
            f"{script} ended with exit code {code} before it called fit_generator: "
            "there was nothing to look at"
        )
    sys.stdout.flush()
    if output.json:
        print_json({"script": script} | examiner.report.to_dict())
    elif not output.quiet:
        print(examiner.report, flush=True)
    raise typer.Exit(1 if examiner.report.problems else 0)


def run_watched(script: str, arguments: Sequence[str]) -> int:
    """Run a script of Keras 2 that trains as usual, and look at its batches as they pass.

    Returns
    -------
    The script's exit code; what was found is printed on standard error, for each training call.
    """
    from stoker.doctor.observers import Watcher
    from stoker.legacy import run_script
    from stoker.training.generators.observers import observing

    with observing(Watcher(_tell)):
        return run_script(script, arguments)


def _tell(report: Report) -> None:
    print(f"\n{report}\n", file=sys.stderr, flush=True)
