"""``stoker demo``."""

from __future__ import annotations

import itertools
import os
import shlex
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stoker.cli.ending import Trained, end_training, summary
from stoker.cli.options import (
    DataOptions,
    OrderOptions,
    OutputOptions,
    TextOptions,
    TrainFlags,
    TrainOptions,
)
from stoker.cli.printing import print_json, print_lines, print_table, program_name
from stoker.cli.session import choose_display
from stoker.cli.train import train_on
from stoker.folders import scratch_folder
from stoker.signals import raise_for

if TYPE_CHECKING:
    from stoker.datasets import DigitFiles
    from stoker.training.evaluation import Evaluation
    from stoker.training.progress import Display

_MEMORY = "8MB"
_EPOCHS = 5
_REHEARSAL_ROWS = 24_000
_REHEARSAL_MEMORY = "7MB"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demonstration came to; bytes, and seconds."""

    files: DigitFiles
    trained: Trained
    evaluation: Evaluation
    framework_bytes: int


def demo(
    output: OutputOptions,
    directory: Annotated[
        str, typer.Option("--directory", metavar="DIR", help="Where to write data and run.")
    ] = "demo",
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=1_000, help="Rows to train on.")] = 200_000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of data, order and weights.")] = 7,
) -> None:
    """Train on the handwritten digits, in 8 MB, and say what to try next."""
    import stoker
    from stoker.datasets import write_digits
    from stoker.rundir import next_run_path
    from stoker.training.lines import duration, grouped, size

    display = choose_display(output)
    try:
        display.note("rehearse", "on a small file; the very first time, this compiles the kernels")
        framework_bytes = _resident_after_a_rehearsal(seed)
        start = time.perf_counter()
        files = write_digits(directory, rows=rows, seed=seed)
        spent = duration(time.perf_counter() - start)
        display.note(
            "data", f"{files.train} · {grouped(rows)} rows, {size(files.train.stat().st_size)}, in {spent}"
        )
        run = next_run_path(os.fspath(files.train), root=os.path.join(directory, "runs"))
        order = OrderOptions(epochs=_EPOCHS, memory=_MEMORY, seed=seed)
        trained = _trained(_flags(files, order, run), display)
    finally:
        display.close()
    evaluation = stoker.load(run).evaluate(str(files.valid))
    result = DemoResult(files=files, trained=trained, evaluation=evaluation, framework_bytes=framework_bytes)
    if output.json:
        figures = {"accuracy": evaluation.accuracy, "framework_bytes": framework_bytes}
        print_json(summary(trained) | figures)
    elif not output.quiet:
        _print(result)


def _resident_after_a_rehearsal(seed: int) -> int:
    """Resident bytes of this process after it did the like with a small file: what model and framework take.

    The first time ever, this also compiles the kernels.
    """
    import psutil

    from stoker.datasets import write_digits
    from stoker.training.progress import Display

    with scratch_folder(Path(tempfile.gettempdir()), "stoker-rehearsal") as folder:
        files = write_digits(folder, rows=_REHEARSAL_ROWS, seed=seed)
        order = OrderOptions(epochs=2, memory=_REHEARSAL_MEMORY, cache="always", seed=seed)
        _trained(_flags(files, order, os.path.join(folder, "run")), Display())
    return int(psutil.Process().memory_info().rss)


def _trained(flags: TrainFlags, display: Display) -> Trained:
    trained = train_on(flags, display)
    if trained.signal:
        end_training(display, trained, flags)
        raise_for(trained.signal)
    return trained


def _flags(files: DigitFiles, order: OrderOptions, run: str) -> TrainFlags:
    return TrainFlags(
        data=DataOptions(files=[str(files.train)], label=["label"], valid=[str(files.valid)]),
        order=order,
        text=TextOptions(model="mlp"),
        training=TrainOptions(run=run),
    )


def _print(result: DemoResult) -> None:
    from stoker.training.lines import amount, grouped, size

    report, files = result.trained.report, result.files
    peak = int(summary(result.trained)["peak_rss_bytes"])
    accuracy = result.evaluation.accuracy
    print()
    print_table(
        [
            ["", "rows", "rows/s", "waited for data", "accuracy on originals"],
            [
                "digits",
                grouped(report.num_rows or 0),
                amount(report.rows / report.train_seconds),
                f"{report.wait_seconds:.2f} s",
                "-" if accuracy is None else f"{100 * accuracy:.1f} %",
            ],
        ]
    )
    print()
    before = f"{size(result.framework_bytes)} of them model and framework, before this file"
    lines = [
        ("file", size(files.train.stat().st_size)),
        ("stoker", f"{size(report.ledger_peak_bytes)} at most, of --memory {_MEMORY}"),
        ("process", f"{size(peak)} at most, {before}"),
    ]
    print_lines(lines)
    print("\nnext")
    for command in _next_commands(result.trained.run, files):
        print(f"  {program_name()} {shlex.join(command)}")


def _next_commands(run: str, files: DigitFiles) -> list[list[str]]:
    return [
        ["plan", str(files.train), "--label", "label"],
        ["evaluate", run, str(files.valid)],
        ["predict", run, str(files.unlabelled), "-o", _free(str(files.unlabelled.parent / "predictions"))],
    ]


def _free(name: str) -> str:
    """The name of a CSV file that is not there yet: a command writes over none."""
    taken = (f"{name}-{number}.csv" for number in itertools.count(2))
    return next(path for path in itertools.chain([f"{name}.csv"], taken) if not os.path.exists(path))
