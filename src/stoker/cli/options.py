"""The flags of the commands, in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import typer

__all__ = [
    "DataOptions",
    "Files",
    "ModelOptions",
    "ModuleNames",
    "OrderOptions",
    "OutputOptions",
    "ReadOptions",
    "RunDirectory",
    "TextOptions",
    "TrainOptions",
]

_DATA, _ORDER, _MODEL, _RUN, _OUTPUT = "Data", "Order and memory", "Model", "Training", "Output"

Files: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…",
        help="CSV or TSV files, or globs, read in the order given; or @NAME, a data set that was fetched.",
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


def _flag(name: str, panel: str, text: str, metavar: str | None = None, shown: str | bool = False) -> Any:
    return typer.Option(name, help=text, rich_help_panel=panel, metavar=metavar, show_default=shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Which columns of which files, and how these are written."""

    files: Files
    label: Annotated[
        str | None,
        _flag("--label", _DATA, "The column to learn; `#0` where columns have no names.", "COLUMN"),
    ] = None
    text: Annotated[
        list[str] | None,
        _flag("--text", _DATA, "These columns are text to learn from, joined; `#1` without names.", "a,b,…"),
    ] = None
    format: Annotated[
        str | None,
        _flag("--format", _DATA, "How files are written, where their suffix does not say it.", "NAME"),
    ] = None
    columns: Annotated[
        list[str] | None, _flag("--columns", _DATA, "Use these columns only, besides the label.", "a,b,…")
    ] = None
    drop: Annotated[list[str] | None, _flag("--drop", _DATA, "Leave these columns out.", "a,b,…")] = None
    types: Annotated[
        list[str] | None,
        _flag("--types", _DATA, "Hold columns to a type: int, float or text.", "a=text,b=float"),
    ] = None
    on_bad_row: Annotated[
        Literal["error", "skip", "quarantine"],
        _flag("--on-bad-row", _DATA, "Rows that cannot be parsed.", "error|skip|quarantine", True),
    ] = "error"
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line names the columns; found out if not said.",
            rich_help_panel=_DATA,
            show_default=False,
        ),
    ] = None
    delimiter: Annotated[
        str | None, _flag("--delimiter", _DATA, "One character, or `tab`; found out if not said.", "CHAR")
    ] = None
    quote: Annotated[
        str | None, _flag("--quote", _DATA, "One character, or `none`; found out if not said.", "CHAR")
    ] = None
    where: Annotated[
        str | None,
        _flag(
            "--where",
            _DATA,
            "Use these rows only, such as \"age > 30 and city == 'Rome'\".",
            "CONDITION",
        ),
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            help="Use the first N rows only.",
            rich_help_panel=_DATA,
            min=1,
            metavar="N",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions(ReadOptions):
    """What else there is to say of rows to train on."""

    valid: Annotated[
        list[str] | None,
        _flag(
            "--valid",
            _DATA,
            "Validation files; may be repeated. Without it 10 % of the rows are held out.",
            "FILE",
        ),
    ] = None
    group: Annotated[
        str | None,
        _flag("--group", _DATA, "Hold out all rows that share a value of this column, or none.", "COLUMN"),
    ] = None
    stratify: Annotated[
        str | None,
        _flag("--stratify", _DATA, "Hold out a share of each value of this column.", "COLUMN"),
    ] = None
    na: Annotated[
        list[str] | None,
        _flag(
            "--na",
            _DATA,
            "Missing numbers: error, mean, zero or drop-row, for all columns or for some.",
            "RULE or a=RULE,…",
            "their mean, with an indicator",
        ),
    ] = None
    transform: Annotated[
        list[str] | None,
        _flag(
            "--transform",
            _DATA,
            "What columns become, such as category, ngram or drop; `ask`: refuse what is not settled.",
            "a=WORD,b=WORD|ask",
            "by what they hold",
        ),
    ] = None
    max_bad_rows: Annotated[
        int | None,
        typer.Option(
            "--max-bad-rows",
            help="With --on-bad-row skip or quarantine: stop if there are more.",
            rich_help_panel=_DATA,
            min=0,
            metavar="N",
            show_default=False,
        ),
    ] = None
    quarantine: Annotated[
        str | None,
        _flag(
            "--quarantine",
            _DATA,
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
        _flag("--task", _ORDER, "What the label is.", "auto|binary|classes|regression", True),
    ] = "auto"
    epochs: Annotated[
        int,
        typer.Option(
            "--epochs",
            help="Times that every row is used, at most.",
            rich_help_panel=_ORDER,
            min=1,
            metavar="N",
        ),
    ] = 10
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size",
            help="Rows a step.",
            rich_help_panel=_ORDER,
            min=1,
            metavar="N",
            show_default="256, of texts 128",
        ),
    ] = None
    shuffle: Annotated[
        Literal["block", "exact", "none"],
        _flag("--shuffle", _ORDER, "How far a row may travel; see docs/order.md.", "block|exact|none", True),
    ] = "block"
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            help="Of the split, the order and the weights.",
            rich_help_panel=_ORDER,
            min=0,
            metavar="N",
        ),
    ] = 0
    memory: Annotated[
        str, _flag("--memory", _ORDER, "What stoker's buffers may take in all.", "SIZE", True)
    ] = "1GB"
    cache: Annotated[
        Literal["auto", "always", "never"],
        _flag("--cache", _ORDER, "Keep parsed rows on disk beside the data.", "auto|always|never", True),
    ] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """How texts become numbers, and the model that it depends on."""

    model: Annotated[
        str,
        _flag(
            "--model", _MODEL, "auto, mlp, linear, sepcnn, or your own `package.module:build`.", "NAME", True
        ),
    ] = "auto"
    vectorizer: Annotated[
        Literal["ngram", "sequence", "hashing"] | None,
        _flag(
            "--vectorizer",
            _MODEL,
            "What texts become: tf-idf of n-grams, sequences of words, hashed n-grams.",
            "ngram|sequence|hashing",
            "by the model",
        ),
    ] = None
    max_features: Annotated[
        int | None,
        typer.Option(
            "--max-features",
            help="N-grams or words to keep, or hashes to tell apart.",
            rich_help_panel=_MODEL,
            min=1,
            metavar="N",
            show_default="20000",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What to train."""

    embeddings: Annotated[
        str | None,
        _flag(
            "--embeddings", _MODEL, "Word vectors for sepcnn to begin with: a text file as GloVe's.", "FILE"
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            help="Of stoker's own models.",
            rich_help_panel=_MODEL,
            metavar="X",
            show_default="0.001",
        ),
    ] = None
    metric: Annotated[
        list[str] | None,
        _flag("--metric", _MODEL, "A Keras metric besides the task's own; may be repeated.", "NAME"),
    ] = None
    class_weight: Annotated[
        Literal["balanced"] | None,
        _flag("--class-weight", _MODEL, "Weigh rows so that every class counts the same.", "balanced"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How long to train, what to watch, where to write."""

    monitor: Annotated[
        str | None, _flag("--monitor", _RUN, "What tells the best weights.", "NAME", "val_loss")
    ] = None
    validate_every: Annotated[
        str | None,
        _flag(
            "--validate-every",
            _RUN,
            "Validate within an epoch too, such as 30min or 5000steps.",
            "TIME|STEPS",
        ),
    ] = None
    early_stopping: Annotated[
        str | None,
        _flag(
            "--early-stopping",
            _RUN,
            "Stop after N validations without a better one, or `off`.",
            "N|off",
            "3, on texts 2",
        ),
    ] = None
    max_time: Annotated[
        str | None, _flag("--max-time", _RUN, "Stop in good order after this long, such as 2h.", "TIME")
    ] = None
    on_nan: Annotated[
        Literal["stop", "continue"],
        typer.Option("--on-nan", help="What to do once the loss is no finite number.", rich_help_panel=_RUN),
    ] = "stop"
    init: Annotated[
        str | None,
        _flag("--init", _RUN, "Begin with the transforms and the best weights of another run.", "DIR"),
    ] = None
    run: Annotated[
        str | None, _flag("--run", _RUN, "The run directory to make.", "DIR", "runs/<file>-<n>")
    ] = None
    resume: Annotated[
        Literal["auto"] | None,
        _flag(
            "--resume",
            _RUN,
            "Go on with this command's run if it was begun: the same command again continues it.",
            "auto",
        ),
    ] = None
    checkpoint_every: Annotated[
        str | None,
        _flag(
            "--checkpoint-every",
            _RUN,
            "Write what a killed run goes on from, such as 500steps, 5min, 1epoch, or never.",
            "TIME|STEPS|EPOCHS",
            "5min, and every epoch",
        ),
    ] = None
    keep_checkpoints: Annotated[
        int,
        typer.Option(
            "--keep-checkpoints",
            help="How many of them are kept.",
            rich_help_panel=_RUN,
            min=1,
            metavar="N",
        ),
    ] = 3
    on_checkpoint_error: Annotated[
        Literal["warn", "stop"],
        _flag(
            "--on-checkpoint-error",
            _RUN,
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
            rich_help_panel=_OUTPUT,
        ),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", help="Print nothing but errors and what --json asks for.", rich_help_panel=_OUTPUT
        ),
    ] = False
