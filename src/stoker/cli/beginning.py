"""What a training is to be, as far as it is known before anything is read; what cannot be is refused."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stoker import backends
from stoker.cli.importing import begin_importing, import_fit
from stoker.cli.options import TrainFlags, TrainOptions
from stoker.cli.resuming import learned_by, run_meant
from stoker.cli.session import allow_local_models, make_feed, open_parts
from stoker.cli.texts import TEXT_PATIENCE
from stoker.cli.words import numbers
from stoker.errors import OptionError, StokerError

if TYPE_CHECKING:
    from stoker.feed import Feed
    from stoker.sources import Source
    from stoker.training.progress import Display

__all__ = ["Beginning", "begin", "own_code", "run_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What the flags of a training mean, of which nothing is surveyed yet.

    Attributes
    ----------
    feed, valid
        Of the rows to train on, and the rows to validate on.
    run, named
        The folder of the run directory, and what it is called, which is an address where it is a copy of one.
    resumes
        Whether a run is there that this one goes on with.
    init
        The run to begin with, if any.
    patience
        Validations without a better one; None does not stop early.
    """

    feed: Feed
    valid: Source
    run: str
    named: str
    resumes: bool
    init: str | None
    patience: int | None

    def refuse_another(self, flags: TrainFlags, display: Display) -> None:
        """Refuse a run directory that is another run's, by its record alone.

        Raises
        ------
        StokerError
            If the training would write over something, or is known not to be the one that it goes on with.
        """
        from stoker.group import current
        from stoker.training.taken import refuse_other_begun, refuse_taken

        if self.resumes:
            refuse_other_begun(
                Path(self.run),
                self.feed,
                self.valid,
                epochs=flags.order.epochs,
                settings={
                    "monitor": flags.training.monitor,
                    "early_stopping": self.patience,
                    "validate_every": flags.training.validate_every,
                },
                compares=partial(display.stage, "compare", "B"),
            )
        elif current().is_first:
            refuse_taken(Path(self.run), self.feed)


def begin(flags: TrainFlags, recorded: dict[str, Any], folder_of: Callable[[str], Path]) -> Beginning:
    """Find out what a training is to be; nothing but headers and records is read.

    Parameters
    ----------
    flags
        What was asked for.
    recorded
        The same as the run's record is to have them, by name.
    folder_of
        Gives the folder of a run directory, which may be an address.

    Raises
    ------
    StokerError
        Whatever can be told by now that a survey of hours could not mend.
    """
    from stoker import models
    from stoker.mirror import address_of
    from stoker.task import possible_tasks

    data, order, training = flags.data, flags.order, flags.training
    patience = _patience(training.early_stopping)
    _check_flags(flags)
    rows, valid = open_parts(data, order.seed, order.memory)
    if flags.model.metric and ":" not in flags.text.model and len(rows.labels) == 1:
        models.refuse_unfit(flags.model.metric, possible_tasks(order.task, rows.kind_of(rows.labels[0])))
    if training.early_stopping is None and rows.is_text:
        patience = TEXT_PATIENCE
    run = str(folder_of(run_of(training, rows.paths[0], recorded)))
    resumes = training.resume is not None and (Path(run) / "run.json").exists()
    # What a run began with it holds itself: it goes on where the other is gone, or has gone on, too.
    init = run if resumes and training.init is not None else training.init
    learned = learned_by(run) if resumes and init is None else None
    return Beginning(
        feed=make_feed(rows, data, order, flags.text, flags.model.class_weight, init=init, learned=learned),
        valid=valid,
        run=run,
        named=address_of(run) or run,
        resumes=resumes,
        init=init,
        patience=patience,
    )


def run_of(training: TrainOptions, data_path: str, flags: dict[str, Any]) -> str:
    """The run directory that the flags mean."""
    from stoker.rundir import next_run_path

    if training.run is not None:
        return training.run
    return next_run_path(data_path) if training.resume is None else run_meant(data_path, flags)


def _check_flags(flags: TrainFlags) -> None:
    """Refuse at once what a survey of hours could not mend."""
    from stoker import models
    from stoker.training.monitor import check_monitor, parse_monitor
    from stoker.training.schedule import parse_checkpoint_interval, parse_interval, parse_seconds

    text, model, training = flags.text, flags.model, flags.training
    if training.validate_every is not None:
        parse_interval(training.validate_every, option="--validate-every")
    if training.max_time is not None:
        parse_seconds(training.max_time, option="--max-time")
    if training.checkpoint_every not in (None, "never"):
        parse_checkpoint_interval(training.checkpoint_every, option="--checkpoint-every")
    if training.init is not None and model.embeddings is not None:
        raise OptionError("--embeddings has no effect beside --init, which has its own: leave one out")
    if training.run is not None and not training.run.strip():
        raise OptionError("--run needs the name of a folder; leave it out for runs/<file>-<n>")
    if training.run is not None and Path(training.run).is_file():
        raise OptionError(f"{training.run} is a file, and a run needs a folder: choose another --run")
    given: dict[str, Any] = {} if model.learning_rate is None else {"learning_rate": model.learning_rate}
    if model.embeddings is not None:
        given["embeddings"] = model.embeddings
    if model.loss_weights:
        given["loss_weights"] = numbers("--loss-weights", model.loss_weights)
    if training.monitor is not None:
        parse_monitor(training.monitor)
    allow_local_models()
    if models.asks_keras(model.metric):
        backends.choose()
        begin_importing(import_fit).join()
    with own_code(text.model):
        models.check(text.model, **given, **({"metrics": model.metric} if model.metric else {}))
    if training.monitor is not None and ":" not in text.model:
        check_monitor(training.monitor, model.metric or ())


@contextmanager
def own_code(name: str) -> Iterator[None]:
    """Tell what a user's own ``package.module:build`` raises from a bug in stoker.

    What it prints comes on standard error, as it does on hosts, so that ``--json`` stays alone.
    """
    try:
        with redirect_stdout(sys.stderr) if ":" in name else nullcontext():
            yield
    except StokerError:
        raise
    except Exception as error:
        if ":" not in name:
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise OptionError(
            f"model {name!r} failed with {said} ({last.filename}, line {last.lineno})"
        ) from error


def _patience(word: str | None) -> int | None:
    if word is None:
        return 3
    if word == "off":
        return None
    if not word.isdigit() or int(word) < 1:
        raise OptionError(f"--early-stopping takes a number of validations from 1 on, or off, got {word!r}")
    return int(word)
