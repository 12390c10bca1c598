"""The flags of the commands, in groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

import typer

from stoker.cli.config import apply_config
from stoker.cli.model_options import ModelOptions, TextOptions
from stoker.cli.panels import DATA, ORDER, flag
from stoker.cli.training_options import OutputOptions, TrainOptions

__all__ = [
    "DataOptions",
    "Files",
    "Hosts",
    "ModelOptions",
    "ModuleNames",
    "OrderOptions",
    "OutputOptions",
    "ReadOptions",
    "RunDirectory",
    "TextOptions",
    "TrainFlags",
    "TrainOptions",
]


Files: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…",
        help="Files, globs or addresses, read in the order given; or @NAME, a data set that was fetched.",
        show_default=False,
    ),
]
RunDirectory: TypeAlias = Annotated[
    str, typer.Argument(metavar="DIR", help="A run directory that `stoker train` made.", show_default=False)
]
ModuleNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="A module that registers layers of a model of your own; may be repeated.",
        show_default=False,
    ),
]
Hosts: TypeAlias = Annotated[
    int,
    typer.Option(
        "--hosts",
        help="Work in so many processes of a Ray cluster; where there is none, one is started here.",
        min=1,
        metavar="N",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Which columns of which files, and how these are written."""

    files: Files
    label: Annotated[
        list[str] | None,
        flag("--label", DATA, "The column to learn, or several; `#0` where columns have no names.", "a,b,…"),
    ] = None
    weight_column: Annotated[
        str | None,
        flag("--weight-column", DATA, "The column that says what each row weighs in the loss.", "COLUMN"),
    ] = None
    text: Annotated[
        list[str] | None,
        flag("--text", DATA, "These columns are text to learn from, joined; `#1` without names.", "a,b,…"),
    ] = None
    format: Annotated[
        str | None,
        flag("--format", DATA, "How files are written, where their suffix does not say it.", "NAME"),
    ] = None
    query: Annotated[
        str | None,
        flag("--query", DATA, "What selects the rows, where FILE is a database: `postgresql://…`.", "SQL"),
    ] = None
    columns: Annotated[
        list[str] | None, flag("--columns", DATA, "Use these columns only, besides the label.", "a,b,…")
    ] = None
    drop: Annotated[list[str] | None, flag("--drop", DATA, "Leave these columns out.", "a,b,…")] = None
    types: Annotated[
        list[str] | None,
        flag("--types", DATA, "Hold columns to int, float, text, bytes, ints or floats.", "a=text,b=float"),
    ] = None
    on_bad_row: Annotated[
        Literal["error", "skip", "quarantine"],
        flag("--on-bad-row", DATA, "Rows that cannot be parsed.", "error|skip|quarantine", True),
    ] = "error"
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line names the columns; found out if not said.",
            rich_help_panel=DATA,
            show_default=False,
        ),
    ] = None
    delimiter: Annotated[
        str | None, flag("--delimiter", DATA, "One character, or `tab`; found out if not said.", "CHAR")
    ] = None
    quote: Annotated[
        str | None, flag("--quote", DATA, "One character, or `none`; found out if not said.", "CHAR")
    ] = None
    where: Annotated[
        str | None,
        flag(
            "--where",
            DATA,
            "Use these rows only, such as \"age > 30 and city == 'Rome'\".",
            "CONDITION",
        ),
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            help="Use the first N rows only.",
            rich_help_panel=DATA,
            min=1,
            metavar="N",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions(ReadOptions):
    """What else there is to say of rows to train on."""

    config: Annotated[
        str | None,
        flag(
            "--config",
            DATA,
            "Flags from a TOML file, under the same names; the command line's go before it.",
            "FILE",
            callback=apply_config,
            is_eager=True,
        ),
    ] = None
    valid: Annotated[
        list[str] | None,
        flag(
            "--valid",
            DATA,
            "Validation files; may be repeated. Without it 10 % of the rows are held out.",
            "FILE",
        ),
    ] = None
    group: Annotated[
        str | None,
        flag("--group", DATA, "Hold out all rows that share a value of this column, or none.", "COLUMN"),
    ] = None
    stratify: Annotated[
        str | None,
        flag("--stratify", DATA, "Hold out a share of each value of this column.", "COLUMN"),
    ] = None
    na: Annotated[
        list[str] | None,
        flag(
            "--na",
            DATA,
            "Missing numbers: error, mean, zero or drop-row, for all columns or for some.",
            "RULE or a=RULE,…",
            "their mean, with an indicator",
        ),
    ] = None
    transform: Annotated[
        list[str] | None,
        flag(
            "--transform",
            DATA,
            "What columns become, such as category, ngram or drop; `ask`: refuse what is not settled.",
            "a=WORD,b=WORD|ask",
            "by what they hold",
        ),
    ] = None
    target: Annotated[
        Literal["standardize", "minmax", "robust", "log1p", "cast"] | None,
        flag(
            "--target",
            DATA,
            "What labels to regress on go through; predictions come out in their own unit.",
            "standardize|minmax|robust|log1p|cast",
            "standardize for several",
        ),
    ] = None
    max_bad_rows: Annotated[
        int | None,
        flag(
            "--max-bad-rows",
            DATA,
            "With --on-bad-row skip or quarantine: stop if there are more.",
            "N",
            min=0,
        ),
    ] = None
    quarantine: Annotated[
        str | None,
        flag(
            "--quarantine",
            DATA,
            "With --on-bad-row quarantine: write bad rows to this .csv or .jsonl file.",
            "FILE",
            "quarantine.csv in the run directory",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOptions:
    """What decides the plan besides the data."""

    task: Annotated[
        Literal["auto", "binary", "classes", "regression"],
        flag("--task", ORDER, "What the label is.", "auto|binary|classes|regression", True),
    ] = "auto"
    epochs: Annotated[
        int,
        typer.Option(
            "--epochs",
            help="Times that every row is used, at most.",
            rich_help_panel=ORDER,
            min=1,
            metavar="N",
        ),
    ] = 10
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size",
            help="Rows a step.",
            rich_help_panel=ORDER,
            min=1,
            metavar="N",
            show_default="256, of texts 128, of images 32",
        ),
    ] = None
    shuffle: Annotated[
        Literal["block", "exact", "none"],
        flag("--shuffle", ORDER, "How far a row may travel; see docs/order.md.", "block|exact|none", True),
    ] = "block"
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            help="Of the split, the order, and the weights of stoker's models; module:build seeds its own.",
            rich_help_panel=ORDER,
            min=0,
            metavar="N",
        ),
    ] = 0
    memory: Annotated[
        str, flag("--memory", ORDER, "What stoker's buffers may take in all.", "SIZE", True)
    ] = "1GB"
    cache: Annotated[
        Literal["auto", "always", "never"],
        flag("--cache", ORDER, "Keep parsed rows on disk beside the data.", "auto|always|never", True),
    ] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainFlags:
    """All that decides a training."""

    data: DataOptions
    order: OrderOptions = field(default_factory=OrderOptions)
    text: TextOptions = field(default_factory=TextOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    training: TrainOptions = field(default_factory=TrainOptions)
