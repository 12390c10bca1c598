"""The table of commands."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import typer
import typer.core
from typer.main import get_command

from stoker.cli.convert import convert
from stoker.cli.demo import demo
from stoker.cli.doctor import CONTEXT as DOCTOR_CONTEXT
from stoker.cli.doctor import doctor
from stoker.cli.evaluate import evaluate
from stoker.cli.fetch import fetch
from stoker.cli.grouping import flattened
from stoker.cli.inspect import inspect
from stoker.cli.legacy import CONTEXT as LEGACY_CONTEXT
from stoker.cli.legacy import legacy
from stoker.cli.plan import plan
from stoker.cli.predict import predict
from stoker.cli.replay import replay
from stoker.cli.resume import resume
from stoker.cli.train import train
from stoker.cli.verify import verify

__all__ = ["build_command"]

_COMMANDS = (
    inspect,
    plan,
    train,
    resume,
    evaluate,
    predict,
    convert,
    verify,
    replay,
    fetch,
    demo,
    legacy,
    doctor,
)
_CONTEXTS = {"legacy": LEGACY_CONTEXT, "doctor": DOCTOR_CONTEXT}


@cache
def build_command() -> typer.core.TyperGroup:
    """Make the command line out of the commands' signatures and docstrings, once in a process."""
    app = typer.Typer(
        name="stoker",
        help="Train Keras models on data larger than memory.",
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich",
    )
    app.callback()(_top)
    for command in _COMMANDS:
        name = command.__name__
        app.command(name, context_settings=_CONTEXTS.get(name))(flattened(command))
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return group


def _show_version(asked: bool) -> None:
    if asked:
        from stoker import __version__

        print(f"stoker {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Train Keras models on data larger than memory."""
