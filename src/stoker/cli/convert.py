"""``stoker convert``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stoker.cli.options import Hosts, OutputOptions, ReadOptions
from stoker.cli.printing import print_json
from stoker.cli.session import choose_display, open_source
from stoker.errors import OptionError

if TYPE_CHECKING:
    from stoker.conversion import ConversionReport


def convert(
    data: ReadOptions,
    output: OutputOptions,
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="Where to write: a name that ends in .csv, .jsonl, .parquet or .arrow.",
            show_default=False,
        ),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT if it is there already.")
    ] = False,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Write rows in a random order, uniform over all of them.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Of --shuffle.", min=0, max=(1 << 64) - 1, metavar="N", show_default="0"),
    ] = None,
    compression: Annotated[
        str | None,
        typer.Option(
            "--compression",
            metavar="NAME",
            help="Within .parquet (snappy, zstd, gzip, brotli, lz4, none) or .arrow (none, lz4, zstd).",
            show_default="snappy, in .arrow none",
        ),
    ] = None,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="What stoker's buffers may take in all.")
    ] = "1GB",
    hosts: Hosts = 1,
) -> None:
    """Write rows to one file of another format, as they stand or shuffled once."""
    from stoker.cli.noting import losses_noted
    from stoker.conversion import convert as written

    if data.on_bad_row == "quarantine":
        raise OptionError(
            "--on-bad-row quarantine has no effect on convert, which writes OUT alone: say skip"
        )
    if seed is not None and not shuffle:
        raise OptionError("--seed has no effect without --shuffle")
    source = open_source(data)
    display = choose_display(output)
    try:
        with losses_noted(display):
            report = written(
                source,
                out,
                overwrite=overwrite,
                shuffle=shuffle,
                seed=seed or 0,
                compression=compression,
                on_bad_row=data.on_bad_row,
                memory=memory,
                hosts=hosts,
                progress=display,
            )
        display.note("done", _done(report))
        if report.num_left_out:
            display.note("warning", _left_out(report))
    finally:
        display.close()
    if output.json:
        print_json(report.to_dict())


def _done(report: ConversionReport) -> str:
    from stoker.training.lines import amount, counted, duration, size

    speed = f" · {amount(report.num_rows / report.seconds)} rows/s" if report.seconds else ""
    columns = counted(len(report.columns), "column")
    written = f"{counted(report.num_rows, 'row')} of {columns} in {duration(report.seconds)}{speed}"
    return f"{written} · {size(report.num_bytes)} · {report.path}"


def _left_out(report: ConversionReport) -> str:
    from stoker.training.lines import counted

    return f"{counted(report.num_left_out, 'bad row')} left out (--on-bad-row error stops there)"
