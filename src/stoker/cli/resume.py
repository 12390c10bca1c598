"""``stoker resume``."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stoker.cli.options import DataOptions, OutputOptions, RunDirectory, TrainFlags
from stoker.cli.printing import program_name
from stoker.cli.resuming import flags_of
from stoker.cli.session import choose_display
from stoker.cli.verify import MovedFiles
from stoker.errors import DataError, OptionError, RunError

if TYPE_CHECKING:
    from stoker.runrecords import RunRecord

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
            show_default="as trained last",
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


def resume(
    directory: RunDirectory, changes: ResumeOptions, output: OutputOptions, files: MovedFiles = None
) -> None:
    """Go on with a run of `stoker train` that was killed or stopped, or for more epochs."""
    from stoker.cli.ending import answer, end_training
    from stoker.cli.hosts import train_anywhere
    from stoker.mirror import fetched
    from stoker.rundir import RunDirectory as Directory
    from stoker.runlock import InUseError

    record = Directory(fetched(directory, models=False)).read()
    flags = _changed(flags_of(directory, record), directory, changes)
    if files:
        flags = replace(flags, data=_moved(flags.data, record, directory, files))
    display = choose_display(output)
    try:
        trained = train_anywhere(flags, display)
        end_training(display, trained, flags)
    except DataError as error:
        raise _elsewhere(error, directory, record) from error
    except InUseError as error:
        raise RunError(f"{error.told}: wait until that ends, and resume it then") from None
    finally:
        display.close()
    answer(trained, output)


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


def _moved(data: DataOptions, record: RunRecord, directory: str, files: list[str]) -> DataOptions:
    """The files of a run where they are now; what they hold is compared before anything is trained."""
    from stoker.audit.reopening import parted
    from stoker.sources.paths import expand_paths

    trained, tested = parted(record, list(map(str, expand_paths(files, folders=True))))
    if len(trained) != len(record.files):
        raise OptionError(
            f"{directory} was trained on {len(record.files)} files, and {len(trained)} are given: name all "
            "of them, in the order of the training; those of validation may follow"
        )
    return replace(data, files=trained, valid=data.valid if tested is None else tested)


def _elsewhere(error: DataError, directory: str, record: RunRecord) -> Exception:
    """The error, and what helps where files are not where they were."""
    from stoker.audit.reopening import NAME_THEM, is_absent

    missing = [file.path for file in (*record.files, *record.validation_files) if is_absent(file.path)]
    if type(error) is not DataError or not missing:
        return error
    folder = record.options.get("folder")
    if isinstance(folder, str) and not is_absent(os.path.join(folder, missing[0])):
        return RunError(f"{error}; {directory} was begun in {folder}: resume it from there")
    return RunError(f"{error}; {NAME_THEM}: {program_name()} {shlex.join(['resume', directory])} FILE…")
