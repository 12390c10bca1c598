"""``stoker predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stoker.cli.options import Files, Hosts, ModuleNames, OutputOptions, RunDirectory
from stoker.cli.printing import print_json
from stoker.cli.scoring import (
    QuarantineFile,
    QueryText,
    RenamedColumns,
    UnscoredRows,
    renames,
    rows_to_score,
    trained,
)
from stoker.cli.session import warn_of_bad_rows
from stoker.cli.words import names

if TYPE_CHECKING:
    from stoker.training.prediction import PredictionReport


def predict(
    directory: RunDirectory,
    files: Files,
    output: OutputOptions,
    out: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Where to write: a name that ends in .csv, .jsonl, .parquet or .arrow.",
            show_default=False,
        ),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT if it is there already.")
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="a,b,…", help="Columns to copy beside the predictions.", show_default=False
        ),
    ] = None,
    query: QueryText = None,
    rename: RenamedColumns = None,
    on_bad_row: UnscoredRows = "skip",
    quarantine: QuarantineFile = None,
    modules: ModuleNames = None,
    hosts: Hosts = 1,
) -> None:
    """Write a trained model's predictions, a line for each row, in their order."""
    with trained(directory, modules, output) as (run, display):
        with display.stage("predict", "B") as progress:
            report = run.predict(
                rows_to_score(files, query),
                output=out,
                overwrite=overwrite,
                keep=names(keep, "--keep") or (),
                rename=renames(rename, run),
                on_bad_row=on_bad_row,
                quarantine=quarantine,
                hosts=hosts,
                progress=progress,
            )
        warn_of_bad_rows(display, report.bad_rows, report.first_bad, report.unread)
        display.note("done", _done(report))
    if output.json:
        print_json(_record(report))


def _done(report: PredictionReport) -> str:
    from stoker.training.lines import amount, counted, duration

    speed = f"{amount(report.rows / report.seconds)} rows/s" if report.seconds else ""
    return f"{counted(report.rows, 'row')} in {duration(report.seconds)} · {speed} · {report.path}"


def _record(report: PredictionReport) -> dict[str, Any]:
    return {
        "rows": report.rows,
        "bad_rows": report.bad_rows,
        "first_bad": report.first_bad,
        "unread": list(report.unread),
        "seconds": report.seconds,
        "rows_per_second": report.rows / report.seconds if report.seconds else None,
        "path": str(report.path),
    }
