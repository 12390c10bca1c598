"""``stoker resume``."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import typer

from stoker.cli.options import OutputOptions, RunDirectory, TrainFlags
from stoker.cli.printing import print_json
from stoker.cli.resuming import flags_of
from stoker.cli.session import choose_display
from stoker.errors import DataError, OptionError, RunError

__all__ = ["ResumeOptions", "resume"]

_RUN = "Training"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """What may be another than when the run was begun."""

    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            help="Train as many in all.",
            rich_help_panel=_RUN,
            min=1,
            metavar="N",
            show_default="as the run",
        ),
    ] = None
    max_time: Annotated[
        str | None,
        typer.Option(
            "--max-time",
            help="Stop in good order when the whole run has taken so long.",
            rich_help_panel=_RUN,
            metavar="TIME",
            show_default="as the run",
        ),
    ] = None
    on_nan: Annotated[
        Literal["stop", "continue"] | None,
        typer.Option(
            "--on-nan",
            help="What to do once the loss is no finite number.",
            rich_help_panel=_RUN,
            show_default="as the run",
        ),
    ] = None
    hosts: Annotated[
        int | None,
        typer.Option(
            "--hosts",
            help="Go on in so many processes of a Ray cluster, or with 1 in this one.",
            rich_help_panel=_RUN,
            min=1,
            metavar="N",
            show_default="as the run",
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="A model of your own is code, which no run directory may have run: name it again.",
            rich_help_panel=_RUN,
            metavar="package.module:build",
            show_default=False,
        ),
    ] = None


def resume(directory: RunDirectory, changes: ResumeOptions, output: OutputOptions) -> None:
    """Go on with a run of `stoker train` that was killed or stopped, or for more epochs."""
    from stoker.cli.hosts import train_anywhere
    from stoker.cli.train import end_training
    from stoker.mirror import fetched
    from stoker.rundir import RunDirectory as Directory
    from stoker.runlock import InUseError

    record = Directory(fetched(directory)).read()
    flags = _changed(flags_of(directory, record), directory, changes)
    display = choose_display(output)
    try:
        trained = train_anywhere(flags, display)
        end_training(display, trained, flags.data)
    except DataError as error:
        raise _elsewhere(error, directory, record.options) from error
    except InUseError as error:
        raise RunError(f"{error.told}: wait until that ends, and resume it then") from None
    finally:
        display.close()
    if output.json:
        from stoker.cli.train import summary

        print_json(summary(trained))


def _changed(flags: TrainFlags, directory: str, changes: ResumeOptions) -> TrainFlags:
    order, model, training = flags.order, flags.text.model, flags.training
    if changes.model is not None and changes.model != model:
        raise OptionError(f"the model of {directory} is {model}, and --model names {changes.model}")
    if ":" in model and changes.model is None:
        raise OptionError(
            f"the model of {directory} is code of your own, and a run directory is data alone: say that it "
            f"may be run with --model {model}"
        )
    if changes.epochs is not None:
        order = replace(order, epochs=changes.epochs)
    if changes.max_time is not None:
        training = replace(training, max_time=changes.max_time)
    if changes.hosts is not None:
        training = replace(training, hosts=changes.hosts)
    if changes.on_nan is not None:
        training = replace(training, on_nan=changes.on_nan)
    return replace(flags, order=order, training=replace(training, run=directory, resume="auto"))


def _elsewhere(error: DataError, directory: str, options: dict[str, Any]) -> Exception:
    """The error, and where the files may lie that are not here."""
    folder = options.get("folder")
    if type(error) is not DataError or not isinstance(folder, str) or folder == os.getcwd():
        return error
    return RunError(f"{error}; {directory} was begun in {folder}: resume it from there")
