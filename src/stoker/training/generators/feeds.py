"""`GeneratorFeed`: a generator or a Sequence where a feed is, with what is known of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from threading import Lock
from typing import Any, Literal, NoReturn, TypeAlias

from stoker.errors import OptionError
from stoker.training.callers import users_stack_level
from stoker.training.generators.batches import BatchMaker
from stoker.training.generators.kinds import kind_of, length_of, whole
from stoker.training.generators.streams import FeedStream, IteratorStream, SequenceStream, Stream
from stoker.training.generators.workers import Workers
from stoker.types import Batch

__all__ = ["GeneratorFeed", "Role"]

Role: TypeAlias = Literal["training", "validation", "evaluation", "prediction"]


class GeneratorFeed:
    """Batches of a generator, an iterator, a Sequence or another feed, for `stoker.fit`.

    The stream never goes back: each epoch takes the next `steps_per_epoch` batches. As validation, a Sequence
    begins at 0 each time, and a generator goes on.

    Parameters
    ----------
    generator
        Gives ``(x, y)`` or ``(x, y, sample_weight)``.
    steps_per_epoch
        Batches in an epoch. May be left out where there is a length, which is asked again after each epoch.
    workers
        Threads or processes; 0 computes in the calling thread. A generator has one at most.
    max_queue_size
        Batches made ahead, beside those that workers are at.
    use_multiprocessing
        Spawned processes instead of threads.
    class_weight
        ``{class: weight}`` for training.
    shuffle
        Train on a Sequence's batches in another order in each pass.
    steps_name
        What whoever calls calls `steps_per_epoch`, for messages.

    Raises
    ------
    OptionError
        If there is no length and no `steps_per_epoch`, or an option cannot be.

    Examples
    --------
    ::

        feed = stoker.GeneratorFeed(batches(), steps_per_epoch=100, workers=0)
        stoker.fit(model, feed, validation=(x_valid, y_valid), epochs=5, run="runs/a")
    """

    num_rows = None
    batch_size = None

    def __init__(
        self,
        generator: Any,
        *,
        steps_per_epoch: Any = None,
        workers: int = 1,
        max_queue_size: int = 10,
        use_multiprocessing: bool = False,
        class_weight: Any = None,
        shuffle: bool = True,
        steps_name: str = "steps_per_epoch",
    ) -> None:
        self.kind = kind_of(generator)
        self.generator = generator
        self.steps = None if steps_per_epoch is None else whole(steps_per_epoch, steps_name)
        self._steps_name = steps_name
        self.workers = Workers(
            count=whole(workers, "workers", least=0),
            in_processes=bool(use_multiprocessing),
            queue=whole(max_queue_size, "max_queue_size", least=0),
        )
        self._class_weight = class_weight
        self._shuffle = shuffle
        self._stream: Stream | None = None
        self._first: Batch | None = None
        self._handed = 0
        self._restarts = False
        self.lock = Lock()
        if self.steps is None and self._length() is None:
            raise OptionError(
                f"{steps_name} is needed: a {type(generator).__name__} has no length (a Sequence has one)"
            )

    def open(
        self,
        role: Role,
        *,
        rounds: int | None = None,
        first_round: int = 0,
        floats: str = "float32",
        output_names: tuple[str, ...] = (),
        seed: int = 0,
        beside: GeneratorFeed | None = None,
    ) -> None:
        """Start one call's stream: `rounds` times `num_batches` are the most that it can need.

        Parameters
        ----------
        role
            What the batches are for: class weights and shuffling are for training.
        rounds, first_round
            Epochs, or validations, and the number of the first; None where nobody knows.
        floats, output_names
            See `BatchMaker`.
        seed
            Of the order of a Sequence's batches.
        beside
            Another feed of the same call, perhaps over the same object.
        """
        training = role == "training"
        self.end()
        self._restarts = role == "validation" and self.kind != "iterator"
        make = BatchMaker(
            floats=floats,
            class_weight=self._class_weight if training else None,
            output_names=output_names,
            inputs_only=role == "prediction",
        )
        wanted = None if self.steps is None or rounds is None or self._restarts else rounds * self.steps
        same = beside is not None and beside.generator is self.generator
        if self.kind == "feed":
            self._stream = FeedStream(self.generator, make, first_pass=first_round)
        elif self.kind == "sequence":
            self._stream = SequenceStream(
                self.generator,
                make,
                workers=self.workers,
                wanted=wanted,
                seed=seed if training and self._shuffle else None,
                first_pass=first_round,
                quiet=same,
            )
        else:
            self._stream = self._iterator_stream(make, wanted, rounds, beside if same else None)
            if self._too_many_processes and not (beside is not None and beside._too_many_processes):
                warnings.warn(
                    f"a generator cannot be shared by {self.workers.count} processes and runs in one: "
                    "make it a keras.utils.Sequence, whose batches are computed in parallel",
                    UserWarning,
                    stacklevel=users_stack_level(),
                )

    @property
    def _too_many_processes(self) -> bool:
        return self.kind == "iterator" and self.workers.in_processes and self.workers.count > 1

    def _iterator_stream(
        self, make: BatchMaker, wanted: int | None, rounds: int | None, twin: GeneratorFeed | None
    ) -> IteratorStream:
        if twin is not None and self.workers.in_processes and self.workers.count:
            raise OptionError(
                "one generator as training and validation data cannot be in two processes: pass two "
                "generators, or use threads (use_multiprocessing=False)"
            )
        asked = (
            f"{wanted} were asked for ({rounds} x {self.steps} steps)" if wanted else "more were asked for"
        )
        source = self.generator
        return IteratorStream(
            source if hasattr(source, "__next__") else iter(source),
            make,
            workers=self.workers,
            wanted=wanted,
            asked=asked,
            lock=self.lock if twin is None else twin.lock,
        )

    @property
    def is_here(self) -> bool:
        """Whether batches are computed in the calling thread, where they may use the model."""
        return self.kind != "feed" and not self.workers.count

    @property
    def num_batches(self) -> int:
        """Batches in an epoch; without `steps_per_epoch` as many as the Sequence has now."""
        if self.steps is not None:
            return self.steps
        length = self._length() if self._stream is None else self._stream.pass_length()
        if length is None:
            raise OptionError(f"{self._steps_name} is needed: the Sequence no longer has a length")
        return length

    def _length(self) -> int | None:
        if self.kind == "feed":
            return int(self.generator.num_batches)
        return length_of(self.generator) if self.kind == "sequence" else None

    @property
    def spec(self) -> NoReturn:
        """Refused: what a generator yields is known only when it yields."""
        raise OptionError("a generator has no spec: what its rows are is known only when they come")

    @property
    def ledger(self) -> Any:
        """The ledger of a feed within; a generator has none."""
        return getattr(self.generator, "ledger", None) if self.kind == "feed" else None

    def derive(self, source: Any, /) -> NoReturn:
        """Refused: a generator has no transform to share."""
        raise OptionError(
            "a generator has no transform that other rows could share: pass validation as a generator, a "
            "Sequence or arrays (x, y)"
        )

    def first(self) -> Batch:
        """The first batch, which is handed over as such later: nothing is pulled twice or lost."""
        if self._first is None:
            self._first = next(self._opened())
        return self._first

    def epoch(self, epoch: int, start_batch: int = 0) -> EpochOfStream:
        """The next batches of the stream, whatever the epoch's number; a validation Sequence begins again."""
        if start_batch:
            raise OptionError("a generator cannot begin within an epoch: it has no random access")
        if self._restarts:
            self._opened().restart(self.num_batches)
        self._handed = 0
        return EpochOfStream(self)

    def turn(self, *, more: bool) -> None:
        """An epoch is over: end the pass if it is complete, and begin the next if more is wanted."""
        if self._stream is not None:
            self._stream.turn(more=more)

    def end(self) -> None:
        """Stop all workers; idempotent."""
        stream, self._stream = self._stream, None
        self._first = None
        if stream is not None:
            stream.close()

    def _opened(self) -> Stream:
        if self._stream is None:
            raise OptionError("this feed is not open: pass it to stoker.fit")
        return self._stream

    def _next(self) -> Batch:
        batch, self._first = self._first, None
        if batch is None:
            batch = next(self._opened())
        self._handed += 1
        if self.steps is not None and self._handed < self.steps:
            self._opened().turn(more=True)
        return batch

    def _ready(self) -> bool:
        return self._first is not None or self._opened().ready()


class EpochOfStream:
    """A stretch of a stream that goes on after it; how long it is, who takes it knows."""

    def __init__(self, feed: GeneratorFeed) -> None:
        self._feed = feed

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return self._feed._next()

    def ready(self) -> bool:
        """Whether the next batch can be had without waiting."""
        return self._feed._ready()

    def close(self) -> None:
        """The stream goes on."""
