"""``stoker replay``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stoker.cli.options import OutputOptions, RunDirectory
from stoker.cli.plots import printable
from stoker.cli.printing import print_json, print_lines
from stoker.cli.session import choose_display
from stoker.cli.verify import MovedFiles

if TYPE_CHECKING:
    from stoker.audit.replay import Replay

__all__ = ["replay"]

_MOST_SHOWN = 72


def replay(
    directory: RunDirectory,
    output: OutputOptions,
    step: Annotated[
        int,
        typer.Option(
            "--step",
            metavar="N",
            help="Counted from 1 over the whole run; with --epoch within that epoch.",
            show_default=False,
        ),
    ],
    epoch: Annotated[
        int | None,
        typer.Option(
            "--epoch", metavar="E", help="Counted from 1, as on the terminal.", min=1, show_default=False
        ),
    ] = None,
    files: MovedFiles = None,
) -> None:
    """Print the source rows behind a step of a run: file, line, label and what stands there."""
    import stoker

    display = choose_display(output)
    try:
        found = stoker.replay(
            directory,
            files or None,
            step=step,
            epoch=None if epoch is None else epoch - 1,
            stage=display.stage,
        )
    finally:
        display.close()
    if output.json:
        print_json(found.to_dict())
    elif not output.quiet:
        _print(found)


def _print(found: Replay) -> None:
    from stoker.training.lines import counted, grouped

    where = f"batch {grouped(found.batch + 1)} of epoch {found.epoch + 1}"
    lines = [("step", f"{grouped(found.step)} · {where} · {counted(len(found.rows), 'row')}")]
    if found.step > found.reached:
        known = f"the run is known to have got to step {grouped(found.reached)}"
        lines.append(("to come", f"{known}: these rows are taken when it gets here"))
    print_lines(lines)
    rows = []
    for row in found.rows:
        label = "" if row.label is None else printable(str(row.label))
        rows.append((f"{row.file}:{row.line}", f"row {row.row}", label, printable(row.text, _MOST_SHOWN)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for place, row_id, label, text in rows:
        print(f"{place:<{widths[0]}}  {row_id:<{widths[1]}}  {label:<{widths[2]}}  {text}".rstrip())
