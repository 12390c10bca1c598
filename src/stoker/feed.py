"""What users hold: rows of a source, fitted transforms and an order, as batches for a model."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from stoker import backends
from stoker.choosing import Automatic, without_choice
from stoker.epochs import BaseFeed, DerivedFeed
from stoker.errors import OptionError, RunError
from stoker.inheritance import Inheritance
from stoker.mirror import fetched
from stoker.plan import CacheOption, PlanOptions, Shuffle, parse_bytes
from stoker.preparation import FeedOptions, Preparation, training_stage, with_cache
from stoker.rundir import RunDirectory
from stoker.sources import Source
from stoker.survey import Survey
from stoker.survey.policy import BadRows, NaOption
from stoker.survey.quarantine import Quarantine
from stoker.task import TaskOption
from stoker.transforms import from_state
from stoker.transforms.base import InputTransform
from stoker.transforms.numeric import Cast
from stoker.transforms.texts import TextTransform
from stoker.types import Progress
from stoker.weights import ClassWeight

__all__ = ["BaseFeed", "DerivedFeed", "Feed"]


class Feed(BaseFeed):
    r"""Shuffled, transformed batches of a source under a memory budget.

    Nothing is read before `prepare`, which the first use of anything that needs it calls.

    Parameters
    ----------
    source
        The training rows: what `stoker.open` gave, or a view of it.
    transform
        Of the features; None standardises numbers, and makes an `NgramVectorizer` of texts; `Columns` makes
        several inputs of columns of any kind, and ``"auto"`` chooses them by what the columns hold, where
        there are others than numbers without blanks. It is fitted on these rows unless it is already. A
        function makes one out of what the survey found.
    target
        Of labels to regress on: `Standardize`, `MinMax`, `Scale`, `Robust` or `Log1p`, not fitted. The model
        learns the transformed labels; predictions and `evaluate` are in the labels' own unit. ``"auto"``
        standardises numbers where there are several labels, and leaves one label as it is.
    batch_size
        Rows a batch; ``"usual"`` are 128 of texts alone, 32 where one of the inputs is of images, else 256.
    shuffle
        True or ``"block"``: blocks of rows in random order, windows of them shuffled, at the speed of a scan.
        ``"exact"``: uniform over all rows. False: file order.
    seed
        Of the order of rows, and of nothing else: weights and dropout are seeded where the model is made, by
        ``stoker.models.mlp(feed, seed=)`` or ``keras.utils.set_random_seed`` before it.
    memory
        For all of stoker's buffers together: bytes, or a text such as ``"64MB"``.
    task
        ``"binary"``, ``"classes"``, ``"regression"``, or ``"auto"``, which goes by the label.
    na
        What becomes of blanks: ``"error"`` (the default), ``"mean"``, ``"zero"`` or ``"drop-row"``; or a
        mapping by column. With `Columns`, and with ``"auto"``, their transforms say it where it is left out.
    on_bad_row
        ``"error"``, ``"skip"``, or ``"quarantine"``, which skips the same rows and writes them to a file.
    max_bad_rows
        The most rows that may be skipped; None sets no bound.
    quarantine
        Where ``on_bad_row="quarantine"`` writes to, a ``.csv`` or ``.jsonl`` file: when the feed is prepared,
        and when a feed of other files is derived. None leaves it to ``stoker.fit(..., run=DIR)``, which takes
        ``DIR/quarantine.csv``. A line a row: file, line, row, column, reason, and what stands in the file.
    class_weight
        ``"balanced"``, a mapping from every label to its weight, or None.
    cache
        Whether parsed rows are kept on disk: ``"auto"`` decides by epochs and room.
    epochs
        How many are planned; decides the cache, and with two or more that what becomes of texts is kept in
        memory where it fits. It changes no batch.
    init
        A run directory to begin with: its fitted transform and its classes are taken over, by the rules of
        docs/reliability.md; ``stoker.fit(…, init=)`` takes its weights as well.
    workers
        Threads a stage; None takes the number of cores, 0 works in the calling thread.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "tiny.csv")
    >>> _ = path.write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    >>> feed = stoker.Feed(stoker.open(path, label="y"), batch_size=2, shuffle=False)
    >>> [batch.y.tolist() for batch in feed.epoch(0)]
    [[0, 1], [0, 1]]
    >>> temporary.cleanup()
    """

    _reuses_buffers = True

    def __init__(
        self,
        source: Source,
        *,
        transform: InputTransform
        | Automatic
        | Callable[[Survey], InputTransform]
        | Literal["auto"]
        | None = None,
        target: Cast | Literal["auto"] | None = None,
        batch_size: int | Literal["usual"] = 256,
        shuffle: Shuffle = True,
        seed: int = 0,
        memory: str | int = "1GB",
        task: TaskOption = "auto",
        na: NaOption | None = None,
        on_bad_row: BadRows = "error",
        max_bad_rows: int | None = None,
        quarantine: str | os.PathLike[str] | None = None,
        class_weight: ClassWeight = None,
        cache: CacheOption = "auto",
        epochs: int = 1,
        init: str | os.PathLike[str] | None = None,
        workers: int | None = None,
    ) -> None:
        _require_opened(source)
        if quarantine is not None and on_bad_row != "quarantine":
            raise OptionError("quarantine has no effect without on_bad_row='quarantine'")
        if init is not None and transform is not None:
            raise OptionError("transform has no effect beside init=, whose transform is taken: leave one out")
        if isinstance(transform, str):
            if transform != "auto":
                raise OptionError(f"transform must be a transform, or 'auto', got {transform!r}")
            transform = Automatic()
        if isinstance(batch_size, str) and batch_size != "usual":
            raise OptionError(f"batch_size must be a number of rows, or 'usual', got {batch_size!r}")
        if na is None:
            na = "transform" if isinstance(transform, Automatic) else "error"
        self.source = source
        self.options = FeedOptions(
            plan=PlanOptions(
                batch_size=256 if isinstance(batch_size, str) else batch_size,
                shuffle=shuffle,
                seed=seed,
                memory_bytes=parse_bytes(memory),
                cache=cache,
                epochs=epochs,
                workers=workers,
            ),
            transform=transform,
            target=target,
            task=task,
            na=na,
            on_bad_row=on_bad_row,
            max_bad_rows=max_bad_rows,
            quarantine=Quarantine(quarantine) if on_bad_row == "quarantine" else None,
            class_weight=class_weight,
            inheritance=None if init is None else _inherited(init),
            batches="usual" if isinstance(batch_size, str) else "given",
        )
        self._prepared: Preparation | None = None
        self._cached = False

    def __repr__(self) -> str:
        return (
            f"<Feed of {self.source!r}, not prepared yet>" if self._prepared is None else super().__repr__()
        )

    @property
    def is_prepared(self) -> bool:
        """Whether the files have been surveyed."""
        return self._prepared is not None

    @property
    def stage(self) -> Preparation:
        """Everything resolved; prepares the feed if nobody did."""
        if self._prepared is None:
            self.prepare()
        assert self._prepared is not None
        return self._prepared

    def prepare(
        self,
        progress: Progress | None = None,
        fitting: Progress | None = None,
        note: Callable[[str], None] | None = None,
        *,
        draft_cache: bool = True,
    ) -> Feed:
        """Survey the files, settle the task, fit the transforms, resolve the plan; once.

        Parameters
        ----------
        progress
            Called with bytes done and bytes in all during the survey.
        fitting
            Called with rows done and rows in all while a transform reads the rows to learn from them; one of
            numbers has learned from the survey.
        note
            Called before that, with a sentence on the temporary space that learning may take.
        draft_cache
            Whether the cache, where one is planned, may be written in the survey's pass over the files; if
            not, it is made in a pass of its own when the first batch is asked for.

        Raises
        ------
        DataError
            For rows, columns or labels that cannot be trained on; every one of them in one message.
        OptionError, MemoryBudgetError
            For options that cannot be.
        """
        if self._prepared is None:
            backends.prepare_for_threads()
            self._prepared = training_stage(
                self.source, self.options, progress, fitting, note, draft=draft_cache
            )
        return self

    def place_quarantine(self, path: str | os.PathLike[str]) -> None:
        """Say where bad rows are written to, if that is asked for and was not said; at once if prepared."""
        if self.options.quarantine is not None:
            self.options.quarantine.place(path)

    def inherit(self, run: str | os.PathLike[str]) -> Inheritance:
        """Have the feed begin with a run, as ``init=`` does, unless it does so already.

        Raises
        ------
        OptionError
            If the feed begins otherwise.
        RunError
            If there is no such run.
        """
        old = self.options.inheritance
        is_free = self.options.transform is None or isinstance(self.options.transform, Automatic)
        if old is None and self._prepared is None and is_free:
            na = without_choice(self.options.na)
            self.options = replace(self.options, inheritance=_inherited(run), na=na)
        elif old is None or os.path.abspath(old.run) != os.path.abspath(run):
            raise OptionError(
                f"the weights of init={os.fspath(run)!r} are for its own transforms and classes, and the "
                f"feed has others: make it with stoker.Feed(…, init={os.fspath(run)!r})"
            )
        assert self.options.inheritance is not None
        return self.options.inheritance

    def close(self) -> None:
        """Release files, mappings and idle buffers, if there are any yet; the feed may be used again."""
        if self._prepared is not None:
            super().close()

    def build_cache(self, progress: Progress | None = None) -> None:
        """Have the plan's cache made now rather than when the first batch is asked for."""
        if self.plan.use_cache and not self._cached:
            self._prepared = with_cache(self.stage, progress)
            self._cached = True


