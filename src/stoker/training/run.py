"""`load`: a finished run as an object that predicts and evaluates."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from stoker.cluster.spreading import require_hosts
from stoker.errors import ColumnError, DataError, OptionError, RunError
from stoker.feed import BaseFeed
from stoker.given import located
from stoker.mirror import fetched
from stoker.rundir import RunDirectory
from stoker.runrecords import RunRecord
from stoker.sources import Source
from stoker.sources.columnar.batch_chunk import SEGMENT_ROWS
from stoker.sources.nameless import refuse_on_hosts
from stoker.sources.opening import are_paths
from stoker.sources.remote import is_remote
from stoker.training.absent import MODELS, other_model, why_absent
from stoker.training.agreement import check_agreement
from stoker.training.answering import answered
from stoker.training.evaluation import Evaluation, evaluate, evaluate_answers, evaluate_batches
from stoker.training.file_pieces import FilePieces, file_pieces
from stoker.training.held import is_texts
from stoker.training.loading import load_model
from stoker.training.on_hosts import Answer, Labelled
from stoker.training.prediction import Predicted, prediction_format, prediction_schema, write_predictions
from stoker.training.scored import source_of
from stoker.training.unscored import UnscoredRows, quarantine_of
from stoker.transforms import FittedTransform, from_state
from stoker.transforms.labels import Passthrough
from stoker.transforms.texts import TextTransform
from stoker.types import FeedSpec, Progress

__all__ = ["Run", "load"]


def load(directory: str | os.PathLike[str], *, which: str = "best") -> Run:
    """Open a run directory: its fitted transform and its model together.

    Parameters
    ----------
    directory
        What ``stoker.fit(..., run=directory)`` or ``stoker train`` wrote.
    which
        ``"best"``, by the monitored metric, or ``"last"``.

    Raises
    ------
    RunError
        If there is no run, no such model in it, or a file is damaged.

    Examples
    --------
    ::

        stoker.load("runs/a").predict("new.csv")
    """
    if which not in MODELS:
        raise OptionError(f"which must be best or last, got {which!r}")
    run = RunDirectory(fetched(directory))
    record = run.read()
    path = run.path / MODELS[which]
    if record.spec is None:
        raise RunError(
            f"{run.path} was trained on a generator, and nothing is recorded of what its rows mean: "
            f"take the model alone, keras.models.load_model({os.fspath(path)!r}), and give it arrays"
        )
    if not path.exists():
        raise RunError(why_absent(run.path, record, which))
    if record.spec.input_kind != "dense":
        importlib.import_module("stoker.layers")  # registers what the model may be made of
    restore = "; where it is damaged, restore it from a copy"
    model = load_model(path, f"{_own_layers(record)}{restore}{other_model(run.path, which)}")
    found = Run(
        directory=run.path,
        record=record,
        model=model,
        transform=from_state(run.transform_state(record)),
        target=from_state(record.target) if record.target else None,
    )
    if isinstance(found.transform, TextTransform):
        found.transform.columns_ = found.transform.columns_ or found.spec.features
    check_agreement(found, path)
    return found


def _own_layers(record: RunRecord) -> str:
    """The way out for a model of one's own: a run directory is data, and names no code to be run."""
    module, colon, _ = str(record.options.get("model", "")).partition(":")
    if not colon:
        return ""
    return (
        f"; if {module!r} registers layers of its own, import it first (on the command line: "
        f"--import {module})"
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A trained model with everything that its inputs and outputs mean; made by `load`.

    Attributes
    ----------
    directory, record
        The run directory and its run.json.
    model
        The Keras model.
    transform, target
        Fitted transforms of the features and of the labels.
    """

    directory: Path
    record: RunRecord
    model: Any
    transform: FittedTransform
    target: FittedTransform | None

    @property
    def spec(self) -> FeedSpec:
        """Features, task and classes."""
        assert self.record.spec is not None, "load refuses runs on generators"
        return self.record.spec

    def predict(
        self,
        rows: Any,
        *,
        output: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        keep: Sequence[str] = (),
        rename: Mapping[str, str] | None = None,
        on_bad_row: str = "skip",
        quarantine: str | os.PathLike[str] | None = None,
        hosts: int = 1,
        progress: Progress | None = None,
    ) -> Any:
        """Predict rows, in their order.

        A row that cannot be scored, for it cannot be parsed or has a blank that training did not fill, keeps
        its place and gets an empty prediction. A UserWarning tells of dates that count as blanks.

        Parameters
        ----------
        rows
            Files (a path, a pattern, several), a Source, or rows in memory as `stoker.open` takes them: a
            frame of pandas or Polars, an Arrow table or stream, a mapping of arrays, a data set, or an array
            of shape (n, k). No label is needed. A run on one column of text also takes a list, an array or a
            Series of texts; several files are then given as ``pathlib.Path``, or as addresses.
        output
            A ``.csv``, ``.parquet`` or ``.jsonl`` file to write, row by row in bounded memory.
        overwrite
            Whether `output` may take the place of a file that is there.
        keep
            Columns to copy beside the predictions: of rows in memory as they are, of files and others the
            text that stands there.
        rename
            For files whose columns have other names: the name there, and the one that training knew, such as
            ``{"review": "text"}``.
        on_bad_row
            ``"skip"``, ``"error"`` to stop at the first row that cannot be scored, or ``"quarantine"`` to
            skip and write such rows of files to `quarantine`.
        quarantine
            The ``.csv`` or ``.jsonl`` file for them: file, line, row, column, reason, and what stands there.
        hosts
            For files: in how many processes of a Ray cluster rows are parsed and scored; see `docs/scale.md`.
            This process alone writes, the same file as without.
        progress
            For files: called with bytes done and bytes in all.

        Returns
        -------
        PredictionReport, pandas.DataFrame or pyarrow.Table
            A report where `output` is given; else a frame with the same index for a frame and a table for
            the rest. Columns: the kept ones, ``prediction``, ``prediction_name`` where classes are numbers
            that the data name (``classes.txt``), and ``probability_<class>`` for each class.

        Raises
        ------
        ColumnError
            If a feature, or a column to keep, is absent.
        BadRowError
            Under ``"error"``: naming the place and what is wrong.
        OptionError, RunError
            If `output` has another suffix, is there already, or cannot be written.
        """
        if overwrite and output is None:
            raise OptionError("overwrite has no effect without output=")
        require_hosts(hosts)
        goes_to = quarantine_of(quarantine, on_bad_row, of_files=not _is_held(rows))
        bad = UnscoredRows()
        answer = Predicted(spec=self.spec, form=None if output is None else prediction_format(output))
        source = self._asked(rows, keep, rename, output)
        pieces = FilePieces(source=source, inputs=self.transform, on_bad_row=on_bad_row)
        parts = closing(self._answered(pieces, answer, hosts=hosts, bad=bad, progress=progress, keep=keep))
        if output is not None:
            schema = prediction_schema(self.spec, keep)
            with parts as answers:
                report = write_predictions(answers, output, schema, overwrite=overwrite)
            self._quarantine(goes_to, rows, bad, rename, with_label=False)
            return replace(report, bad_rows=bad.count, first_bad=bad.first, unread=bad.warn())
        with parts as answers:
            found = list(answers)
        bad.warn()
        self._quarantine(goes_to, rows, bad, rename, with_label=False)
        table = pa.concat_tables(found) if found else prediction_schema(self.spec, keep).empty_table()
        if not hasattr(rows, "iloc"):
            return table
        frame = table.to_pandas(use_threads=table.num_rows > SEGMENT_ROWS)
        frame.index = rows.index
        return frame

    def evaluate(
        self,
        rows: Any,
        *,
        rename: Mapping[str, str] | None = None,
        on_bad_row: str = "skip",
        quarantine: str | os.PathLike[str] | None = None,
        hosts: int = 1,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Evaluate on rows that have labels.

        Rows that `predict` has no answer for, and those without a label, are left out and counted.

        Parameters
        ----------
        rows
            Files, a Source, a feed, or a frame as in `predict`, with the label column.
        rename
            As in `predict`; of the label, too.
        on_bad_row
            ``"skip"``, ``"error"`` or ``"quarantine"`` as in `predict`; a feed has settled it.
        quarantine, hosts
            As in `predict`. Counts are those of one process, other figures to float32's rounding.
        progress
            For files: called with bytes done and bytes in all; for a feed with rows.

        Raises
        ------
        BadRowError
            Under ``"error"``: naming the place and what is wrong.
        DataError
            For a label that training never saw, and where no row can be scored.
        """
        require_hosts(hosts)
        if isinstance(rows, BaseFeed):
            quarantine_of(quarantine, on_bad_row, of_files=False)
            if hosts > 1:
                raise refuse_on_hosts()
            if rename:
                raise OptionError("rename is for files: name the columns as the feed's source is opened")
            return evaluate(self.model, rows, target=self.target, progress=progress)
        goes_to = quarantine_of(quarantine, on_bad_row, of_files=not _is_held(rows))
        if self.target is None:
            raise RunError(f"{self.directory} has no record of its label: it cannot evaluate")
        source = self._source(rows, rename, with_label=True)
        weight = None if self.spec.sample_weight is None else Passthrough(self.spec.sample_weight)
        pieces = FilePieces(
            source=source,
            inputs=self.transform,
            target=self.target,
            weight=weight,
            on_bad_row=on_bad_row,
        )
        bad = UnscoredRows()
        try:
            if hosts > 1:
                parts = self._answered(pieces, Labelled(), hosts=hosts, bad=bad, progress=progress)
                with closing(parts) as answers:
                    found = evaluate_answers(self.model, self.spec, answers, self.target)
            else:
                counted = bad.counted(file_pieces(pieces, progress=progress))
                batches = ((piece.x, piece.y, piece.weights) for piece in counted if piece.y is not None)
                found = evaluate_batches(self.model, self.spec, batches, self.target)
        except DataError as error:
            if bad.first is None or bad.scored:
                raise
            raise DataError(f"{error}: {bad.count:,} cannot be scored, the first is {bad.first}") from error
        self._quarantine(goes_to, rows, bad, rename, with_label=True)
        return replace(found, skipped_rows=bad.count, first_skipped=bad.first, unread=bad.warn())

    def _answered(self, pieces: FilePieces, answer: Answer, **how: Any) -> Generator[Any]:
        return answered(pieces, answer, self.model, self.spec, self.target, **how)

    def _asked(
        self,
        rows: Any,
        keep: Sequence[str],
        rename: Mapping[str, str] | None,
        output: str | os.PathLike[str] | None,
    ) -> Source:
        """Rows to predict."""
        if self._are_texts(rows):
            rows = {self.spec.features[0]: rows}
        source = self._source(rows, rename, with_label=False, keep=keep)
        for path in (located(each) for each in source.places if "://" not in each):
            if output is not None and os.path.exists(output) and os.path.samefile(path, output):
                raise OptionError(
                    f"{os.fspath(output)} is one of the files to predict on, and predictions would take its "
                    "place: name another output"
                )
        return source

    def _are_texts(self, rows: Any) -> bool:
        """Whether a list holds texts to score and not the paths of files."""
        if not isinstance(self.transform, TextTransform) or isinstance(rows, Source) or not is_texts(rows):
            return False
        if len(rows) and all(isinstance(text, str) and is_remote(text) for text in rows):
            return False
        if len(self.spec.features) > 1:
            raise OptionError(
                f"this run learned from {len(self.spec.features)} columns of text: give a frame or a mapping "
                f"with {', '.join(map(repr, self.spec.features))}"
            )
        if len(rows) and all(isinstance(text, str) and os.path.exists(text) for text in rows):
            raise OptionError(
                f"a list of strings is a list of texts, and {rows[0]!r} is a file: to score what it holds, "
                "give its path alone, or several as pathlib.Path"
            )
        return True

    def _source(
        self, rows: Any, rename: Mapping[str, str] | None, *, with_label: bool, keep: Sequence[str] = ()
    ) -> Source:
        try:
            return source_of(self.record, self.spec, rows, rename, with_label=with_label, keep=keep)
        except ColumnError:
            raise
        except DataError as error:
            if with_label or not self._may_be_a_text(rows):
                raise
            raise DataError(f"{error}; a text itself is given in a list") from error

    def _quarantine(
        self,
        path: str | os.PathLike[str] | None,
        rows: Any,
        bad: UnscoredRows,
        rename: Mapping[str, str] | None,
        *,
        with_label: bool,
    ) -> None:
        if path is not None:
            bad.write(path, self._source(rows, rename, with_label=with_label), self.transform)

    def _may_be_a_text(self, rows: Any) -> bool:
        """Whether a string that names no file may have been meant as a text to score."""
        return (
            isinstance(rows, str) and isinstance(self.transform, TextTransform) and not os.path.exists(rows)
        )


def _is_held(rows: Any) -> bool:
    """Whether these are rows in memory that are no source yet."""
    return not isinstance(rows, Source) and not are_paths(rows)
