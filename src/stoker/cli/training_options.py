"""The flags that say how long to train and what to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from stoker.cli.panels import OUTPUT, RUN, flag

__all__ = ["OutputOptions", "TrainOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How long to train, what to watch, where to write."""

    monitor: Annotated[
        str | None, flag("--monitor", RUN, "What tells the best weights.", "NAME", "val_loss")
    ] = None
    validate_every: Annotated[
        str | None,
        flag(
            "--validate-every",
            RUN,
            "Validate within an epoch too, such as 30min or 5000steps.",
            "TIME|STEPS",
        ),
    ] = None
    early_stopping: Annotated[
        str | None,
        flag(
            "--early-stopping",
            RUN,
            "Stop after N validations without a better one, or `off`.",
            "N|off",
            "3, on texts 2",
        ),
    ] = None
    max_time: Annotated[
        str | None, flag("--max-time", RUN, "Stop in good order after this long, such as 2h.", "TIME")
    ] = None
    on_nan: Annotated[
        Literal["stop", "continue"],
        typer.Option("--on-nan", help="What to do once the loss is no finite number.", rich_help_panel=RUN),
    ] = "stop"
    init: Annotated[
        str | None,
        flag("--init", RUN, "Begin with the transforms and the best weights of another run.", "DIR"),
    ] = None
    run: Annotated[
        str | None, flag("--run", RUN, "The run directory to make, here or on S3.", "DIR", "runs/<file>-<n>")
    ] = None
    resume: Annotated[
        Literal["auto"] | None,
        flag(
            "--resume",
            RUN,
            "Go on with this command's run if it was begun: the same command again continues it.",
            "auto",
        ),
    ] = None
    checkpoint_every: Annotated[
        str | None,
        flag(
            "--checkpoint-every",
            RUN,
            "Write what a killed run goes on from, such as 500steps, 5min, 1epoch, or never.",
            "TIME|STEPS|EPOCHS",
            "5min, and every epoch",
        ),
    ] = None
    hosts: Annotated[
        int,
        typer.Option(
            "--hosts",
            help="Train in so many processes of a Ray cluster; where there is none, one is started here.",
            rich_help_panel=RUN,
            min=1,
            metavar="N",
        ),
    ] = 1
    keep_checkpoints: Annotated[
        int,
        typer.Option(
            "--keep-checkpoints",
            help="How many of them are kept.",
            rich_help_panel=RUN,
            min=1,
            metavar="N",
        ),
    ] = 3
    on_checkpoint_error: Annotated[
        Literal["warn", "stop"],
        flag(
            "--on-checkpoint-error",
            RUN,
            "Where one cannot be written, as on a full disk: go on with a warning, or stop.",
            "warn|stop",
            True,
        ),
    ] = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What to print."""

    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object as the last line of standard output.",
            rich_help_panel=OUTPUT,
        ),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", help="Print nothing but errors and what --json asks for.", rich_help_panel=OUTPUT
        ),
    ] = False