def _require_opened(source: object) -> None:
    """Refuse rows that are no source yet, and say how they become one."""
    if not isinstance(source, Source):
        rows = repr(os.fspath(source)) if isinstance(source, str | os.PathLike) else "rows"
        raise OptionError(
            f"the rows of a feed are opened first, got {type(source).__name__}: write "
            f"stoker.Feed(stoker.open({rows}, label=…), …)"
        )


def _inherited(run: str | os.PathLike[str]) -> Inheritance:
    """What a run directory passes on."""
    directory = RunDirectory(fetched(run, models=False))
    record, name = directory.read(), os.fspath(run)
    if record.spec is None:
        raise RunError(f"{name} was trained on a generator, and has no transforms to begin with")
    inputs = from_state(directory.transform_state(record))
    if not isinstance(inputs, InputTransform):
        raise RunError(f"{name}: its transform, {type(inputs).__name__}, is none of features")
    if isinstance(inputs, TextTransform):
        inputs.columns_ = inputs.columns_ or record.spec.features
    target = from_state(record.target) if record.target else None
    width = _embedding_dim(record.training.get("layers"))
    return Inheritance(run=name, spec=record.spec, inputs=inputs, target=target, embedding_dim=width)


def _embedding_dim(layers: Any) -> int | None:
    """Numbers for each word of the first such layer, of layers as run.json has them."""
    for name, settings in layers.items() if isinstance(layers, dict) else ():
        if name.endswith(" Embedding") and isinstance(settings, dict):
            width = settings.get("output_dim")
            return width if isinstance(width, int) and width > 0 else None
    return None
